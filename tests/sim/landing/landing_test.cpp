// Landing over time and through faults: no row lost, none doubled, and words that say what to do.
#include "tests/sim/landing/rows.hpp"

#include "sync/core/keys.hpp"
#include "sync/profiles/row_file.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;
using fake_databricks::fault;
using fake_databricks::fault_kind;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;

namespace {

std::string track(int n) { return test::track("m" + std::to_string(n), n, "00000" + std::to_string(n % 10)); }

void put_tracks(landing_world& w, std::uint64_t batch, int from, int count)
{
    std::vector<std::string> lines;
    for (int i = 0; i < count; ++i) lines.push_back(track(from + i));
    w.put_append(batch, tracks_table(), lines);
}

void expect_tracks(const landing_world& w, std::size_t count)
{
    const auto rows = w.landed("tracks");
    EXPECT_EQ(rows.size(), count);
    EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), count) << "a row is doubled";
}

}  // namespace

TEST(Landing, MakesWhatIsMissingLandsTheRowsAndCleansUp)
{
    landing_world w;
    put_tracks(w, 1, 0, 10);
    w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
    EXPECT_TRUE(report.woke_warehouse);
    EXPECT_EQ(report.tables.at("tracks").rows, 10U);
    expect_tracks(w, 10);
    EXPECT_EQ(w.rows_in("user_traits"), 1U);
    EXPECT_TRUE(w.workspace.files.empty()) << "staged files are deleted";
    EXPECT_EQ(w.workspace.tables.fence_of("main.acme._lakeferry_loads", "user_traits"), 1);
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
}

TEST(Landing, ARunWithoutRowsTouchesNothing)
{
    landing_world w;
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success);
    EXPECT_EQ(report.number, 0U);
    EXPECT_TRUE(w.workspace.ledger.empty());
    put_tracks(w, 1, 0, 3);
    w.sync();
    const auto calls = w.workspace.ledger.size();
    EXPECT_EQ(w.sync().rows(), 0U);
    EXPECT_EQ(w.workspace.ledger.size(), calls);
}

TEST(Landing, ASecondRunSendsOneStatementATable)
{
    landing_world w;
    put_tracks(w, 1, 0, 3);
    w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
    w.sync();
    w.texts.clear();
    put_tracks(w, 2, 3, 3);
    w.put_append(2, traits_table(), {trait("p1", "", 2, "delete")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.texts.size(), 2U) << "the fence is moved with the last of them";
    EXPECT_EQ(w.workspace.tables.fence_of("main.acme._lakeferry_loads", "user_traits"), 4);
    EXPECT_EQ(w.rows_in("user_traits"), 0U);
    expect_tracks(w, 6);
}

TEST(Landing, TablesThatAreMissingAreMadeByOneStatement)
{
    landing_world w;
    put_tracks(w, 1, 0, 3);
    w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.statements_with("BEGIN\nCREATE"), 1U);
    EXPECT_EQ(w.statements_with("CREATE"), 1U);
}

TEST(Landing, WhatTheScriptOfTablesDoesNotMakeIsMadeOrExplainedByItself)
{
    for (const bool half_way : {false, true}) {
        SCOPED_TRACE(half_way ? "one of the tables cannot be made" : "no scripts there");
        landing_world w;
        put_tracks(w, 1, 0, 3);
        w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
        w.workspace.inject(statement_fault{
            .kind = statement_fault_kind::fails,
            .text = half_way ? "`main`.`acme`.`tracks` (" : "BEGIN\n",
            .times = half_way ? 2U : 1U,
            .error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS", "User does not have CREATE TABLE on Schema 'main.acme'.")});
        const auto report = w.sync();
        EXPECT_EQ(report.status, half_way ? profiles::run_status::partial : profiles::run_status::success) << w.log.text();
        if (half_way) EXPECT_EQ(report.tables.at("tracks").error_id, "permission.missing");
        EXPECT_EQ(w.rows_in("user_traits"), 1U);
        EXPECT_EQ(w.sync().status, profiles::run_status::success);
        expect_tracks(w, 3);
    }
}

TEST(Landing, NewColumnsAreAddedInOneStatement)
{
    landing_world w;
    put_tracks(w, 1, 0, 3);
    w.sync();
    w.texts.clear();
    core::table wider = tracks_table();
    wider.columns.push_back({"plan"});
    wider.columns.push_back({"price", core::column_type::double_});
    w.put_append(2, wider, {R"({"id":"z","received_at":"2026-03-01T00:00:00.000000Z","plan":"pro","price":1.5})"});
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.statements_with("ALTER TABLE"), 1U);
    expect_tracks(w, 4);
}

TEST(Landing, AnAnswerLostAfterTheEffectIsAdoptedNotSentAgain)
{
    landing_world w;
    put_tracks(w, 1, 0, 10);
    w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
    w.sync();
    w.texts.clear();
    put_tracks(w, 2, 10, 10);
    w.workspace.inject(fault{.kind = fault_kind::lost_after, .method = "POST", .path = "/sql/statements"});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
    EXPECT_EQ(w.statements_with("COPY INTO"), 1U);
    EXPECT_EQ(w.log.count("load.adopted"), 1U);
    expect_tracks(w, 20);
}

TEST(Landing, AStatementThatVanishesIsFoundOrHarmlesslyRepeated)
{
    landing_world w;
    land_a_page(w);
    put_tracks(w, 1, 0, 10);
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::vanishes, .text = "COPY INTO"});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 10);
}

