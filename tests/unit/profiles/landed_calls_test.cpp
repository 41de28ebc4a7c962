// Calls from the event tables: which columns are asked for, and what a row becomes.
#include "sync/profiles/landed_calls.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lakeferry::profiles {
namespace {

namespace json = boost::json;

databricks::table_info table(std::string name, std::vector<std::string> columns)
{
    databricks::table_info made{.name = std::move(name)};
    for (auto& column : columns) made.columns.push_back({.name = std::move(column), .type_text = "string"});
    return made;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(LandedCalls, AsksForWhatIdentifiesAndIsThere)
{
    core::identity_settings current;
    core::identity_settings changed;
    changed.identifiers = {{.type = "customer", .keys = {"customerId"}}};
    const auto query = query_landed({table("identifies", {"id", "received_at", "timestamp", "email", "plan", "_rescued_data"}),
                                     table("tracks", {"id", "received_at", "event", "event_text"}),
                                     table("order_completed", {"id", "received_at", "event", "event_text", "customer_id"}),
                                     table("opened", {"id", "received_at", "event", "event_text"}),
                                     table("user_traits", {"canonical_segment_id"})},
                                    "ma`in", "s", current, changed);
    ASSERT_TRUE(query) << query.error().detail;
    EXPECT_EQ(query->tables, (std::vector<std::string>{"order_completed", "identifies", "tracks"}));
    EXPECT_EQ(query->missing, (std::vector<std::string>{"pages", "screens", "groups", "aliases"}));
    EXPECT_TRUE(has(query->text, "FROM `ma``in`.`s`.`identifies` t")) << query->text;
    EXPECT_TRUE(has(query->text, "'email', t.`email`"));
    EXPECT_FALSE(has(query->text, "plan"));
    EXPECT_TRUE(has(query->text, "NOT IN ('order_completed')")) << "such a track is read once";
    EXPECT_TRUE(query->text.ends_with(") ORDER BY received, happened, id, kind"));
}

TEST(LandedCalls, WithoutTablesThereIsNothingToPreview)
{
    const auto query = query_landed({table("user_traits", {"x"}), table("pages", {"id"})}, "c", "s", {}, {});
    ASSERT_TRUE(query.has_error());
    EXPECT_EQ(query.error().id, "preview.nothing_landed");
}

TEST(LandedCalls, ARowBecomesItsCall)
{
    const std::string places = std::string("email=traits\x1f" "email\ncontext_device_id=context\x1f" "device\x1f" "id\n") +
                               "context_external_ids=context\x1f" "externalIds\ncustomer_id=properties\x1f" "customer_id";
    const auto call = read_landed({"identify", "m1", "u1", std::nullopt, std::nullopt, std::nullopt, "web", "1767225600000000",
                                   "1767225599000000",
                                   R"({"email":"a@x","context_external_ids":"[{\"id\":\"p\"}]","_rescued_data":"{\"customer_id\":7}"})", places});
    ASSERT_TRUE(call);
    EXPECT_EQ(call->source, "web");
    EXPECT_EQ(call->received_us, 1767225600000000);
    EXPECT_EQ(json::parse(call->text), json::parse(R"({"type":"identify","messageId":"m1","userId":"u1",
        "timestamp":"2025-12-31T23:59:59.000000Z","traits":{"email":"a@x"},"context":{"externalIds":[{"id":"p"}]},
        "properties":{"customer_id":7}})"));
    const auto track = read_landed({"track", "m2", std::nullopt, "a", std::nullopt, std::nullopt, std::nullopt, "1", std::nullopt, std::nullopt, std::nullopt});
    ASSERT_TRUE(track);
    EXPECT_EQ(json::parse(track->text).at("event"), "landed");
}

TEST(LandedCalls, OtherRowsAreNone)
{
    EXPECT_FALSE(read_landed({}));
    EXPECT_FALSE(read_landed(databricks::result_row(11)));
    EXPECT_FALSE(read_landed({"page", "m", std::nullopt, "a", std::nullopt, std::nullopt, "web", "soon", "1", "{}", ""}));
    const auto odd = read_landed({"page", "m", std::nullopt, "a", std::nullopt, std::nullopt, "web", "1", "1", "not json", "x"});
    ASSERT_TRUE(odd) << "what cannot be read is left out";
}

}  // namespace
}  // namespace lakeferry::profiles
