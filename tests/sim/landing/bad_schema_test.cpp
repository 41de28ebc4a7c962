// Schemas that other people had a hand in: each case says what is wrong and what to do, keeps the rows, and lets the
// other tables land.
#include "tests/sim/landing/rows.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;

namespace {

std::string track(int n) { return test::track("m" + std::to_string(n), n); }

std::string trait(const std::string& who, std::uint64_t seq) { return test::trait(who, "x", seq); }

struct bad_case {
    const char* name;
    std::function<void(landing_world&)> harm;
    const char* error_id;
    std::vector<std::string> words;
    std::function<void(landing_world&)> cure;
};

void make_tracks(landing_world& w, std::vector<databricks::column_info> columns)
{
    (void)w.workspace.tables.drop("main.acme.tracks", true);
    (void)w.workspace.tables.create("main.acme.tracks", std::move(columns), false);
}

void drop_tracks(landing_world& w) { (void)w.workspace.tables.drop("main.acme.tracks", true); }

const std::vector<bad_case>& cases()
{
    static const std::vector<bad_case> all{
        {"a table of the same name with other columns",
         [](landing_world& w) { make_tracks(w, {{.name = "song", .type_text = "string"}}); },
         "table.foreign",
         {"`main`.`acme`.`tracks`", "has no column id", "Rename or drop it"},
         drop_tracks},
        {"a view of the same name",
         [](landing_world& w) {
             make_tracks(w, {{.name = "id", .type_text = "string"}});
             w.workspace.tables.find("main.acme.tracks")->type = "VIEW";
         },
         "table.foreign",
         {"it is a VIEW", "give this space another schema"},
         drop_tracks},
        {"a column whose type was changed",
         [](landing_world& w) {
             make_tracks(w, {{.name = "id", .type_text = "string"}, {.name = "received_at", .type_text = "timestamp"},
                             {.name = "n", .type_text = "string"}});
         },
         "table.column_type",
         {"column n of `main`.`acme`.`tracks` has STRING there", "Lakeferry writes BIGINT", "tracks.n STRING"},
         drop_tracks},
        {"a column of a type that we do not make",
         [](landing_world& w) {
             make_tracks(w, {{.name = "id", .type_text = "string"}, {.name = "received_at", .type_text = "timestamp"},
                             {.name = "n", .type_text = "decimal(10,2)"}});
         },
         "table.column_type",
         {"has another type there", "Change it back"},
         drop_tracks},
        {"a schema owned by someone else",
         [](landing_world& w) {
             w.workspace.inject(statement_fault{
                 .kind = statement_fault_kind::fails,
                 .text = "CREATE TABLE IF NOT EXISTS `main`.`acme`.`tracks`",
                 .error =
                     fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS",
                                                "Insufficient privileges:\nUser does not have CREATE TABLE on Schema "
                                                "'main.acme'.")});
         },
         "permission.missing",
         {"GRANT CREATE TABLE ON SCHEMA `main`.`acme`"},
         [](landing_world&) {}}};
    return all;
}

}  // namespace

TEST(BadSchema, EachCaseSaysCauseAndCureKeepsTheRowsAndLetsOtherTablesLand)
{
    for (const auto& c : cases()) {
        SCOPED_TRACE(c.name);
        landing_world w;
        w.put_append(1, traits_table(), {trait("p0", 1)});
        ASSERT_EQ(w.sync().status, profiles::run_status::success);
        w.stop();  // a new process, which looks at the schema
        c.harm(w);
        w.put_append(2, tracks_table(), {track(1), track(2)});
        w.put_append(2, traits_table(), {trait("p1", 2)});
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::partial);
        ASSERT_EQ(report.tables.at("tracks").error_id, c.error_id) << report.tables.at("tracks").error;
        for (const auto& part : c.words)
            EXPECT_NE(report.tables.at("tracks").error.find(part), std::string::npos)
                << part << " is not in: " << report.tables.at("tracks").error;
        EXPECT_EQ(w.process().sync->status().error_id, c.error_id);
        EXPECT_EQ(w.rows_in("user_traits"), 2U);
        EXPECT_TRUE(w.get(w.process().sync->due()).value());
        c.cure(w);
        EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
        EXPECT_EQ(w.rows_in("tracks"), 2U);
    }
}

TEST(BadSchema, AStagingPlaceThatTakesNothingFailsTheRunAndKeepsTheRows)
{
    landing_world w;
    w.put_append(1, tracks_table(), {track(1)});
    ASSERT_EQ(w.sync().status, profiles::run_status::success);
    w.workspace.inject(fake_databricks::fault{
        .kind = fake_databricks::fault_kind::unavailable, .method = "PUT", .path = "/fs/files", .times = 1'000'000});
    w.put_append(2, tracks_table(), {track(2), track(3)});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::failed);
    EXPECT_EQ(report.tables.at("tracks").error_id, "workspace.unavailable") << report.tables.at("tracks").error;
    EXPECT_EQ(w.rows_in("tracks"), 1U);
    EXPECT_TRUE(w.get(w.process().sync->due()).value());
    w.workspace.clear_faults();
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.rows_in("tracks"), 3U);
}

