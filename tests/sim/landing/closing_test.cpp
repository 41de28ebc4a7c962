// The last load of a run takes fences and report along: true, once, and never at the cost of a row.
#include "tests/sim/landing/rows.hpp"
#include "tests/support/landing_model/landing_model.hpp"

#include "sync/profiles/load_journal.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;

namespace {

constexpr std::string_view closing_script = "BEGIN\nDECLARE lakeferry_rows BIGINT;\nMERGE INTO `main`.`acme`.`pages`";

// Many tracks, two pages, and a trait whose fence is to be moved.
void put(landing_world& w, std::uint64_t batch)
{
    const auto name = [batch](char kind, int n) { return kind + std::to_string(batch) + "-" + std::to_string(n); };
    std::vector<std::string> tracks;
    for (int n = 0; n < 20; ++n) tracks.push_back(track(name('t', n)));
    w.put_append(batch, tracks_table(), tracks);
    w.put_append(batch, pages_table(), {track(name('p', 1)), track(name('p', 2))});
    w.put_append(batch, traits_table(), {trait("p1", "v" + std::to_string(batch), batch)});
}

void expect_all(landing_world& w, std::uint64_t batches)
{
    for (const auto& [table, each] : {std::pair{"tracks", 20U}, {"pages", 2U}}) {
        const auto rows = w.landed(table);
        EXPECT_EQ(rows.size(), each * batches) << table;
        EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), rows.size()) << "a row is doubled";
    }
    EXPECT_EQ(w.rows_in("user_traits"), 1U);
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
}

profiles::run_report sync_well(landing_world& w)
{
    auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.cause() << w.log.text();
    return report;
}

void expect_told(const landing_world& w, const profiles::run_report& report)
{
    const auto there = reported_runs(w).back();
    EXPECT_EQ(there.status, report.status);
    EXPECT_EQ(there.number, report.number);
    EXPECT_EQ(there.rows(), report.rows());
    EXPECT_EQ(there.statements, report.statements);
    EXPECT_EQ(there.oldest_us, report.oldest_us);
    for (const auto& [name, t] : report.tables) {
        const auto& told = there.tables.at(name);
        EXPECT_EQ(told.rows, t.rows) << name;
        EXPECT_EQ(told.loads, t.loads) << name;
        EXPECT_EQ(told.files, t.files) << name;
        EXPECT_EQ(told.bytes, t.bytes) << name;
    }
}

}  // namespace

TEST(Closing, TheReportThatTravelsAlongIsTrue)
{
    landing_world w;
    for (std::uint64_t run = 1; run <= 3; ++run) {
        put(w, run);
        w.texts.clear();
        const auto report = sync_well(w);
        EXPECT_EQ(w.texts.size(), run == 1 ? 4U : 3U) << "the loads, and once what makes the tables";
        EXPECT_EQ(w.statements_with(closing_script), 1U) << "the table with the least to land";
        ASSERT_EQ(reported_runs(w).size(), run);
        expect_told(w, report);
        const auto fence = w.workspace.tables.fence_of("main.acme._lakeferry_loads", "user_traits");
        EXPECT_GT(fence, 3 * static_cast<std::int64_t>(run - 1)) << "moved in each run";
    }
    expect_all(w, 3);
}

TEST(Closing, WhereNoStatementIsSavedNothingTravels)
{
    landing_world w;
    land_a_page(w);
    w.put_append(2, pages_table(), {track("p2")});
    sync_well(w);
    EXPECT_EQ(w.statements_with("COPY INTO"), 1U) << "no fence is owed, and a report was made lately";
    EXPECT_EQ(w.texts.size(), 1U);
}

TEST(Closing, TravelsWithTheLastSliceOnly)
{
    landing_world w;
    w.limits.load_bytes_max = 100;
    for (std::uint64_t batch = 1; batch <= 3; ++batch) put(w, batch);
    const auto report = sync_well(w);
    EXPECT_EQ(report.tables.at("pages").loads, 3U);
    EXPECT_EQ(w.statements_with("COPY INTO `main`.`acme`.`pages`"), 2U);
    EXPECT_EQ(w.statements_with(closing_script), 1U);
    ASSERT_EQ(reported_runs(w).size(), 1U);
    expect_told(w, report);
    expect_all(w, 3);
}

// Wherever it ends: the rows are sent once more without what travelled along, and that has a statement of its own.
TEST(Closing, AScriptThatEndsHalfWayLosesNothingAndDoublesNothing)
{
    for (const std::string part : {"MERGE INTO `main`.`acme`.`pages`", "MERGE INTO `main`.`acme`.`_lakeferry_loads`",
                                   "SET lakeferry_rows", "SELECT lakeferry_rows"}) {
        SCOPED_TRACE(part);
        landing_world w;
        put(w, 1);
        w.workspace.inject(statement_fault{.kind = statement_fault_kind::ends_script,
                                           .text = part,
                                           .error = fake_databricks::sql_error("22018", "CAST_INVALID_INPUT", "no")});
        const auto report = sync_well(w);
        EXPECT_EQ(report.tables.at("pages").rows, 2U);
        EXPECT_EQ(w.log.count("load.alone"), 1U);
        EXPECT_EQ(reported_runs(w).size(), 1U);
        expect_all(w, 1);
        put(w, 2);
        sync_well(w);
        EXPECT_EQ(reported_runs(w).size(), 2U);
        expect_all(w, 2);
    }
}

