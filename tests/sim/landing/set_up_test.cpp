// The first run of a space: all that its schema lacks by one statement, whatever ends that statement half-way, and
// nothing of it in a schema that is another daemon's.
#include "tests/sim/landing/rows.hpp"
#include "tests/support/landing_model/landing_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;
using fake_databricks::fault;
using fake_databricks::fault_kind;
using fake_databricks::sql_error;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;

namespace {

core::table graph_log()
{
    return {.name = "id_graph_updates",
            .columns = {{"segment_id"}, {"canonical_segment_id"}, {"seq", core::column_type::bigint}},
            .number = 1};
}

core::table traits_log()
{
    return {.name = "profile_traits_updates",
            .columns = {{"segment_id"}, {"seq", core::column_type::bigint}, {"plan"}},
            .number = 3};
}

core::table merges()
{
    return {.name = "profile_merges",
            .kind = core::table_kind::keyed,
            .columns = {{"segment_id"}, {"canonical_segment_id"}, {"seq", core::column_type::bigint}},
            .key = {"segment_id"}, .number = 6};
}

core::table wide()
{
    return {.name = "profile_traits",
            .kind = core::table_kind::keyed,
            .columns = {{"canonical_segment_id"}, {"merged_to"}, {"seq", core::column_type::bigint}, {"plan"}},
            .key = {"canonical_segment_id"}, .number = 13};
}

// One profile, as resolution writes it: rows of both logs and of the current merges.
void put_profile(landing_world& w, std::uint64_t batch, const std::string& who, std::uint64_t seq)
{
    const auto graph =
        R"("segment_id":")" + who + R"(","canonical_segment_id":")" + who + R"(","seq":)" + std::to_string(seq) + "}";
    w.put_append(batch, graph_log(), {"{" + graph});
    w.put_append(batch, traits_log(),
                 {R"({"segment_id":")" + who + R"(","seq":)" + std::to_string(seq + 1) + R"(,"plan":"pro"})"});
    w.put_append(batch, merges(), {R"({"_op":"upsert",)" + graph});
    w.put_append(batch, wide(), {});
    w.commit_batch(batch, seq + 1);
}

void put_simple(landing_world& w)
{
    w.put_append(1, tracks_table(), {track("m1"), track("m2")});
    w.put_append(1, traits_table(), {trait("p1", "pro", 1)});
}

// Without those that end a run.
std::size_t set_up_scripts(const landing_world& w) { return w.statements_with("BEGIN\n") - w.statements_with("BEGIN\nDECLARE"); }

std::size_t loads_of(const profiles::run_report& r) { return r.sum(&profiles::table_report::loads); }

databricks::statement_error lacks(const std::string& privilege, const std::string& on)
{
    return sql_error("42501", "INSUFFICIENT_PERMISSIONS",
                     "Insufficient privileges:\nUser does not have " + privilege + " on " + on + ".");
}

void fence_of_another(landing_world& w)
{
    (void)w.workspace.tables.create_schema("main.acme", true);
    (void)w.workspace.tables.create("main.acme._lakeferry_loads",
                                    {{.name = "table_name", .type_text = "string"},
                                     {.name = "load_seq", .type_text = "bigint"},
                                     {.name = "report", .type_text = "string"}},
                                    true);
    auto& about = w.workspace.tables.find("main.acme._lakeferry_loads")->properties;
    about = {
        {"lakeferry.owner", "another"}, {"lakeferry.space", "acme"}, {"lakeferry.host", "h9"}, {"lakeferry.term", "1"}};
}

}  // namespace