TEST(Landing, ClosedIsSuccessAndSoIsAFailureAfterTheCommit)
{
    landing_world w;
    land_a_page(w);
    put_tracks(w, 1, 0, 10);
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::closed, .text = "COPY INTO"});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    put_tracks(w, 2, 10, 5);
    w.workspace.inject(statement_fault{
        .kind = statement_fault_kind::fails_after,
        .text = "COPY INTO",
        .error = fake_databricks::sql_error("2DKD0", "DELTA_POST_COMMIT_HOOK_FAILED", "the hook failed")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 15);
}

TEST(Landing, AConflictIsTriedAgain)
{
    landing_world w;
    land_a_page(w);
    put_tracks(w, 1, 0, 10);
    w.workspace.inject(statement_fault{
        .kind = statement_fault_kind::fails,
        .text = "COPY INTO",
        .times = 3,
        .error = fake_databricks::sql_error("2D521", "DELTA_METADATA_CHANGED", "somebody altered the table")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 10);
}

TEST(Landing, AMissingPrivilegeFailsTheRunNamesTheGrantAndKeepsTheRows)
{
    landing_world w;
    land_a_page(w);
    put_tracks(w, 1, 0, 10);
    w.workspace.inject(statement_fault{
        .kind = statement_fault_kind::fails,
        .text = "COPY INTO",
        .error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS",
                                            "Insufficient privileges:\nUser does not have MODIFY on Table "
                                            "'main.acme.tracks'.")});
    const auto failed = w.sync();
    EXPECT_EQ(failed.status, profiles::run_status::failed);
    EXPECT_EQ(failed.tables.at("tracks").error_id, "permission.missing");
    EXPECT_NE(failed.tables.at("tracks").error.find("GRANT MODIFY ON TABLE `main`.`acme`.`tracks`"), std::string::npos)
        << failed.tables.at("tracks").error;
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 10);
}

TEST(Landing, OneFailingTableLeavesTheOthersAlone)
{
    landing_world w;
    put_tracks(w, 1, 0, 10);
    w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::fails,
                                       .text = "MERGE INTO `main`.`acme`.`user_traits`",
                                       .error = fake_databricks::sql_error("22018", "CAST_INVALID_INPUT", "bad cast")});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::partial);
    EXPECT_EQ(report.tables.at("user_traits").error_id, "statement.type");
    expect_tracks(w, 10);
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.rows_in("user_traits"), 1U);
}

TEST(Landing, ATableDroppedBySomebodyIsMadeAgain)
{
    landing_world w;
    put_tracks(w, 1, 0, 5);
    w.sync();
    (void)w.workspace.tables.drop("main.acme.tracks", false);
    put_tracks(w, 2, 5, 5);
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 5);
    EXPECT_EQ(w.log.count("table.changed"), 1U);
}

TEST(Landing, ADroppedVolumeCostsNothing)
{
    landing_world w;
    land_a_page(w);
    put_tracks(w, 1, 0, 5);
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::fails,
                                       .text = "COPY INTO",
                                       .times = 1,
                                       .error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS", "no")});
    EXPECT_NE(w.sync().status, profiles::run_status::success);
    w.workspace.files.clear();
    w.workspace.volumes.clear();
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 5);
}

