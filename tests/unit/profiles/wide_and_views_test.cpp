// Texts and decisions around what is made from landed tables: profile_traits, views, reports of runs, the lease.
#include "sync/profiles/lease.hpp"
#include "sync/profiles/run_log.hpp"
#include "sync/profiles/views.hpp"
#include "sync/profiles/wide_lander.hpp"
#include "sync/profiles/wide_traits.hpp"
#include "tests/unit/profiles/sql_fixture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>

using namespace lakeferry;
using namespace lakeferry::profiles;
using test::at;
using test::label;

namespace {

core::table wide()
{
    return {.name = "profile_traits",
            .kind = core::table_kind::keyed,
            .columns = {{"canonical_segment_id"}, {"merged_to"}, {"seq", core::column_type::bigint}, {"plan"},
                        {"age", core::column_type::bigint}},
            .key = {"canonical_segment_id"}};
}

pending_work work_with(std::vector<std::string> rows, bool due)
{
    pending_work work;
    for (const char* name : {"id_graph_updates", "profile_traits_updates", "profile_traits"})
        work.tables[name].name = name;
    work.with_rows = std::move(rows);
    work.wide_due = due;
    return work;
}

}  // namespace

TEST(WideTraits, TakesTheNewestRowOfBothLogsInsideTheBoundsBehindTheFence)
{
    core::table log{.name = "profile_traits_updates", .columns = {{"segment_id"}, {"seq"}, {"plan"}}};
    const std::string sql = merge_wide(at, wide(), {.from = 5, .upto = 9, .traits = &log}, label);
    for (const char* part :
         {"nullif(`canonical_segment_id`, `segment_id`) AS `merged_to`",
          "FROM `main`.`acme`.`id_graph_updates` WHERE seq > 5 AND seq <= 9",
          "UNION ALL SELECT `segment_id` AS `canonical_segment_id`, CAST(NULL AS STRING) AS `merged_to`, CAST(`seq` AS "
          "BIGINT) AS "
          "`seq`, CAST(`plan` AS STRING) AS `plan`, CAST(NULL AS BIGINT) AS `age` FROM "
          "`main`.`acme`.`profile_traits_updates`",
          "table_name IN ('profile_traits', '*')) < 12", "WHEN MATCHED AND t.seq < s.seq THEN UPDATE"})
        EXPECT_NE(sql.find(part), std::string::npos) << part << "\n" << sql;
    const std::string anew = merge_wide(at, wide(), {.from = 0, .upto = 9}, label);
    EXPECT_EQ(anew.find("UNION ALL"), std::string::npos) << anew;
    EXPECT_NE(anew.find("t.seq <= s.seq"), std::string::npos) << anew;
}

TEST(WideTraits, HasItsTurnWhenItsLogsHaveLanded)
{
    std::deque<std::string> names{"id_graph_updates", "profile_traits_updates", "tracks", "profile_traits"};
    wide_turn both(names, work_with({"id_graph_updates", "profile_traits_updates", "tracks"}, false));
    EXPECT_EQ(names.size(), 3U) << "it is not one of the others";
    both.ended("id_graph_updates", true);
    EXPECT_FALSE(both.come());
    both.ended("tracks", true);
    both.ended("profile_traits_updates", true);
    EXPECT_TRUE(both.come());

    names = {"id_graph_updates"};
    wide_turn failing(names, work_with({"id_graph_updates"}, false));
    failing.ended("id_graph_updates", false);
    EXPECT_TRUE(failing.wanted());
    EXPECT_FALSE(failing.come()) << "a log failed: not in this run";

    names = {"tracks"};
    const wide_turn late(names, work_with({"tracks"}, true));
    EXPECT_TRUE(late.come()) << "left from an earlier run";

    const wide_turn none(names, work_with({"tracks"}, false));
    EXPECT_FALSE(none.come());
}

TEST(Views, EveryViewAndColumnHasWordsAndEveryExpressionItsName)
{
    std::set<std::string> comments;
    for (const bool materialized : {true, false})
        for (const auto& v : views(materialized)) {
            SCOPED_TRACE(v.name);
            EXPECT_FALSE(v.comment.empty());
            EXPECT_FALSE(v.needs.empty());
            if (v.name != runs_view)
                EXPECT_TRUE(comments.insert(v.comment).second) << "forms are told apart by their words";
            const std::string sql = create_view(at, v, label);
            for (const auto& c : v.columns) {
                EXPECT_FALSE(c.comment.empty()) << c.name;
                EXPECT_NE(sql.find("`" + c.name + "` COMMENT '"), std::string::npos) << sql;
                EXPECT_NE(sql.find(" AS `" + c.name + "`"), std::string::npos) << sql;
            }
            EXPECT_EQ(sql.find('{'), std::string::npos) << sql;
        }
}