// With profile_traits, or else with a small load, the fences and the report travel along.
TEST(SetUp, AFirstRunSendsOneStatementBesidesItsLoadsOrTwoWithoutVolume)
{
    for (const bool profiles_too : {false, true})
        for (const bool with_volume : {true, false})
            for (const bool schema_is_there : {false, true}) {
                SCOPED_TRACE(testing::Message() << "profiles " << profiles_too << " volume " << with_volume
                                                << " schema " << schema_is_there);
                landing_world w;
                w.config.profiles_sync.use_volume = with_volume;
                w.config.profiles_sync.materialized = true;
                if (schema_is_there) (void)w.workspace.tables.create_schema("main.acme", true);
                put_simple(w);
                if (profiles_too) put_profile(w, 1, "u1", 1000);
                const auto report = w.sync();
                ASSERT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
                EXPECT_EQ(loads_of(report), profiles_too ? 6U : 2U);
                EXPECT_EQ(w.texts.size(), loads_of(report) + (profiles_too || with_volume ? 1 : 2));
                EXPECT_EQ(report.statements, w.texts.size());
                EXPECT_NE(w.texts.front().find("BEGIN\n"), std::string::npos) << w.texts.front();
                EXPECT_EQ(w.texts.front().find("CREATE SCHEMA") == std::string::npos, schema_is_there);
                EXPECT_EQ(w.workspace.volumes.size(), with_volume ? 1U : 0U);
                for (const std::string view : {"_lakeferry_syncs", "id_graph"})
                    EXPECT_EQ(w.workspace.tables.find("main.acme." + view) != nullptr,
                              profiles_too || view == "_lakeferry_syncs")
                        << view;
                EXPECT_EQ(w.workspace.tables.find("main.acme._lakeferry_loads")->properties.at("lakeferry.host"), "h1");

                w.stop();  // a new process looks at what is there, and makes nothing
                w.texts.clear();
                w.put_append(2, tracks_table(), {track("m3")});
                w.put_append(2, traits_table(), {trait("p1", "free", 2)});
                EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
                EXPECT_EQ(w.texts.size(), with_volume ? 2U : 3U) << "two loads; their fence and the report";
                w.texts.clear();
                w.sync();
                EXPECT_TRUE(w.texts.empty()) << "nothing to land, nothing sent";
            }
}

TEST(SetUp, WhatComesLaterIsMadeTogetherToo)
{
    landing_world w;
    w.config.profiles_sync.materialized = true;
    put_simple(w);
    ASSERT_EQ(w.sync().status, profiles::run_status::success);
    w.texts.clear();
    put_profile(w, 2, "u1", 1000);
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.texts.size(), loads_of(report) + 1) << "a script of tables and views";
    EXPECT_EQ(w.statements_with("_lakeferry_loads` ("), 0U);
    EXPECT_NE(w.workspace.tables.find("main.acme.id_graph"), nullptr);
    w.texts.clear();
    w.put_append(3, pages_table(), {track("p1")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.statements_with("BEGIN"), 0U) << "one table needs no script";
    EXPECT_EQ(w.statements_with("CREATE TABLE"), 1U);
}

