// What is accepted, how it is stored, and what clients are told.
#include "tests/unit/intake/intake_world.hpp"

#include <zlib.h>

using namespace lakeferry;
using namespace lakeferry::test;

namespace {

std::string gzip(std::string_view text)
{
    z_stream z{};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    std::string out(deflateBound(&z, text.size()) + 32, '\0');
    std::string in(text);
    z.next_in = reinterpret_cast<Bytef*>(in.data());
    z.avail_in = static_cast<uInt>(in.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, Z_FINISH);
    out.resize(z.total_out);
    deflateEnd(&z);
    return out;
}

http::headers gzip_fields()
{
    auto out = intake_world::json_fields("k-web:");
    out.add("Content-Encoding", "gzip");
    return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST(Service, EveryRouteStoresTheCallAsReceivedWithItsType)
{
    const std::pair<const char*, const char*> routes[] = {
        {"/v1/track", "track"}, {"/v1/t", "track"},   {"/v1/identify", "identify"}, {"/v1/i", "identify"},
        {"/v1/page", "page"},   {"/v1/p", "page"},    {"/v1/screen", "screen"},     {"/v1/s", "screen"},
        {"/v1/group", "group"}, {"/v1/g", "group"},   {"/v1/alias", "alias"},       {"/v1/a", "alias"}};
    intake_world w;
    const std::string body = "{ \"userId\":\"u\", \"event\":\"é\",\"groupId\":1,\"previousId\":2 }";
    for (const auto& [path, type] : routes) {
        const auto answer = w.post(path, " " + body + "\r\n");
        EXPECT_EQ(answer.status, 200U) << path;
        EXPECT_EQ(answer.body, R"({"success":true})");
    }
    const auto blocks = w.blocks();
    ASSERT_EQ(blocks.size(), std::size(routes));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_EQ(blocks[i].arrival, i + 1);
        EXPECT_EQ(blocks[i].type, routes[i].second);
        EXPECT_EQ(blocks[i].texts, texts{body}) << "byte for byte";
        EXPECT_EQ(blocks[i].sources, texts{"src-web"});
        EXPECT_EQ(blocks[i].received_us, std::vector<std::int64_t>{world_start_us});
    }
    EXPECT_EQ(w.metrics.value("lakeferry_intake_calls_total", {{"space", "acme"}}), 12);
    EXPECT_EQ(w.woken.size(), 12U);
}

TEST(Service, OverHttpTheClientsReceivedAtIsIgnored)
{
    intake_world w;
    EXPECT_EQ(w.post("/v1/page", R"({"userId":"u","receivedAt":"2020-01-01T00:00:00Z"})").status, 200U);
    EXPECT_EQ(w.blocks()[0].received_us[0], world_start_us);
}

TEST(Service, ABatchIsOneBlockWithItsEnvelope)
{
    intake_world w;
    for (const char* path : {"/v1/batch", "/v1/b", "/v1/import"}) {
        const auto answer = w.post(path, R"({"sentAt":"2026-01-01", "context" : {"ip":"1", "n": 1.0},"extra":1,
            "batch":[ {"type":"page","userId":"u"} ,{"type":"track","userId":"v","event":"e"}],
            "integrations":{"All":true},"writeKey":"k-app"})", "");
        EXPECT_EQ(answer.status, 200U) << answer.body;
        EXPECT_EQ(answer.body, R"({"success":true})");
    }
    const auto blocks = w.blocks();
    ASSERT_EQ(blocks.size(), 3U);
    EXPECT_EQ(blocks[0].type, "");
    EXPECT_EQ(blocks[0].envelope, R"({"context":{"ip":"1", "n": 1.0},"integrations":{"All":true},"sentAt":"2026-01-01"})")
        << "numbers as they were written";
    EXPECT_EQ(blocks[0].texts,
              (texts{R"({"type":"page","userId":"u"})", R"({"type":"track","userId":"v","event":"e"})"}));
    EXPECT_EQ(blocks[0].sources, (texts{"src-app", "src-app"}));
}

