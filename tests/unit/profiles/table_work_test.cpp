// Selective sync, stuck loads, jobs and table care: what is decided without a warehouse.
#include "sync/profiles/fill_sql.hpp"
#include "sync/profiles/load_sender.hpp"
#include "sync/profiles/pending.hpp"
#include "sync/profiles/retype_sql.hpp"
#include "sync/profiles/stuck_loads.hpp"
#include "sync/profiles/table_care.hpp"
#include "sync/profiles/table_job.hpp"
#include "tests/support/noise.hpp"
#include "tests/unit/profiles/outbox_fixture.hpp"
#include "tests/unit/profiles/sql_fixture.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::profiles;
using test::at;

namespace {

const core::table tracks{.name = "tracks", .columns = {{"id"}, {"received_at", core::column_type::timestamp}, {"n", core::column_type::bigint}}, .number = 8};

load stuck_load(test::outbox_fixture& f)
{
    for (std::uint64_t batch = 1; batch <= 3; ++batch) f.put(tracks, batch, "{\"id\":\"a" + std::to_string(batch) + "\"}\n", 1);
    load l = test::sent_load(2);
    l.stuck = count_mismatch{2, 1, "01f0", 5};
    EXPECT_TRUE(load_journal(*f.store, f.space).save(l, store::durable::yes).has_value());
    return l;
}

std::vector<std::uint64_t> waiting(test::outbox_fixture& f, std::uint32_t table)
{
    std::vector<std::uint64_t> batches;
    EXPECT_TRUE(f.store->scan(store::family::outbox, core::outbox_key(f.space, table, 0), core::outbox_key(f.space, table, 1000),
                              [&](std::string_view key, std::string_view) {
                                  batches.push_back(static_cast<unsigned char>(key.back()));
                                  return true;
                              }));
    return batches;
}

}  // namespace

TEST(StuckLoad, IsKeptWithWhatWasSeen)
{
    test::outbox_fixture f;
    const auto back = decode_load(encode_load(stuck_load(f))).value();
    EXPECT_EQ(back.stuck, (count_mismatch{2, 1, "01f0", 5}));
    const auto words = describe(back, *back.stuck, "acme").detail;
    for (const char* part : {"load 3 staged 2 rows", "statement 01f0 reports 1", "lakeferry loads acme --accept 3", "--resend 3"})
        EXPECT_NE(words.find(part), std::string::npos) << part << " in: " << words;
    load old = back;
    old.stuck.reset();
    EXPECT_FALSE(decode_load(encode_load(old)).value().stuck) << "as earlier versions wrote it";
}

TEST(StuckLoad, AcceptedItHasLanded)
{
    test::outbox_fixture f;
    stuck_load(f);
    ASSERT_TRUE(settle_load(*f.store, f.space, {tracks}, 3, false).has_value());
    EXPECT_EQ(waiting(f, 8), (std::vector<std::uint64_t>{3}));
    const auto left = load_journal(*f.store, f.space).all().value();
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].state, load_state::landed);
    EXPECT_FALSE(left[0].cleaned) << "its file is still to be deleted";
    EXPECT_EQ(settle_load(*f.store, f.space, {tracks}, 3, false).error().id, "load.not_stuck");
    EXPECT_EQ(settle_load(*f.store, f.space, {tracks}, 4, false).error().id, "load.unknown");
}

TEST(StuckLoad, SentAnewItsRowsGoToTheSecondLane)
{
    test::outbox_fixture f;
    stuck_load(f);
    ASSERT_TRUE(settle_load(*f.store, f.space, {tracks}, 3, true).has_value());
    EXPECT_EQ(waiting(f, 8), (std::vector<std::uint64_t>{3}));
    EXPECT_EQ(waiting(f, 8 | core::fill_lane), (std::vector<std::uint64_t>{1, 2}));
}