TEST(Closing, WhereScriptsAreRefusedTheReportHasAStatementOfItsOwn)
{
    landing_world w;
    put(w, 1);
    sync_well(w);
    w.workspace.inject(
        statement_fault{.kind = statement_fault_kind::fails,
                        .text = "BEGIN\n",
                        .times = 9,
                        .error = fake_databricks::sql_error("42601", "PARSE_SYNTAX_ERROR", "Syntax error at or near 'BEGIN'.")});
    for (std::uint64_t run = 2; run <= 3; ++run) {
        put(w, run);
        w.texts.clear();
        sync_well(w);
        EXPECT_EQ(w.texts.size(), 4U) << "three loads, and the fence with the report";
        EXPECT_EQ(reported_runs(w).size(), run);
    }
    EXPECT_EQ(w.statements_with("COPY INTO `main`.`acme`.`pages`"), 1U) << "asked once";
    expect_all(w, 3);
}

TEST(Closing, AnAnswerThatIsLostLosesNothing)
{
    for (const auto kind : {statement_fault_kind::closed, statement_fault_kind::vanishes, statement_fault_kind::fails_after}) {
        SCOPED_TRACE(static_cast<int>(kind));
        landing_world w;
        put(w, 1);
        w.workspace.inject(statement_fault{.kind = kind,
                                           .text = std::string(closing_script),
                                           .error = fake_databricks::sql_error("2DKD0", "DELTA_POST_COMMIT", "after it")});
        const auto report = sync_well(w);
        EXPECT_EQ(report.tables.at("pages").rows, 2U);
        EXPECT_EQ(reported_runs(w).size(), 1U);
        expect_all(w, 1);
        w.texts.clear();
        w.sync();
        EXPECT_TRUE(w.texts.empty()) << "nothing is left to do";
    }
}

// The next run finds the script in the history, or sends the rows alone; its own report says what it did.
TEST(Closing, ACrashWhileItIsUnderWayIsSettledByTheNextRun)
{
    for (const auto pause : {1min, 60min}) {
        landing_world w;
        put(w, 1);
        statement_fault slow;
        slow.kind = statement_fault_kind::stalls;
        slow.text = closing_script;
        slow.pause = pause;
        w.workspace.inject(slow);
        w.run_and_crash(50s);
        ASSERT_EQ(w.statements_with(closing_script), 0U) << "it is under way";
        w.pass(2min);
        const auto report = sync_well(w);
        EXPECT_EQ(report.adopted, 1U);
        w.pass(2h);  // a zombie has its chance
        expect_all(w, 1);
        put(w, 2);
        sync_well(w);
        expect_all(w, 2);
    }
}

TEST(Closing, FilesThatAreGoneAreStagedAgain)
{
    landing_world w;
    put(w, 1);
    bool lost = false;
    w.process();
    w.workspace.execute_with([&, model = landing_executor(w.workspace)](const fake_databricks::statement_call& call) {
        if (!lost && call.what.text.find(closing_script) != std::string::npos) w.workspace.files.clear(), lost = true;
        w.texts.push_back(call.what.text);
        return model(call);
    });
    sync_well(w);
    EXPECT_TRUE(lost);
    EXPECT_EQ(w.log.count("load.restaged"), 1U);
    ASSERT_EQ(reported_runs(w).size(), 1U);
    expect_all(w, 1);
}

// Somebody deletes rows behind the load's back: it says so, and waits for a decision.
TEST(Closing, RowsThatAreNotThereAreNoticed)
{
    for (const bool resend : {false, true}) {
        landing_world w;
        put(w, 1);
        w.process();
        w.workspace.execute_with([&w, model = landing_executor(w.workspace)](const fake_databricks::statement_call& call) {
            auto done = model(call);
            if (call.what.text.find(closing_script) != std::string::npos) {
                done.rows = {{"1"}};
                w.workspace.tables.find("main.acme.pages")->rows.pop_back();
            }
            w.texts.push_back(call.what.text);
            return done;
        });
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::partial);
        EXPECT_EQ(report.tables.at("pages").error_id, "landing.count_mismatch");
        w.crash();
        EXPECT_EQ(w.sync().tables.at("pages").error_id, "landing.count_mismatch") << "it is remembered";
        EXPECT_EQ(w.statements_with(closing_script), 1U);
        profiles::load_journal journal(*w.process().store, landing_world::space);
        const auto load = journal.all().value().front();
        ASSERT_TRUE(load.stuck);
        ASSERT_TRUE(w.get(w.process().sync->resolve_load(load.number, resend)).has_value());
        sync_well(w);
        EXPECT_EQ(w.rows_in("pages"), resend ? 2U : 1U);
        EXPECT_FALSE(w.get(w.process().sync->due()).value());
    }
}

TEST(Closing, ACrashAtAnyMomentChangesNothing)
{
    for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        landing_world w(seed);
        w.workspace.warehouse("w1").cold_start = 2s;
        const auto bad = rough_weather();
        for (std::uint64_t batch = 1; batch <= 6; ++batch) {
            put(w, batch);
            w.workspace.set_weather(bad);
            w.run_and_crash(std::chrono::milliseconds(w.rng() % 15'000));
        }
        w.workspace.set_weather({});
        sync_well(w);
        w.pass(10min);  // zombies have their chance
        expect_all(w, 6);
        const auto runs = reported_runs(w);
        EXPECT_FALSE(runs.empty());
        for (const auto& run : runs)
            for (const auto& [name, t] : run.tables) EXPECT_LT(t.rows, 1000U) << "a number was left open";
    }
}