TEST(SetUp, AScriptThatIsVeryLongBecomesSeveral)
{
    landing_world w;
    for (std::uint32_t n = 0; n < 5; ++n) {
        auto t = tracks_table();
        t.name = "event_" + std::to_string(n);
        t.number = 30 + n;
        t.comment = std::string(300'000, 'x');
        w.put_append(1, t, {track("m1")});
    }
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(set_up_scripts(w), 2U);
    EXPECT_EQ(w.statements_with("CREATE TABLE"), 2U);
    EXPECT_EQ(w.rows_in("event_4"), 1U);
}

// Whatever part fails: what was made before it stays, the rest is made by single statements, as if there were no
// scripts.
TEST(SetUp, AScriptThatEndsHalfWayCostsNothing)
{
    for (const std::string part :
         {"CREATE SCHEMA", "CREATE TABLE `main`.`acme`.`_lakeferry_loads`", "`main`.`acme`.`tracks` (",
          "VIEW `main`.`acme`.`_lakeferry_syncs`", "CREATE VOLUME"}) {
        SCOPED_TRACE(part);
        landing_world w;
        put_simple(w);
        w.workspace.inject(statement_fault{.kind = statement_fault_kind::ends_script,
                                           .text = part,
                                           .error = lacks("CREATE TABLE", "Schema 'main.acme'")});
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
        EXPECT_EQ(w.log.count("structure.single_steps"), 1U);
        EXPECT_EQ(w.statements_with("read_files('/Volumes/main/acme/lakeferry/load-"), 2U) << "with the volume";
        EXPECT_EQ(w.rows_in("tracks"), 2U);
        EXPECT_EQ(w.rows_in("user_traits"), 1U);
        EXPECT_NE(w.workspace.tables.find("main.acme._lakeferry_syncs"), nullptr);
        w.texts.clear();
        w.put_append(2, tracks_table(), {track("m3")});
        w.sync();
        EXPECT_EQ(w.texts.size(), 1U) << "set up is set up";
    }
}

namespace {

struct refused_part {
    std::string part;
    databricks::statement_error error;
    std::string run_error;
    std::string table_error;  // of tracks
    std::string words;        // in whichever of them there is, or in the log
};

const std::vector<refused_part>& refused_parts()
{
    static const std::vector<refused_part> all{
        {"CREATE SCHEMA", lacks("CREATE SCHEMA", "Catalog 'main'"), "permission.missing", "",
         "GRANT CREATE SCHEMA ON CATALOG `main`"},
        {"_lakeferry_loads` (", lacks("CREATE TABLE", "Schema 'main.acme'"), "permission.missing", "",
         "GRANT CREATE TABLE ON SCHEMA `main`.`acme`"},
        {"`main`.`acme`.`tracks` (", lacks("CREATE TABLE", "Schema 'main.acme'"), "", "permission.missing",
         "GRANT CREATE TABLE ON SCHEMA `main`.`acme`"},
        {"VIEW `main`.`acme`.`_lakeferry_syncs`", lacks("SELECT", "Table 'main.acme._lakeferry_loads'"), "", "",
         "view.not_made"},
        {"CREATE VOLUME", lacks("CREATE VOLUME", "Schema 'main.acme'"), "", "", "stage.no_volume"}};
    return all;
}

}  // namespace

TEST(SetUp, APartThatIsRefusedForGoodIsExplainedAsBefore)
{
    for (const auto& c : refused_parts()) {
        SCOPED_TRACE(c.part);
        landing_world w;
        put_simple(w);
        w.workspace.inject(
            statement_fault{.kind = statement_fault_kind::ends_script, .text = c.part, .error = c.error});
        bool refused = true;
        w.workspace.execute_with([&, model = landing_executor(w.workspace)](const fake_databricks::statement_call& call) {
            if (refused && call.what.text.find(c.part) != std::string::npos) return fake_databricks::failed(c.error);
            w.texts.push_back(call.what.text);
            return model(call);
        });
        const auto report = w.sync();
        EXPECT_EQ(report.error_id, c.run_error) << report.error;
        if (c.run_error.empty()) {
            EXPECT_EQ(report.tables.at("tracks").error_id, c.table_error);
            EXPECT_EQ(w.rows_in("user_traits"), 1U);
            EXPECT_EQ(w.rows_in("tracks"), c.table_error.empty() ? 2U : 0U);
        }
        const std::string said = report.error + w.log.text();
        EXPECT_NE(said.find(c.words), std::string::npos) << said;
        EXPECT_EQ(set_up_scripts(w), 1U) << "half of it took effect; no script more in this run";
        // Without rights on the volume or a view nothing more is tried than without scripts.
        w.texts.clear();
        w.put_append(2, traits_table(), {trait("p1", "free", 2)});
        if (c.run_error.empty() && c.table_error.empty()) {
            EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
            EXPECT_EQ(set_up_scripts(w), 0U);
        }
        refused = false;
        EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
        EXPECT_EQ(w.rows_in("tracks"), 2U);
    }
}

TEST(SetUp, AWarehouseThatTakesNoScriptsIsAskedOnce)
{
    landing_world w;
    put_simple(w);
    w.workspace.inject(
        statement_fault{.kind = statement_fault_kind::fails,
                        .text = "BEGIN\n",
                        .times = 2,
                        .error = sql_error("42601", "PARSE_SYNTAX_ERROR", "Syntax error at or near 'BEGIN'.")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.rows_in("tracks"), 2U);
    const auto calls = w.workspace.statements_accepted;
    const auto sent = w.texts.size();
    put_profile(w, 2, "u1", 1000);
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.rows_in("profile_merges"), 1U);
    EXPECT_EQ(w.workspace.statements_accepted - calls, w.texts.size() - sent)
        << "the fault would have refused a script";
    EXPECT_EQ(w.statements_with("BEGIN\n"), 0U);
    w.stop();  // another daemon's life: the second refusal
    auto more = tracks_table();
    for (const std::uint32_t n : {40U, 41U}) {
        more.name = "event_" + std::to_string(n);
        more.number = n;
        w.put_append(3, more, {track("m1")});
    }
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.log.count("structure.single_steps"), 2U);
    EXPECT_EQ(w.rows_in("event_41"), 1U);
}