TEST(Service, InABatchTheGoodCallsAreKeptAndTheBadOnesNamed)
{
    intake_world w;
    const auto answer = w.post("/v1/batch", "{\"batch\":[{\"type\":\"page\",\"userId\":\"1\"},"
                                            "{\"type\":\"track\",\"userId\":\"2\"},"
                                            "{\"type\":\"page\",\"userId\":\"3\",\"n\":NaN},"
                                            "{\"type\":\"page\",\"userId\":\"4\",\"userId\":\"5\"},"
                                            "7,"
                                            "{\"type\":\"page\",\"userId\":\"\xFF\"},"
                                            "{\"type\":\"buy\",\"userId\":\"6\"},"
                                            "{\"type\":\"page\",\"userId\":\"7\",\"writeKey\":\"nobody\"},"
                                            "{\"type\":\"page\",\"userId\":\"8\",\"writeKey\":\"k-old\"},"
                                            "{\"type\":\"page\",\"userId\":\"9\",\"x\":\"" +
                                                std::string(32768, 'x') + "\"},"
                                            "{\"type\":\"page\",\"userId\":\"10\"}]}");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(field_of(answer, "success"), "true");
    EXPECT_EQ(field_of(answer, "accepted"), "2");
    const auto body = boost::json::parse(answer.body);
    std::string seen;
    for (const auto& item : body.at("rejected").as_array()) {
        seen += std::to_string(item.at("index").as_int64()) + " " + item.at("code").as_string().c_str() + "\n";
        EXPECT_GT(item.at("message").as_string().size(), 10U);
    }
    EXPECT_EQ(seen,
              "1 event_not_defined\n2 bad_request\n3 bad_request\n4 bad_request\n5 bad_request\n6 unknown_type\n"
              "7 unknown_source\n8 source_disabled\n9 too_large\n");
    EXPECT_EQ(w.blocks()[0].texts,
              (texts{R"({"type":"page","userId":"1"})", R"({"type":"page","userId":"10"})"}));
    EXPECT_EQ(w.refused("bad_request"), 4);
    EXPECT_EQ(w.refused("too_large"), 1);
    EXPECT_EQ(w.refused("unknown_source"), 1) << "counted for the space whose key came with the batch";
}

TEST(Service, ABatchOfBadCallsOnlyIsStillAnswered200)
{
    intake_world w;
    const auto answer = w.post("/v1/batch", R"({"batch":[{"type":"page"}]})");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(field_of(answer, "accepted"), "0");
    EXPECT_TRUE(w.blocks().empty());
}

TEST(Service, ItemsWithKeysOfTheirOwnGoToTheirSpaces)
{
    intake_world w;
    const auto answer = w.post("/v1/batch", R"({"batch":[{"type":"page","userId":"1","writeKey":"b-web"},
        {"type":"page","userId":"2"},{"type":"page","userId":"3","writeKey":"k-app"}]})");
    EXPECT_EQ(answer.body, R"({"success":true})");
    EXPECT_EQ(w.calls(1), 2U);
    EXPECT_EQ(w.calls(2), 1U);
    EXPECT_EQ(w.blocks(1)[0].sources, (texts{"src-web", "src-app"}));
    EXPECT_EQ(w.db->durable_writes, 1) << "one write for both spaces";
}