TEST(Landing, WithoutVolumeRightsTheRowsTravelInTheStatements)
{
    landing_world w;
    w.config.profiles_sync.use_volume = false;
    put_tracks(w, 1, 0, 10);
    w.put_append(1, traits_table(), {trait("p1", "pro", 1), trait("p2", "free", 2)});
    w.sync();
    w.workspace.inject(fault{.kind = fault_kind::lost_after, .method = "POST", .path = "/sql/statements"});
    put_tracks(w, 2, 10, 10);
    w.put_append(2, traits_table(), {trait("p1", "", 3, "delete")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    expect_tracks(w, 20);
    EXPECT_EQ(w.rows_in("user_traits"), 1U);
    EXPECT_EQ(w.statements_with("COPY INTO"), 0U);
}

TEST(Landing, UpdateLogsInsideTheStatementAreBoundedBySeq)
{
    landing_world w;
    w.config.profiles_sync.use_volume = false;
    const core::table log{.name = "id_graph_updates",
                          .columns = {{"segment_id"}, {"seq", core::column_type::bigint}},
                          .number = 1};
    w.put_append(1, log, {R"({"segment_id":"a","seq":1000000000000000002})", R"({"segment_id":"b","seq":1000000000000000003})"});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.rows_in("id_graph_updates"), 2U);
    EXPECT_EQ(w.statements_with("t.`seq` >= CAST('1000000000000000002' AS BIGINT)"), 1U);
}

// The statement of load 1 is lost, sent again, and the first one commits after load 2 deleted the key.
TEST(Landing, AZombieThatCommitsAfterItsSuccessorChangesNothing)
{
    landing_world w;
    w.put_append(1, traits_table(), {trait("p1", "free", 1)});
    w.sync();
    const std::string zombie = *std::find_if(w.texts.begin(), w.texts.end(), [](const auto& t) {
        return t.find("MERGE INTO `main`.`acme`.`user_traits`") != std::string::npos;
    });
    const auto files = w.workspace.files;
    w.put_append(2, traits_table(), {trait("p1", "", 2, "delete")});
    w.sync();
    ASSERT_EQ(w.rows_in("user_traits"), 0U);
    // Its file is put back, so that only the fence stands in its way.
    const auto begin = zombie.find("/Volumes/");
    const std::string path = zombie.substr(begin, zombie.find('\'', begin) - begin);
    profiles::row_file file(traits_table(), std::size_t{1} << 20U);
    ASSERT_FALSE(file.add(trait("p1", "free", 1) + "\n").has_error());
    w.workspace.files[path] = file.take();
    const auto model = w.get([](landing_world& of, std::string text) -> rt::awaitable<rt::outcome<databricks::statement_result>> {
        databricks::statement what;
        what.text = std::move(text);
        what.warehouse_id = "w1";
        co_return co_await of.process().statements.run(std::move(what), {});
    }(w, zombie));
    ASSERT_TRUE(model.has_value()) << model.error().detail;
    EXPECT_EQ(w.rows_in("user_traits"), 0U);
}

TEST(Landing, AWarehouseThatCannotStartFailsTheRunInWords)
{
    landing_world w;
    w.workspace.warehouse("w1").start_fails = true;
    put_tracks(w, 1, 0, 5);
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::failed);
    EXPECT_EQ(report.error_id, "warehouse.failed_to_start") << report.error;
    w.workspace.warehouse("w1").start_fails = false;
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    expect_tracks(w, 5);
}

TEST(Landing, AWrongSecretStopsTheRunAndKeepsTheRows)
{
    landing_world w;
    w.workspace.rotate_secret("another");
    put_tracks(w, 1, 0, 5);
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::failed);
    EXPECT_EQ(report.error_id, "auth.invalid_client") << report.error;
    EXPECT_TRUE(w.get(w.process().sync->due()).value());
}

TEST(Landing, ALoadIsDeliveredInSlicesWithTheFenceMovedBetween)
{
    landing_world w;
    w.limits.load_bytes_max = 400;
    for (int batch = 1; batch <= 6; ++batch) {
        put_tracks(w, static_cast<std::uint64_t>(batch), batch * 10, 10);
        w.put_append(static_cast<std::uint64_t>(batch), traits_table(),
                     {trait("p1", "v" + std::to_string(batch), static_cast<std::uint64_t>(batch),
                           batch % 2 == 0 ? "delete" : "upsert")});
    }
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << w.log.text();
    EXPECT_GT(report.tables.at("tracks").loads, 2U);
    EXPECT_GT(report.tables.at("user_traits").loads, 1U);
    expect_tracks(w, 60);
    EXPECT_EQ(w.rows_in("user_traits"), 0U);
}

// A crash at any moment, then a run to the end: the same tables as without.
TEST(Landing, ACrashAtAnyMomentChangesNoTable)
{
    for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        landing_world w(seed);
        w.limits.load_bytes_max = 600;
        w.workspace.warehouse("w1").cold_start = 2s;
        w.config.profiles_sync.use_volume = seed % 3 != 0;
        const auto bad = rough_weather();
        std::map<std::string, std::string> expected;
        int n = 0;
        for (std::uint64_t batch = 1; batch <= 5; ++batch) {
            put_tracks(w, batch, n, 7);
            std::vector<std::string> ops;
            for (int i = 0; i < 3; ++i) {
                const std::string who = "p" + std::to_string(w.rng() % 4);
                const auto seq = static_cast<std::uint64_t>(++n * 10 + i);
                const bool gone = w.rng() % 3 == 0;
                ops.push_back(trait(who, std::to_string(seq), seq, gone ? "delete" : "upsert"));
                if (gone)
                    expected.erase(who);
                else
                    expected[who] = std::to_string(seq);
            }
            n += 7;
            w.put_append(batch, traits_table(), ops);
            w.workspace.set_weather(bad);
            w.run_and_crash(std::chrono::milliseconds(w.rng() % 20'000));
        }
        w.workspace.set_weather({});
        auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
        w.pass(10min);  // zombies have their chance
        expect_tracks(w, 35);
        EXPECT_EQ(w.rows_in("user_traits"), expected.size());
        EXPECT_LE(w.workspace.token_requests_in_flight_max, 1U);
    }
}