// The first script did it all; the one that is sent again ends at the fence table, which is ours.
TEST(SetUp, ALostAnswerIsNoOtherDaemon)
{
    landing_world w;
    put_simple(w);
    w.workspace.inject(fault{.kind = fault_kind::lost_after, .method = "POST", .path = "/sql/statements"});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
    EXPECT_EQ(w.rows_in("tracks"), 2U);
    EXPECT_EQ(w.statements_with("CREATE TABLE IF NOT EXISTS"), 2U) << "both scripts";
    EXPECT_EQ(w.texts.size(), loads_of(report) + 2);
}

TEST(SetUp, AScriptThatOnlyMadeTheFenceTableIsGoneOnWith)
{
    landing_world w;
    put_simple(w);
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::ends_script,
                                       .text = "`main`.`acme`.`tracks` (",
                                       .error = sql_error("42P07", "TABLE_OR_VIEW_ALREADY_EXISTS", "It is there.")});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
    EXPECT_EQ(set_up_scripts(w), 2U);
    EXPECT_EQ(w.texts.size(), loads_of(report) + 2) << "the first half and the rest";
}

TEST(SetUp, NothingIsMadeInASchemaThatAnotherDaemonWasFasterToTake)
{
    for (const bool before_the_script : {false, true}) {
        SCOPED_TRACE(before_the_script ? "while the warehouse started" : "while the script was on its way");
        landing_world w;
        put_simple(w);
        if (before_the_script) {
            w.peers.spawn("another", [](landing_world& of) -> rt::awaitable<void> {
                co_await rt::sleep_for(of.time, 10s);
                fence_of_another(of);
            }(w));
        } else {
            w.workspace.execute_with(
                [&, model = landing_executor(w.workspace)](const fake_databricks::statement_call& call) {
                    if (call.what.text.find("BEGIN\n") != std::string::npos) fence_of_another(w);
                    w.texts.push_back(call.what.text);
                    return model(call);
                });
        }
        const auto report = w.sync();
        EXPECT_EQ(report.error_id, "lease.held") << report.error << w.log.text();
        EXPECT_NE(report.error.find("space acme on host h9"), std::string::npos) << report.error;
        EXPECT_EQ(w.texts.size(), before_the_script ? 0U : 1U);
        for (const std::string name : {"tracks", "user_traits", "_lakeferry_syncs"})
            EXPECT_EQ(w.workspace.tables.find("main.acme." + name), nullptr) << name;
        EXPECT_TRUE(w.workspace.volumes.empty());
        EXPECT_TRUE(w.get(w.process().sync->due()).value()) << "its rows wait";
        EXPECT_EQ(w.workspace.tables.find("main.acme._lakeferry_loads")->properties.at("lakeferry.owner"), "another");
    }
}

// Its progress is forgotten before it is made anew, also where a script makes it: it fills itself with every profile.
TEST(SetUp, ADroppedProfileTraitsIsFilledAlsoWhenAScriptMakesIt)
{
    landing_world w;
    w.config.profiles_sync.materialized = true;
    put_profile(w, 1, "u1", 1000);
    ASSERT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    ASSERT_EQ(w.rows_in("profile_traits"), 1U);
    w.stop();
    (void)w.workspace.tables.drop("main.acme.profile_traits", false);
    put_profile(w, 2, "u2", 2000);
    put_simple(w);
    w.commit_batch(2, 2001);
    w.texts.clear();
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.statements_with("BEGIN\n"), 2U) << "what lacks, and profile_traits with the report";
    EXPECT_EQ(w.rows_in("profile_traits"), 2U);
}

// A crash at any moment of a first run, in bad weather: the next one finds its way.
TEST(SetUp, AFirstRunThatIsCutShortIsFinishedByTheNext)
{
    for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        landing_world w(seed);
        w.config.profiles_sync.materialized = true;
        w.config.profiles_sync.use_volume = seed % 3 != 0;
        w.workspace.warehouse("w1").cold_start = 1s;
        put_simple(w);
        put_profile(w, 1, "u1", 1000);
        w.workspace.set_weather(rough_weather());
        w.run_and_crash(std::chrono::milliseconds(w.rng() % 4'000));
        w.run_and_crash(std::chrono::milliseconds(w.rng() % 4'000));
        w.workspace.set_weather({});
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
        w.pass(10min);
        EXPECT_EQ(w.rows_in("tracks"), 2U);
        EXPECT_EQ(w.rows_in("user_traits"), 1U);
        EXPECT_EQ(w.rows_in("profile_traits"), 1U);
        EXPECT_NE(w.workspace.tables.find("main.acme._lakeferry_syncs"), nullptr);
    }
}
