// Selective sync, fillings and changes of type, as far as they are resolution's.
#include "sync/identity/backfill.hpp"
#include "sync/identity/retype.hpp"
#include "tests/unit/identity/space_under_test.hpp"

namespace lakeferry::identity::test {
namespace {

// Rows of a table's second lane.
std::vector<json::object> fill_rows(space_under_test& s, std::string_view table)
{
    std::vector<json::object> all;
    const auto t = s.find(table);
    if (!t) return all;
    auto from = core::key32(space_under_test::number);
    core::append_be32(from, t->number | core::fill_lane);
    EXPECT_TRUE(s.in->scan(store::family::outbox, from, core::prefix_end(from), [&](std::string_view, std::string_view value) {
        const auto block = core::decode_outbox_block(value);
        std::string_view rest = block->lines;
        for (; !rest.empty(); rest.remove_prefix(rest.find('\n') + 1)) all.push_back(json::parse(std::string(rest.substr(0, rest.find('\n')))).as_object());
        return true;
    }));
    return all;
}

backfill_progress fill(space_under_test& s, std::set<std::string> tables, std::size_t step = 100)
{
    backfill_progress now;
    const backfill_request what{space_under_test::number, "acme", std::move(tables), {}};
    for (int i = 0; i < 1000 && !now.finished; ++i) {
        auto next = backfill_step(*s.in, what, now, s.clock, step, [](store::batch&, const backfill_progress&) {});
        EXPECT_TRUE(next);
        now = *next;
    }
    return now;
}

const std::vector<std::string> shop{
    call("identify", "m1", R"("userId":"u1","traits":{"plan":"pro","age":30})"),
    call("identify", "m2", R"("anonymousId":"a2","traits":{"email":"b@x.example"})"),
    call("identify", "m3", R"("userId":"u1","anonymousId":"a2")"),
    call("track", "m4", R"("userId":"u9","event":"Order Completed","properties":{"price":12})"),
};

TEST(SelectedTables, WhatIsLeftOutIsNotWritten)
{
    space_under_test s({.select = {.tables = {"!order_*", "!user_traits"}, .columns = {"!tracks.user_id", "!*.context_ip"}}});
    s.run({call("track", "m1", R"("userId":"u1","event":"Order Completed","properties":{"price":1},"context":{"ip":"10.0.0.1","os":{"name":"x"}})"),
           call("identify", "m2", R"("userId":"u1","traits":{"plan":"pro"},"context":{"ip":"10.0.0.1"})")});
    EXPECT_FALSE(s.find("order_completed")) << "an event that is left out makes no table";
    EXPECT_TRUE(s.rows("user_traits").empty());
    ASSERT_EQ(s.rows("tracks").size(), 1U);
    const auto row = s.rows("tracks").front();
    EXPECT_FALSE(row.contains("user_id"));
    EXPECT_FALSE(row.contains("context_ip"));
    EXPECT_FALSE(row.contains("_rescued_data"));
    EXPECT_EQ(text(row, "context_os_name"), "x");
    EXPECT_EQ(s.find("tracks")->find("context_ip"), nullptr);
    EXPECT_EQ(text(s.rows("identifies").front(), "plan"), "pro") << "another table has it";
    EXPECT_EQ(s.rows("id_graph_updates").size(), 1U) << "profiles are the same";
}

TEST(Backfill, MakesCurrentTablesWhole)
{
    space_under_test s;
    s.run(shop);
    const auto before = std::map{std::pair{std::string("user_traits"), s.current("user_traits")},
                                 std::pair{std::string("user_identifiers"), s.current("user_identifiers")},
                                 std::pair{std::string("profile_merges"), s.current("profile_merges")}};
    const auto done = fill(s, {"user_traits", "user_identifiers", "profile_merges"}, 1);
    EXPECT_EQ(done.profiles, 2U);
    for (const auto& [table, rows] : before) {
        auto now = s.current(table);  // also: every row has a greater seq than the one before
        ASSERT_EQ(now.size(), rows.size()) << table;
        for (const auto& [key, row] : rows) {
            ASSERT_TRUE(now.contains(key)) << table << " " << key;
            EXPECT_GE(now[key].at("seq").as_int64(), static_cast<std::int64_t>(done.first_seq));
            for (const char* same : {"value", "canonical_segment_id"})
                if (row.contains(same)) EXPECT_EQ(now[key].at(same), row.at(same));
        }
    }
}

TEST(Backfill, GivesLogsTodaysStateInTheSecondLane)
{
    space_under_test s;
    s.run(shop);
    const auto rows = s.rows("id_graph_updates").size();
    fill(s, {"id_graph_updates", "external_id_mapping_updates", "profile_traits_updates"});
    EXPECT_EQ(s.rows("id_graph_updates").size(), rows) << "nothing in the first lane";
    std::map<std::string, std::string> graph;
    for (const auto& row : fill_rows(s, "id_graph_updates")) graph[text(row, "segment_id")] = text(row, "canonical_segment_id");
    EXPECT_EQ(graph, (std::map<std::string, std::string>{{made_by("m1"), made_by("m1")}, {made_by("m2"), made_by("m1")},
                                                         {made_by("m4"), made_by("m4")}}));
    EXPECT_EQ(fill_rows(s, "external_id_mapping_updates").size(), 4U);
    const auto snapshots = fill_rows(s, "profile_traits_updates");
    ASSERT_EQ(snapshots.size(), 1U);
    EXPECT_EQ(text(snapshots[0], "plan"), "pro");
    EXPECT_EQ(text(snapshots[0], "email"), "b@x.example");
    EXPECT_EQ(text(snapshots[0], "triggering_event_id"), "");
}

TEST(Backfill, GoesOnWhereItStoppedAndChangesNoProfile)
{
    space_under_test s;
    s.run(shop);
    const backfill_request what{space_under_test::number, "acme", {"user_identifiers"}, {}};
    backfill_progress kept;
    const auto keep = [&kept](store::batch&, const backfill_progress& now) { kept = now; };
    ASSERT_TRUE(backfill_step(*s.in, what, {}, s.clock, 1, keep));
    ASSERT_FALSE(kept.finished);
    s.run({call("identify", "m5", R"("userId":"u1","traits":{"plan":"free"})")});  // between two steps
    s.reopen();
    for (int i = 0; i < 10 && !kept.finished; ++i) ASSERT_TRUE(backfill_step(*s.in, what, kept, s.clock, 1, keep));
    EXPECT_TRUE(kept.finished);
    EXPECT_EQ(s.current("user_identifiers").size(), 4U);
    EXPECT_EQ(s.run({call("identify", "m6", R"("userId":"u1","anonymousId":"a2")")}).profiles_created, 0U);
}

TEST(Refill, BringsTheRowOfOneTableAndNothingElse)
{
    space_under_test s;
    s.run(shop);
    core::event_block block{.refill = "order_completed", .sources = {"web"}};
    const std::vector<std::string> old{
        call("track", "o1", R"("userId":"u9","event":"Order Completed","properties":{"price":12.5,"coupon":"X"})"),
        call("track", "m4", R"("userId":"u9","event":"Order Completed","properties":{"price":12})"),
        call("track", "o2", R"("userId":"nobody","event":"Order Completed")"),
        call("track", "o3", R"("userId":"u1","event":"Other")"),
        call("identify", "o4", R"("userId":"u1","traits":{"plan":"gone"})"),
        R"({"type":"track","userId":"u1","event":"Order Completed"})",
    };
    for (const auto& one : old) block.calls.push_back({.text = one, .received_us = *core::parse_timestamp(noon)});
    store::batch changes;
    changes.put(store::family::events, core::event_key(space_under_test::number, ++s.arrival), core::encode_event_block(block));
    ASSERT_TRUE(s.in->write(std::move(changes), store::durable::yes));
    const auto profiles = s.current("profile_merges").size();
    const auto tracks = s.rows("tracks").size();
    const auto result = s.resolve();
    EXPECT_EQ(result.profiles_created, 0U);
    EXPECT_EQ(s.current("profile_merges").size(), profiles);
    EXPECT_EQ(s.rows("tracks").size(), tracks);
    EXPECT_EQ(text(s.current("user_traits").at(made_by("m1") + "|plan"), "value"), "pro");
    EXPECT_EQ(result.notes.at("refilled"), 3U);
    EXPECT_EQ(result.notes.at("refill_passed_over"), 2U);
    EXPECT_EQ(result.notes.at("refill_without_id"), 1U);
    const auto rows = fill_rows(s, "order_completed");
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(column(rows, "id"), (std::vector<std::string>{"o1", "m4", "o2"}));
    EXPECT_EQ(text(rows[0], "segment_id"), made_by("m4")) << "the profile of today";
    EXPECT_EQ(text(rows[2], "segment_id"), "") << "nobody's";
    EXPECT_EQ(text(rows[0], "coupon"), "X") << "a new column comes as ever";
    EXPECT_EQ(text(rows[0], "_rescued_data"), R"({"price":12.5})");
    EXPECT_EQ(s.run({call("track", "o1", R"("userId":"u9","event":"Order Completed")")}).duplicates, 0U) << "it was not remembered";
}

TEST(Retype, ARowThatWaitsFollowsTheNewType)
{
    struct step {
        const char* from;
        core::column_type to;
        const char* becomes;
    };
    using ct = core::column_type;
    const std::vector<step> steps{
        {R"({"id":"a","price":12})", ct::double_, R"({"id":"a","price":12})"},
        {R"({"id":"a","price":12})", ct::string, R"({"id":"a","price":"12"})"},
        {R"({"id":"a","price":12.5})", ct::bigint, R"({"id":"a","_rescued_data":"{\"price\":12.5}"})"},
        {R"({"id":"a","_rescued_data":"{\"price\":12.5,\"other\":1}"})", ct::double_, R"({"id":"a","price":12.5,"_rescued_data":"{\"other\":1}"})"},
        {R"({"id":"a","_rescued_data":"{\"price\":\"x\\\"y\"}"})", ct::string, R"({"id":"a","price":"x\"y"})"},
        {R"({"id":"a","_rescued_data":"{\"price\":\"dear\"}"})", ct::double_, R"({"id":"a","_rescued_data":"{\"price\":\"dear\"}"})"},
        {R"({"id":"a","price":"yes","_rescued_data":"{\"other\":1}"})", ct::boolean, R"({"id":"a","_rescued_data":"{\"other\":1,\"price\":\"yes\"}"})"},
        {R"({"id":"a","price":"true"})", ct::boolean, R"({"id":"a","price":true})"},
        {R"({"id":"a","price":"2026-01-01T10:00:00Z"})", ct::timestamp, R"({"id":"a","price":"2026-01-01T10:00:00.000000Z"})"},
        {R"({"id":"a"})", ct::double_, R"({"id":"a"})"},
    };
    for (const auto& s : steps) {
        rewritten counts;
        const auto once = retype_row(s.from, "price", s.to, counts);
        EXPECT_EQ(once, s.becomes) << s.from;
        EXPECT_EQ(retype_row(once, "price", s.to, counts), once) << "the second time changes nothing";
    }
}

TEST(Retype, ChangesWhatResolutionWritesFromThenOn)
{
    space_under_test s;
    s.run(shop);
    EXPECT_EQ(retypable_column(*s.in, s.number, "order_completed", "id").error().id, "retype.fixed");
    EXPECT_EQ(retypable_column(*s.in, s.number, "order_completed", "color").error().id, "retype.unknown");
    EXPECT_EQ(retypable_column(*s.in, s.number, "nothing", "price").error().id, "retype.unknown");
    EXPECT_EQ(retypable_column(*s.in, s.number, "profile_traits", "plan").error().id, "retype.fixed");
    ASSERT_TRUE(retypable_column(*s.in, s.number, "order_completed", "price"));
    ASSERT_TRUE(change_column_type(*s.in, s.number, "order_completed", "price", core::column_type::double_));
    ASSERT_TRUE(rewrite_waiting_rows(*s.in, s.number, "order_completed", "price"));
    s.reopen();
    s.run({call("track", "m7", R"("userId":"u9","event":"Order Completed","properties":{"price":7.25})")});
    const auto rows = s.rows("order_completed");
    EXPECT_EQ(column(rows, "price"), (std::vector<std::string>{"12", "7.25"}));
    EXPECT_EQ(text(rows[1], "_rescued_data"), "");
}

TEST(Names, EachOddOneHasItsRule)
{
    space_under_test s;
    s.run({call("track", "m1", R"("userId":"u1","event":"select","properties":{"order":1,"Order ID":"a","order-id":"b","ID":"x","价格":5,"context_x":1,"_rescued_data":"r"})"),
           call("track", "m2", R"("userId":"u1","event":"Tracks","properties":{"a":1})"),
           call("track", "m3", R"("userId":"u1","event":"SELECT")")});
    const auto row = s.rows("select").front();
    EXPECT_EQ(text(row, "order"), "1") << "an SQL word";
    EXPECT_EQ(text(row, "order_id"), "b") << "two keys meet: the last stands";
    EXPECT_EQ(text(row, "id"), "m1");
    EXPECT_EQ(text(row, "_id"), "x") << "one of ours";
    EXPECT_EQ(text(row, "_context_x"), "1");
    EXPECT_EQ(text(row, "rescued_data"), "r");
    EXPECT_NE(s.find("select")->find("u_" + core::sha1_prefix("价格", 8)), nullptr) << "no letter in it";
    EXPECT_EQ(s.rows("select").size(), 2U) << "events that differ by case share the table";
    EXPECT_TRUE(s.find("_tracks")) << "the name of another table";
    const std::string long_name(300, 'k');
    s.run({call("track", "m4", "\"userId\":\"u1\",\"event\":\"" + long_name + "\",\"properties\":{\"" + long_name + "\":1}")});
    const auto cut = long_name.substr(0, 119) + "_" + core::sha1_prefix(long_name, 8);
    ASSERT_TRUE(s.find(cut));
    EXPECT_LE(cut.size(), 128U);
    EXPECT_NE(s.find(cut)->find(cut), nullptr);
    EXPECT_EQ(text(s.rows(cut).front(), "event_text"), long_name);
}

}  // namespace
}  // namespace lakeferry::identity::test
