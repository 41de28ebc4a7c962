// The HTTP server over a network in memory.
#include "tests/unit/http/raw_client.hpp"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace lakeferry::test;
namespace http = lakeferry::http;
namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using rt::awaitable;

namespace {

const std::string host = "Host: shop\r\n";

std::string get_of(const std::string& target, const std::string& more = "")
{
    return "GET " + target + " HTTP/1.1\r\n" + host + more + "\r\n";
}

std::string post_of(const std::string& target, const std::string& body, const std::string& more = "")
{
    return "POST " + target + " HTTP/1.1\r\n" + host + "Content-Length: " + std::to_string(body.size()) + "\r\n" + more +
           "\r\n" + body;
}

}  // namespace

TEST(Server, AnswersAndKeepsTheConnection)
{
    served_world w;
    const auto got = talk(w, post_of("/a?b=c", "hello"));
    EXPECT_TRUE(got.text.starts_with("HTTP/1.1 200 OK\r\n")) << got.text;
    EXPECT_TRUE(got.text.ends_with("\r\n\r\nPOST /a?b=c hello")) << got.text;
    EXPECT_EQ(count_of(got.text, "Content-Length: 17\r\n"), 1U);
    EXPECT_FALSE(got.ended);
}

TEST(Server, AnswersPipelinedRequestsInOrder)
{
    served_world w;
    std::string all;
    for (int i = 0; i < 20; ++i) all += post_of("/" + std::to_string(i), std::string(static_cast<std::size_t>(i) * 40, 'x'));
    const auto got = talk(w, all);
    EXPECT_EQ(count_of(got.text, "HTTP/1.1 200"), 20U);
    std::size_t at = 0;
    for (int i = 0; i < 20; ++i) {
        const auto found = got.text.find("POST /" + std::to_string(i) + " ", at);
        ASSERT_NE(found, std::string::npos) << i;
        at = found;
    }
}

TEST(Server, ReadsTheSameHoweverTheBytesAreCut)
{
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        served_world w({}, seed);
        w.net.faults.chunking = true;
        w.net.faults.latency_max = 5ms;
        const std::string big(900, 'y');
        const auto got = talk(w, post_of("/one", "first") + "POST /two HTTP/1.1\r\n" + host +
                                     "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n" +
                                     get_of("/three") + post_of("/four", big, "Connection: close\r\n"));
        EXPECT_EQ(count_of(got.text, "HTTP/1.1 200"), 4U) << "seed " << seed << "\n" << got.text;
        EXPECT_NE(got.text.find("POST /two abcdefg"), std::string::npos);
        EXPECT_TRUE(got.text.ends_with("POST /four " + big));
        EXPECT_TRUE(got.ended);
        EXPECT_EQ(w.service.handled.size(), 4U);
        EXPECT_FALSE(w.service.handled.at(1).fields.find("Trailer"));
    }
}

TEST(Server, HeadGetsTheLengthAndNoBody)
{
    served_world w;
    const auto got = talk(w, "HEAD /x HTTP/1.1\r\n" + host + "\r\n" + get_of("/y"));
    EXPECT_EQ(count_of(got.text, "Content-Length: 8\r\n"), 1U) << got.text;
    EXPECT_EQ(count_of(got.text, "HEAD /x"), 0U);
    EXPECT_EQ(count_of(got.text, "GET /y"), 1U);
}