TEST(RunLog, AReportTravelsWithAFenceOrAfterAQuarterOfAnHour)
{
    EXPECT_TRUE(worth_a_statement(true, 1000, 1001));
    EXPECT_FALSE(worth_a_statement(false, 1000, 1001));
    EXPECT_TRUE(worth_a_statement(false, 0, report_waits_us));
    EXPECT_TRUE(worth_a_statement(false, 5000, 1000)) << "the clock stepped back";
    EXPECT_EQ(forget_before(50), 0U);
    EXPECT_EQ(forget_before(1001), 0U);
    EXPECT_EQ(forget_before(1050), 51U);
}

TEST(RunLog, RowsThatAreNotCountedYetAreFilledInByTheStatement)
{
    run_report r;
    r.number = 4;
    r.tables["tracks"] = {.rows = 5};
    r.tables["user_traits"] = {.rows = 2};
    const auto open = leave_open(r, "profile_traits");
    // Its own, those of its family, and all of them.
    const std::uint64_t stands = 1'000'000'000'000'000'000;
    EXPECT_EQ(open, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{stands, 0}, {stands + 2, 2}, {stands + 7, 7}}));
    const report_row row = row_of(r, "x");
    for (const auto& one : open) EXPECT_NE(row.report.find(std::to_string(one.first)), std::string::npos) << row.report;
    const std::string sql =
        closing_script("MERGE …", "SELECT count(*) FROM t", fences_part(at, {}, std::span(&row, 1), 0, open));
    EXPECT_TRUE(sql.starts_with("BEGIN\nDECLARE lakeferry_rows BIGINT;\nMERGE …;\nSET lakeferry_rows = (SELECT count(*) FROM t);\n"
                                "MERGE INTO "))
        << sql;
    EXPECT_NE(sql.find("replace(replace(replace(v.report, '1000000000000000000', CAST(lakeferry_rows + 0 AS STRING)), "
                       "'1000000000000000002', CAST(lakeferry_rows + 2 AS STRING)), '1000000000000000007', "
                       "CAST(lakeferry_rows + 7 AS STRING)) AS report FROM VALUES ('run x 4'"),
              std::string::npos)
        << sql;
    EXPECT_TRUE(sql.ends_with(";\nSELECT lakeferry_rows AS num_affected_rows;\nEND")) << sql;
}

TEST(RunReport, TellsFamiliesLagAndCauseAndReadsItselfBack)
{
    run_report r;
    r.number = 3;
    r.host = "h1";
    r.started_us = 1'000'000;
    r.ended_us = 5'000'000;
    r.oldest_us = 2'000'000;
    r.stage_us = 11;
    r.warehouse_us = 12;
    r.refused = 4;
    r.refused_before = 9;
    r.next_us = 77;
    r.next_why = "every 1h";
    r.tables["tracks"] = {.rows = 5, .bytes = 50, .rescued = 1};
    r.tables["profile_traits"] = {.rows = 2};
    r.tables["order_completed"] = {.rows = 3, .error_id = "table.foreign", .error = "not ours"};
    r.status = verdict(r);
    EXPECT_EQ(r.status, run_status::partial);
    EXPECT_EQ(r.cause_id(), "table.foreign");
    EXPECT_EQ(r.lag_us(), 3'000'000);
    const auto back = report_from_json(to_json(r));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(to_json(*back), to_json(r));
    EXPECT_NE(to_json(r).find(R"("families":{"calls":5,"events":3,"profiles":2})"), std::string::npos) << to_json(r);
    // A report of the version before has fewer facts.
    const auto old = report_from_json(
        R"({"number":1,"trigger":"manual","status":"success","started_us":1,"ended_us":2,"rows":0,"phases_us":)"
        R"({"warehouse_wait":1,"structure":1,"load":1},"frozen_batch":1,"statements":1,"adopted":0,"woke_warehouse":false,"tables":{}})");
    ASSERT_TRUE(old.has_value());
    EXPECT_EQ(old->stage_us, 0);
}

TEST(Lease, TermsNumberTheLoadsAndPropertiesNameTheOwner)
{
    EXPECT_EQ(first_number(1), 0U);
    EXPECT_GT(first_number(3), first_number(2));
    databricks::table_info fence;
    EXPECT_FALSE(holder_from(fence).has_value());
    const lease_holder owner{.id = "ab", .space = "acme", .host = "h", .since = "s", .term = 4};
    fence.properties = {{lease_property("owner"), "ab"},
                        {lease_property("space"), "acme"},
                        {lease_property("host"), "h"},
                        {lease_property("since"), "s"},
                        {lease_property("term"), "4"}};
    const auto read = holder_from(fence);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(in_words(*read), in_words(owner));
    EXPECT_EQ(read->term, 4U);
    for (const auto& [name, value] : fence.properties)
        EXPECT_NE(create_fence_table(at, owner, label).find("'" + name + "' = '" + value + "'"), std::string::npos)
            << name;
    fence.properties[lease_property("term")] = "not a number";
    EXPECT_EQ(holder_from(fence)->term, 1U);
}