TEST(BadSchema, AStagingVolumeThatWasDroppedIsMadeAgain)
{
    landing_world w;
    w.put_append(1, tracks_table(), {track(1)});
    w.sync();
    w.workspace.volumes.clear();
    w.put_append(2, tracks_table(), {track(2)});
    w.put_append(2, traits_table(), {trait("p1", 2)});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.rows_in("tracks"), 2U);
    EXPECT_GE(w.log.count("volume.dropped"), 1U);
    EXPECT_EQ(w.workspace.volumes.size(), 1U);
}

TEST(BadSchema, AViewsNameThatIsTakenIsLeftAlone)
{
    landing_world w;
    (void)w.workspace.tables.create_schema("main.acme", true);
    (void)w.workspace.tables.create("main.acme._lakeferry_syncs", {{.name = "mine", .type_text = "string"}}, false);
    w.put_append(1, tracks_table(), {track(1)});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.log.count("view.name_taken"), 1U);
    EXPECT_EQ(w.workspace.tables.find("main.acme._lakeferry_syncs")->type, "MANAGED");
    w.put_append(2, tracks_table(), {track(2)});
    w.sync();
    EXPECT_EQ(w.log.count("view.name_taken"), 1U) << "said once";
}

namespace {

std::vector<boost::json::object> reports_in_schema(const landing_world& w)
{
    std::vector<boost::json::object> out;
    const auto* t = w.workspace.tables.find("main.acme._lakeferry_loads");
    for (const auto& r : t->rows)
        if (const auto found = r.find("report"); found != r.end() && found->second)
            out.push_back(boost::json::parse(*found->second).as_object());
    return out;
}

}  // namespace

TEST(RunLog, ARunsReportTravelsWithTheFenceAndAFailedOneWithTheNext)
{
    landing_world w;
    w.put_append(1, tracks_table(), {track(1), track(2)});
    w.put_append(1, traits_table(), {trait("p1", 1)});
    const auto first = w.sync();
    ASSERT_EQ(reports_in_schema(w).size(), 1U);
    const auto row = reports_in_schema(w).front();
    EXPECT_EQ(row.at("status").as_string(), "success");
    EXPECT_EQ(row.at("rows").to_number<int>(), 3);
    EXPECT_EQ(row.at("host").as_string(), "h1");
    EXPECT_EQ(row.at("families").at("calls").to_number<int>(), 2);
    EXPECT_EQ(row.at("families").at("profiles").to_number<int>(), 1);
    EXPECT_EQ(row.at("statements").to_number<std::uint64_t>(), first.statements);
    EXPECT_GT(row.at("warehouse_us").to_number<std::int64_t>(), 0);
    EXPECT_GT(row.at("phases_us").at("load").to_number<std::int64_t>(), 0);
    EXPECT_TRUE(row.at("woke_warehouse").as_bool());
    EXPECT_GT(row.at("lag_us").to_number<std::int64_t>(), 0);

    w.workspace.warehouse("w1").start_fails = true;
    w.workspace.warehouse("w1").state = "STOPPED";
    w.put_append(2, traits_table(), {trait("p1", 2)});
    EXPECT_EQ(w.sync().status, profiles::run_status::failed);
    EXPECT_EQ(reports_in_schema(w).size(), 1U);
    w.workspace.warehouse("w1").start_fails = false;
    w.texts.clear();
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.texts.size(), 2U) << "the load, and one for fence and reports";
    const auto all = reports_in_schema(w);
    ASSERT_EQ(all.size(), 3U) << w.texts.back();
    EXPECT_EQ(all.at(1).at("status").as_string(), "failed");
    EXPECT_EQ(all.at(1).at("cause").at("id").as_string(), "warehouse.failed_to_start");
}

TEST(RunLog, WithoutAFenceToMoveAReportSeldomCostsAStatement)
{
    landing_world w;
    w.put_append(1, tracks_table(), {track(1)});
    w.sync();
    ASSERT_EQ(reports_in_schema(w).size(), 1U);
    for (int n = 2; n < 5; ++n) {
        w.texts.clear();
        w.put_append(static_cast<std::uint64_t>(n), tracks_table(), {track(n)});
        w.sync();
        EXPECT_EQ(w.texts.size(), 1U);
    }
    EXPECT_EQ(reports_in_schema(w).size(), 1U);
    w.pass(16min);
    w.put_append(5, tracks_table(), {track(5)});
    w.sync();
    EXPECT_EQ(reports_in_schema(w).size(), 5U) << "those that waited come along";
    w.texts.clear();
    EXPECT_EQ(w.sync().number, 0U);
    EXPECT_TRUE(w.texts.empty()) << "nothing to land, nothing sent";
}