TEST(Server, SpeaksToOldClients)
{
    served_world w;
    const auto closes = talk(w, "GET /x HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(closes.ended);
    EXPECT_TRUE(closes.text.starts_with("HTTP/1.0 200 OK\r\n")) << closes.text;
    const auto stays = talk(w, "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_FALSE(stays.ended);
    EXPECT_EQ(count_of(stays.text, "Connection: keep-alive\r\n"), 1U);
}

TEST(Server, AbsoluteTargetsBecomePaths)
{
    served_world w;
    EXPECT_TRUE(talk(w, "GET http://shop/a/b?c HTTP/1.1\r\n" + host + "\r\n").text.ends_with("GET /a/b?c "));
    EXPECT_TRUE(talk(w, "GET http://shop HTTP/1.1\r\n" + host + "\r\n").text.ends_with("GET / "));
}

TEST(Server, SaysContinueOnlyWhenTheClientWaitsForIt)
{
    served_world w;
    const auto got = w.get([](served_world& w) -> awaitable<heard> {
        auto s = *co_await w.net.connect({"http", "shop", ""}, {});
        const std::string head = "POST /x HTTP/1.1\r\nHost: s\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
        (void)co_await s->write(asio::buffer(head));
        auto first = co_await listen_to(w.time, *s, 1s);
        EXPECT_EQ(first.text, "HTTP/1.1 100 Continue\r\n\r\n");
        (void)co_await s->write(asio::buffer(std::string_view("abc")));
        co_return co_await listen_to(w.time, *s, 1s);
    }(w));
    EXPECT_TRUE(got.text.ends_with("POST /x abc")) << got.text;
    const auto at_once = talk(w, post_of("/x", "abc", "Expect: 100-continue\r\n"));
    EXPECT_EQ(count_of(at_once.text, "100 Continue"), 0U);
    EXPECT_EQ(status_of(talk(w, post_of("/x", "abc", "Expect: magic\r\n"))), 417U);
}

TEST(Server, RefusesBeforeReadingTheBody)
{
    served_world w;
    // The body never comes: the answer must not wait for it.
    const auto got = talk(w, "POST /full HTTP/1.1\r\n" + host + "Content-Length: 900\r\n\r\n");
    EXPECT_EQ(status_of(got), 429U);
    EXPECT_TRUE(got.ended);
    EXPECT_EQ(count_of(got.text, "Connection: close\r\n"), 1U);
    EXPECT_TRUE(w.service.handled.empty());
    // One that is here already costs nothing more than the answer.
    const auto kept = talk(w, post_of("/full", "abc") + get_of("/next"));
    EXPECT_EQ(status_of(kept), 429U);
    EXPECT_TRUE(kept.text.ends_with("GET /next "));
    EXPECT_FALSE(kept.ended);
}

TEST(Server, LimitsBodiesByLengthAndByChunks)
{
    served_world w;
    EXPECT_EQ(status_of(talk(w, post_of("/x", std::string(1000, 'a')))), 200U);
    const auto by_length = talk(w, "POST /x HTTP/1.1\r\n" + host + "Content-Length: 1001\r\n\r\n");
    EXPECT_EQ(status_of(by_length), 413U);
    EXPECT_TRUE(by_length.text.ends_with("at most 1000"));
    const std::string chunk = "1f4\r\n" + std::string(500, 'b') + "\r\n";
    const std::string head = "POST /x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n";
    EXPECT_EQ(status_of(talk(w, head + chunk + chunk + "0\r\n\r\n")), 200U);
    const auto by_chunks = talk(w, head + chunk + chunk + "1\r\nb\r\n0\r\n\r\n");
    EXPECT_EQ(status_of(by_chunks), 413U);
    EXPECT_TRUE(by_chunks.ended);
    EXPECT_EQ(status_of(talk(w, head + "ffffffffffffffff\r\n")), 413U);
}

TEST(Server, LimitsTheHead)
{
    served_world w;
    const auto got = talk(w, get_of("/x", "X: " + std::string(20000, 'a') + "\r\n"));
    EXPECT_EQ(status_of(got), 431U);
    EXPECT_TRUE(got.ended);
    std::string many;
    for (int i = 0; i < 101; ++i) many += "A: b\r\n";
    EXPECT_EQ(status_of(talk(w, get_of("/x", many))), 431U);
    EXPECT_TRUE(w.service.handled.empty());
}

TEST(Server, ASlowHeadGets408AndTheConnectionEnds)
{
    served_world w;
    const auto got = talk(w, "GET /x HTTP/1.1\r\nHo", 100s);
    EXPECT_EQ(status_of(got), 408U);
    EXPECT_TRUE(got.ended);
    EXPECT_GE(got.after, 15s);
    EXPECT_LE(got.after, 20s);
}

TEST(Server, ADrippingBodyGets408AtItsWholeLimit)
{
    served_world w;
    const auto got = w.get([](served_world& w) -> awaitable<heard> {
        auto s = *co_await w.net.connect({"http", "shop", ""}, {});
        const std::string head = "POST /x HTTP/1.1\r\nHost: s\r\nContent-Length: 900\r\n\r\n";
        (void)co_await s->write(asio::buffer(head));
        heard all;
        for (int i = 0; i < 60 && !all.ended; ++i) {
            (void)co_await s->write(asio::buffer(std::string_view("x")));
            all = co_await listen_to(w.time, *s, 1s);
            if (!all.text.empty()) break;
        }
        co_return all;
    }(w));
    EXPECT_EQ(status_of(got), 408U);
    EXPECT_GE(w.now(), rt::time_point{} + 30s);
    EXPECT_LE(w.now(), rt::time_point{} + 35s);
    EXPECT_TRUE(w.service.handled.empty());
}

TEST(Server, AnIdleConnectionEndsSilently)
{
    served_world w;
    const auto got = talk(w, get_of("/x"), 1000s);
    EXPECT_EQ(status_of(got), 200U);
    EXPECT_EQ(count_of(got.text, "HTTP/1.1"), 1U);
    EXPECT_TRUE(got.ended);
    EXPECT_GE(got.after, 60s);
    EXPECT_LE(got.after, 62s);
    const auto silent = talk(w, "", 1000s);
    EXPECT_TRUE(silent.ended);
    EXPECT_EQ(silent.text, "");
}

TEST(Server, AReaderThatNeverReadsIsCutOff)
{
    served_world w;
    w.run([](served_world& w) -> awaitable<void> {
        auto s = *co_await w.net.connect({"http", "shop", ""}, {});
        const auto one = post_of("/x", std::string(1000, 'z'));
        // Answers pile up until the server cannot write, and stops reading, and the client cannot write.
        auto writing = [](http::stream& to, std::string text) -> awaitable<void> {
            while (!co_await to.write(asio::buffer(text))) {
            }
        }(*s, one);
        const auto ended = co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 10min), std::move(writing));
        EXPECT_TRUE(ended.has_value()) << "the server must have closed";
    }(w));
    EXPECT_LE(w.now(), rt::time_point{} + 35s);
}

