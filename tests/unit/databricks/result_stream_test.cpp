// Large results: pieces in the answer and behind links, on virtual time.
#include "sync/databricks/result_stream.hpp"
#include "tests/unit/databricks/desk.hpp"

#include <boost/json.hpp>

namespace lakeferry::databricks {
namespace {

using namespace test;
namespace json = boost::json;

// Between the door and the scripted workspace: puts the pieces of results behind links to a storage of its own.
class linking_client final : public http::client {
public:
    explicit linking_client(http::client& to) : to_(to) {}

    awaitable<outcome<http::response>> send(http::origin to, http::request what, http::send_options options) override
    {
        if (to.host == "storage.test") co_return storage(what);
        const bool piece = what.target.find("/result/chunks/") != std::string::npos;
        const std::string target = what.target;
        auto answer = co_await to_.send(std::move(to), std::move(what), options);
        if (!piece || answer.has_error() || answer->status != 200) co_return answer;
        auto body = json::parse(answer->body).as_object();
        const std::string key = "/piece" + target.substr(target.rfind('/')) + "?sig=" + std::to_string(++links);
        pieces[key] = json::serialize(body["data_array"]);
        body.erase("data_array");
        body["external_links"] = json::array{json::object{{"external_link", "https://storage.test" + key}, {"http_headers", {{"x-ms", "1"}}}}};
        answer->body = json::serialize(body);
        co_return answer;
    }

    std::map<std::string, std::string> pieces{};
    int links = 0;
    int refuse = 0;         // so many requests get a 403
    bool unreachable = false;
    bool cut = false;       // pieces come without their end
    bool authorized = false;  // somebody sent a token to the storage
    bool with_fields = true;

private:
    outcome<http::response> storage(const http::request& what)
    {
        authorized = authorized || what.fields.find("Authorization").has_value();
        with_fields = with_fields && what.fields.find("x-ms").has_value();
        if (unreachable) return rt::failure{rt::retry_class::transient, "connect.refused", "refused"};
        http::response answer;
        answer.status = refuse-- > 0 ? 403 : 200;
        if (answer.status == 200) answer.body = pieces.at(what.target);
        if (cut) answer.body.resize(answer.body.size() / 2);
        return answer;
    }

    http::client& to_;
};

struct stream_desk : desk {
    static fake_databricks::fake_settings two_a_piece()
    {
        fake_databricks::fake_settings settings;
        settings.rows_per_chunk = 2;
        return settings;
    }
    explicit stream_desk(int count) : desk(1, two_a_piece())
    {
        fake.execute_with([count](const fake_databricks::statement_call&) {
            fake_databricks::executed out;
            out.columns = {{"n", "INT"}, {"t", "STRING"}};
            for (int i = 0; i < count; ++i) out.rows.push_back({std::to_string(i), i % 2 == 0 ? cell("\"x\", [y]") : cell()});
            return out;
        });
    }

    outcome<void> read()
    {
        stream_options options{.limit = in(1h), .on_total = [this](std::uint64_t n) { total = n; }};
        options.on_row = [this](const result_row& row) -> outcome<void> {
            if (fail_at && rows.size() == *fail_at) return rt::failure{.id = "test.enough"};
            rows.push_back(row);
            return outcome<void>();
        };
        return w.get(read_large(mine.sql, linking, make_statement("SELECT"), std::move(options)));
    }

    linking_client linking{client};
    space_desk mine{w, linking, credentials, group, secret_file, fake.settings().client_id, limits, "mine"};
    std::vector<result_row> rows{};
    std::optional<std::size_t> fail_at{};
    std::uint64_t total = 0;
};

TEST(ResultStream, PiecesBehindLinksComeInOrderAndTheStorageGetsNoToken)
{
    stream_desk d(5);
    const auto got = d.read();
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(d.total, 5U);
    ASSERT_EQ(d.rows.size(), 5U);
    for (std::size_t i = 0; i < d.rows.size(); ++i) EXPECT_EQ(d.rows[i][0], std::to_string(i));
    EXPECT_EQ(d.rows[0][1], "\"x\", [y]");
    EXPECT_EQ(d.rows[1][1], std::nullopt);
    EXPECT_FALSE(d.linking.authorized);
    EXPECT_TRUE(d.linking.with_fields);
    EXPECT_EQ(d.linking.links, 3);
    EXPECT_EQ(d.mine.of_space.in_use(), 0U);
}

TEST(ResultStream, NoRowsAreNoPieces)
{
    stream_desk d(0);
    ASSERT_TRUE(d.read().has_value());
    EXPECT_TRUE(d.rows.empty());
}

TEST(ResultStream, AnExpiredLinkIsAskedForAnew)
{
    stream_desk d(3);
    d.linking.refuse = 2;
    ASSERT_TRUE(d.read().has_value());
    EXPECT_EQ(d.rows.size(), 3U);
    EXPECT_EQ(d.linking.links, 4);
}

TEST(ResultStream, WhatCannotBeReadIsAFailureWithACure)
{
    stream_desk refused(3);
    refused.linking.refuse = 100;
    EXPECT_EQ(id_of(refused.read()), "statement.link_refused");
    stream_desk unreachable(3);
    unreachable.linking.unreachable = true;
    const auto why = unreachable.read();
    EXPECT_EQ(id_of(why), "statement.link_unreachable");
    EXPECT_NE(why.error().detail.find("storage.test"), std::string::npos);
    EXPECT_EQ(why.error().detail.find("sig="), std::string::npos) << "links are secrets";
    stream_desk cut(3);
    cut.linking.cut = true;
    EXPECT_EQ(id_of(cut.read()), "statement.bad_answer");
    stream_desk enough(3);
    enough.fail_at = 1;
    EXPECT_EQ(id_of(enough.read()), "test.enough");
    EXPECT_EQ(enough.rows.size(), 1U);
}

TEST(ResultStream, OnlyHttpsLinksAreFollowed)
{
    const auto split = split_link("https://a.blob.example:8443/x/y%20z?sig=1%2F2");
    ASSERT_TRUE(split);
    EXPECT_EQ(split->first, (http::origin{"https", "a.blob.example", "8443"}));
    EXPECT_EQ(split->second, "/x/y%20z?sig=1%2F2");
    EXPECT_TRUE(split_link("http://127.0.0.1:80/x"));
    for (const char* bad : {"", "x", "http://a.example/x", "ftp://a.example/x", "https://u:p@a.example/x", "https:///x", "file:///etc/passwd"})
        EXPECT_FALSE(split_link(bad)) << bad;
}

}  // namespace
}  // namespace lakeferry::databricks