TEST(Service, GzipBodiesAreUnpackedWithinTheLimit)
{
    intake_world w;
    const std::string body = R"({"batch":[{"type":"page","userId":"u"}]})";
    EXPECT_EQ(w.post("/v1/batch", gzip(body), gzip_fields()).status, 200U);
    EXPECT_EQ(w.post("/v1/batch", gzip(body.substr(0, 10)) + gzip(body.substr(10)), gzip_fields()).status, 200U)
        << "several members";
    EXPECT_EQ(w.calls(), 2U);

    const std::string bomb = gzip(std::string(50U << 20, ' '));
    EXPECT_LT(bomb.size(), 100'000U);
    const auto answer = w.post("/v1/batch", bomb, gzip_fields());
    EXPECT_EQ(answer.status, 413U);
    EXPECT_EQ(field_of(answer, "code"), "too_large");

    // A trailer that lies about the size changes nothing.
    std::string liar = gzip(body);
    liar.replace(liar.size() - 4, 4, "\xFF\xFF\xFF\x7F");
    EXPECT_EQ(w.post("/v1/batch", liar, gzip_fields()).status, 400U);
    for (const std::string& broken : {std::string("plain"), gzip(body).substr(0, 20), gzip(body) + "x", std::string("\x1f")}) {
        const auto no = w.post("/v1/batch", broken, gzip_fields());
        EXPECT_EQ(no.status, 400U);
        EXPECT_EQ(field_of(no, "field"), "Content-Encoding");
    }
    EXPECT_EQ(w.calls(), 2U);
}

TEST(Service, TheLastRefusalsCanBeLookedAt)
{
    intake_world w;
    EXPECT_EQ(w.post("/v1/track", R"({"userId":"u"})").status, 400U);
    EXPECT_EQ(w.post("/v1/batch", R"({"batch":[{"type":"page","userId":"u"},{"type":"page"}]})").status, 200U);
    EXPECT_EQ(w.post("/v1/track", "{\"userId\":\"" + std::string(3000, 'y') + "\xFF\"}").status, 400U);
    EXPECT_EQ(w.post("/v1/track", R"({"userId":"u","event":"e"})", "nobody:").status, 401U);
    w.settle();
    const auto list = *intake::list_refusals(*w.db, 1, 10);
    ASSERT_EQ(list.size(), 3U);
    EXPECT_EQ(list[0].reason, "bad_request");
    EXPECT_LE(list[0].text.size(), 2048U);
    EXPECT_EQ(list[1].where, "/v1/batch, item 1");
    EXPECT_EQ(list[1].text, R"({"type":"page"})");
    EXPECT_EQ(list[2].reason, "event_not_defined");
    EXPECT_EQ(list[2].field, "event");
    EXPECT_EQ(list[2].via, "http");
    EXPECT_EQ(list[2].source, "src-web");
    EXPECT_EQ(list[2].where, "/v1/track");
    EXPECT_EQ(list[2].at_us, world_start_us);
    EXPECT_EQ(w.refused("unknown_source", ""), 1) << "no space can be told";
    EXPECT_EQ(intake::list_refusals(*w.db, 1, 1)->size(), 1U);
    EXPECT_TRUE(intake::list_refusals(*w.db, 2, 10)->empty());
}

TEST(Service, OnlyTheLastRefusalsAreKeptAndNumbersGoOnAfterARestart)
{
    intake_world w;
    for (int i = 0; i < 12; ++i)
        EXPECT_EQ(w.post("/v1/track", R"({"userId":")" + std::to_string(i) + "\"}").status, 400U);
    w.settle();
    auto list = *intake::list_refusals(*w.db, 1, 100);
    ASSERT_EQ(list.size(), 5U);
    EXPECT_EQ(list[0].text, R"({"userId":"11"})");
    EXPECT_EQ(list[4].text, R"({"userId":"7"})");
    EXPECT_EQ(w.post("/v1/page", R"({"userId":"u"})").status, 200U);  // syncs what was written before, too
    w.restart();
    EXPECT_EQ(w.post("/v1/track", R"({"userId":"again"})").status, 400U);
    w.settle();
    list = *intake::list_refusals(*w.db, 1, 100);
    ASSERT_EQ(list.size(), 5U);
    EXPECT_EQ(list[0].text, R"({"userId":"again"})");
    EXPECT_EQ(list[1].text, R"({"userId":"11"})");
}

TEST(Service, ARemovedSourceIsRefusedWhileItsBodyWasOnTheWay)
{
    intake_world w;
    http::request what{"POST", "/v1/track", intake_world::json_fields("k-web:"), R"({"userId":"u","event":"e"})"};
    http::request_head head{what.method, what.target, &what.fields, what.body.size()};
    ASSERT_FALSE(w.service->admit(head));
    w.sources.swap(*intake::source_table::make({}));
    EXPECT_EQ(w.get(w.service->handle(what)).status, 401U);
}

TEST(Service, TwoSourcesWithOneWriteKeyAreRefused)
{
    const auto a = example_space("acme", "k-");
    const auto b = example_space("beta", "k-");
    const auto made = intake::source_table::make({{1, &a}, {2, &b}});
    ASSERT_TRUE(made.has_error());
    EXPECT_EQ(made.error().id, "intake.write_key_twice");
    EXPECT_NE(made.error().detail.find("beta"), std::string::npos);
}

TEST(Service, RunsBehindTheRealServerOnANetworkThatCutsBodiesInPieces)
{
    intake_world w;
    w.net.faults.chunking = true;
    const std::string body = R"({"batch":[{"type":"page","userId":"u"}]})";
    const std::string request = "POST /v1/batch HTTP/1.1\r\nHost: intake\r\nContent-Type: application/json\r\n"
                                "Authorization: Basic " + intake_world::base64("k-web:") +
                                "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const auto heard = w.get([](intake_world& world, std::string text) -> rt::awaitable<std::string> {
        auto stream = co_await world.net.connect({"http", "intake", ""}, {});
        (void)co_await (*stream)->write(boost::asio::buffer(text));
        std::string out;
        while (out.find("\r\n\r\n{") == std::string::npos || out.back() != '}') {
            char buffer[256];
            const auto [ec, n] = co_await (*stream)->read_some(boost::asio::buffer(buffer));
            if (ec) break;
            out.append(buffer, n);
        }
        co_return out;
    }(w, request));
    EXPECT_NE(heard.find("HTTP/1.1 200"), std::string::npos) << heard;
    EXPECT_NE(heard.find(R"({"success":true})"), std::string::npos) << heard;
    EXPECT_EQ(w.calls(), 1U);
}