TEST(Server, CutsInTheMiddleAreNoRequests)
{
    served_world w;
    for (const std::string text : {"GET /x HT", "POST /x HTTP/1.1\r\nHost: s\r\nContent-Length: 10\r\n\r\nabc",
                                   "POST /x HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
        const auto got = w.get([](served_world& w, std::string text) -> awaitable<heard> {
            auto s = *co_await w.net.connect({"http", "shop", ""}, {});
            (void)co_await s->write(asio::buffer(text));
            co_await s->finish();
            co_return co_await listen_to(w.time, *s);
        }(w, text));
        EXPECT_EQ(status_of(got), 400U) << text;
        EXPECT_TRUE(got.ended);
    }
    EXPECT_TRUE(w.service.handled.empty());
}

TEST(Server, ADefectInAHandlerIsA500AndDoesNotLeak)
{
    served_world w;
    const auto got = talk(w, get_of("/throw") + get_of("/next"));
    EXPECT_EQ(status_of(got), 500U);
    EXPECT_TRUE(got.text.ends_with("sorry"));
    EXPECT_TRUE(got.ended);
    EXPECT_EQ(w.service.broken, "defect");
    EXPECT_EQ(status_of(talk(w, get_of("/x"))), 200U);
}

TEST(Server, AFullServerEndsItsIdlestConnectionForANewOne)
{
    served_world w({.connections_max = 2});
    w.run([](served_world& w) -> awaitable<void> {
        std::vector<std::unique_ptr<http::stream>> all;
        for (int i = 0; i < 3; ++i) {
            all.push_back(*co_await w.net.connect({"http", "shop", ""}, {}));
            (void)co_await all.back()->write(asio::buffer(get_of("/x")));
            EXPECT_EQ(status_of(co_await listen_to(w.time, *all.back(), 1s)), 200U) << i;
        }
        EXPECT_TRUE((co_await listen_to(w.time, *all[0], 1s)).ended);
        EXPECT_FALSE((co_await listen_to(w.time, *all[1], 1s)).ended);
    }(w));
}

TEST(Server, AFullServerWithoutIdleConnectionsLetsNewOnesWait)
{
    served_world w({.connections_max = 1});
    w.run([](served_world& w) -> awaitable<void> {
        auto busy = *co_await w.net.connect({"http", "shop", ""}, {});
        (void)co_await busy->write(asio::buffer(get_of("/wait")));
        co_await rt::sleep_for(w.time, 1s);
        auto next = *co_await w.net.connect({"http", "shop", ""}, {});
        (void)co_await next->write(asio::buffer(get_of("/x")));
        EXPECT_EQ((co_await listen_to(w.time, *next, 5s)).text, "");
        EXPECT_EQ(status_of(co_await listen_to(w.time, *busy, 6s)), 200U);
        EXPECT_EQ(status_of(co_await listen_to(w.time, *next, 5s)), 200U);
    }(w));
}

TEST(Server, DoesNotTickWithoutConnections)
{
    served_world w;
    w.settle();
    EXPECT_EQ(w.time.pending(), 0U);
    (void)talk(w, get_of("/x", "Connection: close\r\n"));
    w.pass(10s);
    EXPECT_EQ(w.time.pending(), 0U);
}