TEST(StuckLoad, OfAnInlineLoadGoesOnWithTheNextPart)
{
    test::outbox_fixture f;
    load l = stuck_load(f);
    l.files.clear();
    l.parts = {{"MERGE 1", 0, 1}, {"MERGE 2", 1, 1}};
    ASSERT_TRUE(load_journal(*f.store, f.space).save(l, store::durable::yes).has_value());
    ASSERT_TRUE(settle_load(*f.store, f.space, {tracks}, 3, false).has_value());
    const auto left = load_journal(*f.store, f.space).all().value().front();
    EXPECT_EQ(left.part, 1U);
    EXPECT_EQ(left.state, load_state::staged);
    EXPECT_FALSE(left.stuck);
}

TEST(Counts, OfAFillingMayBeFewer)
{
    load l;
    l.parts = {{"MERGE", 0, 10}};
    databricks::statement_result r;
    r.counts.affected = 3;
    EXPECT_TRUE(check_counts(l, r, false).has_error());
    l.fill = true;
    EXPECT_FALSE(check_counts(l, r, false).has_error());
    r.counts.affected = 11;
    EXPECT_TRUE(check_counts(l, r, false).has_error());
}

TEST(Pending, LetsRowsOfTablesThatAreOffGo)
{
    test::outbox_fixture f;
    load l = stuck_load(f);
    const core::selection chosen({.tables = {"!tracks"}});
    const auto gone = let_go(*f.store, f.space, {tracks}, chosen).value();
    EXPECT_EQ(gone.at("tracks"), 1U) << "batch 3; the others belong to a load that is under way";
    EXPECT_EQ(waiting(f, 8), (std::vector<std::uint64_t>{1, 2}));
    const auto work = read_pending(*f.store, f.space, {tracks}, chosen).value();
    EXPECT_TRUE(work.off.contains("tracks"));
    EXPECT_FALSE(work.empty());
    ASSERT_TRUE(load_journal(*f.store, f.space).forget(l).has_value());
    EXPECT_EQ(let_go(*f.store, f.space, {tracks}, chosen).value().at("tracks"), 2U);
    EXPECT_TRUE(read_pending(*f.store, f.space, {tracks}, chosen).value().empty());
    EXPECT_TRUE(let_go(*f.store, f.space, {tracks}, chosen).value().empty());
}

TEST(Pending, TheTableWithTheLeastToLandIsFoundUnlessItIsTooMuch)
{
    test::outbox_fixture f;
    core::table large{.name = "tracks", .columns = {{"id"}}, .number = 8};
    core::table small{.name = "pages", .columns = {{"id"}}, .number = 9};
    core::table none{.name = "screens", .columns = {{"id"}}, .number = 10};
    test::noise noise(1);
    f.put(large, 1, noise(4000), 1);
    f.put(small, 1, noise(1500), 1);
    f.put(small, 2, noise(1500), 1);
    const auto least = [&](std::uint64_t frozen, std::size_t bytes) {
        return least_waiting(*f.store, f.space, {none, large, small}, frozen, bytes).value();
    };
    EXPECT_EQ(least(2, 10000), "pages");
    EXPECT_EQ(least(2, 2000), "") << "both are larger";
    EXPECT_EQ(least(1, 2000), "pages") << "the second batch is not of this run";
    EXPECT_EQ(least(0, 10000), "") << "nothing waits";
    EXPECT_TRUE(rows_wait(*f.store, f.space, 9, 2, 2).value());
    EXPECT_FALSE(rows_wait(*f.store, f.space, 9, 3, 9).value());
}

TEST(Jobs, KeepEveryFieldAndOnlyTheNewestOfThoseThatHaveEnded)
{
    test::outbox_fixture f;
    table_job j;
    j.kind = job_kind::retype;
    j.step = job_step::converting;
    j.tables = {"tracks"};
    j.column = "n";
    j.to = core::column_type::double_;
    j.rescue = true;
    j.fill = {.cursor = std::string("\0\xff\x10", 3), .profiles = 1, .rows = 2, .first_seq = 3, .last_batch = 4, .finished = true};
    j.notes = {"a", "b"};
    j.error_id = "x.y";
    j.error = "why";
    const auto added = add_job(*f.store, f.space, j).value();
    EXPECT_EQ(encode_job(decode_job(encode_job(added)).value()), encode_job(added));
    EXPECT_EQ(all_jobs(*f.store, f.space).value().front().fill.cursor, j.fill.cursor);
    EXPECT_EQ(decode_job("{}").error().id, "jobs.damaged");
    EXPECT_EQ(decode_job("").error().id, "jobs.damaged");
    table_job ended;
    ended.step = job_step::done;
    for (int i = 0; i < 30; ++i) ASSERT_TRUE(add_job(*f.store, f.space, ended).has_value());
    const auto left = all_jobs(*f.store, f.space).value();
    EXPECT_EQ(left.front().number, 1U) << "an open one is kept, however old";
    EXPECT_EQ(left.back().number, 31U);
    EXPECT_EQ(left.size(), 22U);
}

TEST(Wear, ComesFromManySmallLoads)
{
    test::outbox_fixture f;
    EXPECT_EQ(worn_tables({{"few", {99, 1}}, {"small", {100, 1000}}, {"large", {100, 100 * small_load_bytes}}, {"most", {500, 1000}}}),
              (std::vector<std::string>{"most", "small"}));
    ASSERT_TRUE(write_wear(*f.store, f.space, {{"tracks", {7, 8}}}).has_value());
    const auto back = read_wear(*f.store, f.space).value();
    EXPECT_EQ(back.at("tracks").loads, 7U);
    EXPECT_EQ(back.at("tracks").bytes, 8U);
}

TEST(FillSql, TellsRowsApartByWhatNeverComesBack)
{
    const auto text = [&](const char* name, std::vector<core::column> columns) {
        core::table t{.name = name, .columns = std::move(columns)};
        return merge_missing(at, t, "/Volumes/main/acme/lakeferry/load-1-*.parquet", {"acme", 1, 2});
    };
    const auto graph = text("id_graph_updates", {{"segment_id"}, {"canonical_segment_id"}, {"seq", core::column_type::bigint}});
    EXPECT_NE(graph.find("ON t.`segment_id` = s.`segment_id` AND t.`canonical_segment_id` = s.`canonical_segment_id`"), std::string::npos);
    EXPECT_EQ(graph.find("WHEN MATCHED"), std::string::npos);
    const auto pages = text("pages", {{"id"}, {"received_at", core::column_type::timestamp}, {"url"}, {"_rescued_data"}});
    EXPECT_NE(pages.find("ON t.`id` = s.`id`\n"), std::string::npos);
    EXPECT_NE(pages.find("WHEN MATCHED AND (t.`url` IS NULL AND s.`url` IS NOT NULL) THEN UPDATE SET `url` = coalesce(t.`url`, s.`url`)"),
              std::string::npos);
    EXPECT_NE(pages.find("read_files('/Volumes/"), std::string::npos);
    EXPECT_NE(text("x", {{"id"}}).find("/* lakeferry space=acme"), std::string::npos);
}

TEST(RetypeSql, NeverConvertsWhatWouldLoseSomething)
{
    EXPECT_EQ(exact_cast("`p`", "bigint", core::column_type::bigint), "`p`");
    EXPECT_EQ(exact_cast("`p`", "timestamp", core::column_type::bigint), "CAST(NULL AS BIGINT)");
    EXPECT_NE(exact_cast("`p`", "double", core::column_type::bigint).find("floor(`p`)"), std::string::npos);
    EXPECT_NE(exact_cast("`p`", "string", core::column_type::bigint).find("RLIKE"), std::string::npos);
    core::table t{.name = "tracks", .columns = {{"n"}}, .comment = "it's"};
    t.cluster_by = {"received_at"};
    const std::vector<landed_column> columns{{"id", "string", ""}, {"n", "bigint", ""}, {"_rescued_data", "string", ""}, {"users own", "int", ""}};
    const auto sql = retype_table(at, t, columns, "n", core::column_type::double_, {"acme", 1});
    EXPECT_NE(sql.find("CREATE OR REPLACE TABLE `main`.`acme`.`tracks` CLUSTER BY (`received_at`) COMMENT 'it\\'s' AS"), std::string::npos) << sql;
    EXPECT_NE(sql.find("`users own`"), std::string::npos) << "columns of others stay";
}
