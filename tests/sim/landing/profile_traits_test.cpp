// profile_traits, made by the warehouse from the update tables: exact whatever is lost, repeated or dropped on the way.
#include "tests/sim/landing/rows.hpp"

#include "net/rt/deadline.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;

namespace {

core::table graph_table()
{
    return {.name = "id_graph_updates",
            .columns = {{"segment_id"}, {"canonical_segment_id"}, {"seq", core::column_type::bigint}},
            .number = 1};
}

core::table snapshots_table()
{
    return {
        .name = "profile_traits_updates",
        .columns = {{"segment_id"}, {"seq", core::column_type::bigint}, {"plan"}, {"age", core::column_type::bigint}},
        .number = 3};
}

core::table wide_table()
{
    return {.name = "profile_traits",
            .kind = core::table_kind::keyed,
            .columns = {{"canonical_segment_id"}, {"merged_to"}, {"seq", core::column_type::bigint}, {"plan"},
                        {"age", core::column_type::bigint}},
            .key = {"canonical_segment_id"},
            .number = 13};
}

// A small world of profiles: what the logs say, and what profile_traits must show.
class people {
public:
    explicit people(landing_world& w) : w_(w) {}

    void create(const std::string& who)
    {
        graph(who, who);
        shown_[who] = {};
    }
    void set(const std::string& who, std::optional<std::string> plan, std::optional<int> age)
    {
        traits_[who] = {plan, age};
        snapshot(who);
    }
    // As resolution does it: the one that goes, then those that it held.
    void merge(const std::string& gone, const std::string& into)
    {
        graph(gone, into);
        for (auto& [who, one] : shown_)
            if (one.merged_to == gone) graph(who, into);
        traits_.erase(gone);
        for (auto& [who, one] : shown_)
            if (who == gone || one.merged_to == gone) one = {.merged_to = into};
    }
    // One resolved batch.
    void commit()
    {
        ++batch_;
        auto& p = w_.process();
        w_.put(p, batch_, graph_table(), std::exchange(graph_, {}));
        w_.put(p, batch_, snapshots_table(), std::exchange(snapshots_, {}));
        w_.put(p, batch_, wide_table(), {}, seq_);
    }
    std::set<std::string> expected() const
    {
        std::set<std::string> rows;
        for (const auto& [who, one] : shown_) {
            std::string row;
            if (const auto found = traits_.find(who); found != traits_.end() && one.merged_to.empty()) {
                if (found->second.age) row += "age=" + std::to_string(*found->second.age) + "|";
                row += "canonical_segment_id=" + who + "|";
                if (found->second.plan) row += "plan=" + *found->second.plan + "|";
            } else {
                row = "canonical_segment_id=" + who + "|" +
                      (one.merged_to.empty() ? "" : "merged_to=" + one.merged_to + "|");
            }
            rows.insert(row);
        }
        return rows;
    }
    std::set<std::string> landed() const
    {
        const auto rows = w_.workspace.tables.dump("main.acme.profile_traits", {"seq"});
        EXPECT_EQ(rows.size(), shown_.size());
        return {rows.begin(), rows.end()};
    }
    bool is_live(const std::string& who) const
    {
        const auto found = shown_.find(who);
        return found != shown_.end() && found->second.merged_to.empty();
    }

private:
    struct shown {
        std::string merged_to{};
    };
    struct traits {
        std::optional<std::string> plan{};
        std::optional<int> age{};
    };
    std::string seq_text() { return std::to_string(++seq_); }
    void graph(const std::string& who, const std::string& canonical)
    {
        graph_.push_back(R"({"segment_id":")" + who + R"(","canonical_segment_id":")" + canonical + R"(","seq":)" +
                         seq_text() + "}");
    }
    void snapshot(const std::string& who)
    {
        const auto& t = traits_[who];
        snapshots_.push_back(R"({"segment_id":")" + who + R"(","seq":)" + seq_text() +
                             (t.plan ? R"(,"plan":")" + *t.plan + "\"" : "") +
                             (t.age ? R"(,"age":)" + std::to_string(*t.age) : "") + "}");
    }

    landing_world& w_;
    std::map<std::string, shown> shown_{};
    std::map<std::string, traits> traits_{};
    std::vector<std::string> graph_{};
    std::vector<std::string> snapshots_{};
    std::uint64_t batch_ = 0;
    std::uint64_t seq_ = 1000;
};

}  // namespace

TEST(ProfileTraits, ShowsWhatIsSetAndWhereMergedProfilesAreNow)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.set("a", "free", 30);
    p.create("b");
    p.create("c");
    p.set("c", "pro", std::nullopt);
    p.commit();
    auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
    EXPECT_EQ(report.tables.at("profile_traits").rows, 3U);
    EXPECT_EQ(p.landed(), p.expected());
    p.merge("c", "b");
    p.merge("b", "a");  // "c" points to where it is now, not to where it went first
    p.set("a", std::nullopt, 31);
    p.commit();
    w.texts.clear();
    report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
    EXPECT_EQ(p.landed(), p.expected());
    EXPECT_EQ(w.statements_with("MERGE INTO `main`.`acme`.`profile_traits`"), 1U);
    EXPECT_EQ(w.texts.size(), 3U) << "two logs, and profile_traits with fence and report";
}

TEST(ProfileTraits, ARunWithoutRowsOfItsLogsLeavesItAlone)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.commit();
    w.sync();
    w.texts.clear();
    w.put(w.process(), 2, tracks_table(), {R"({"id":"m1","received_at":"2026-03-01T00:00:00.000000Z","n":1})"}, 2000);
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.statements_with("profile_traits"), 0U);
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
}

TEST(ProfileTraits, WaitsForALogThatFailed)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.set("a", "free", 1);
    p.commit();
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::fails,
                                       .text = "COPY INTO `main`.`acme`.`id_graph_updates`",
                                       .error = fake_databricks::sql_error("22018", "CAST_INVALID_INPUT", "bad cast")});
    EXPECT_EQ(w.sync().status, profiles::run_status::partial);
    EXPECT_EQ(w.rows_in("profile_traits"), 0U);
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(p.landed(), p.expected());
}

TEST(ProfileTraits, ADroppedTableIsFilledFromTheWholeOfItsLogs)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.set("a", "free", 1);
    p.commit();
    w.sync();
    (void)w.workspace.tables.drop("main.acme.profile_traits", false);
    p.create("b");
    p.commit();
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(p.landed(), p.expected());
    EXPECT_EQ(w.log.count("table.changed"), 1U);
}

TEST(ProfileTraits, WithoutMaterializedTablesThereIsNone)
{
    landing_world w;
    w.config.profiles_sync.materialized = false;
    people p(w);
    p.create("a");
    p.commit();
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.workspace.tables.find("main.acme.profile_traits"), nullptr);
    EXPECT_EQ(w.workspace.tables.find("main.acme.id_graph")->type, "VIEW");
    EXPECT_EQ(w.statements_with("max_by(canonical_segment_id, seq)"), 1U);
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
}

// What the schema says of a run is what the run says, though the report was written before the rows were counted.
TEST(ProfileTraits, TheReportThatTravelsWithItIsTrue)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.set("a", "free", 30);
    p.create("b");
    p.commit();
    for (int run = 1; run <= 2; ++run) {
        const auto report = w.sync();
        ASSERT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
        EXPECT_EQ(report.tables.at("profile_traits").rows, run == 1 ? 2U : 1U);
        const auto there = reported_runs(w);
        ASSERT_EQ(there.size(), static_cast<std::size_t>(run));
        EXPECT_EQ(there.back().status, profiles::run_status::success);
        EXPECT_EQ(there.back().number, report.number);
        EXPECT_EQ(there.back().rows(), report.rows());
        EXPECT_EQ(there.back().statements, report.statements);
        for (const auto& [name, t] : report.tables) {
            EXPECT_EQ(there.back().tables.at(name).rows, t.rows) << name;
            EXPECT_EQ(there.back().tables.at(name).loads, t.loads) << name;
        }
        p.set("b", "pro", 1);
        p.commit();
    }
}

TEST(ProfileTraits, AScriptThatEndsBehindItIsDoneAgain)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.set("a", "free", 1);
    p.commit();
    w.workspace.inject(statement_fault{.kind = statement_fault_kind::ends_script,
                                       .text = "MERGE INTO `main`.`acme`.`_lakeferry_loads`",
                                       .error = fake_databricks::sql_error("22018", "CAST_INVALID_INPUT", "no")});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::partial);
    EXPECT_FALSE(report.tables.at("profile_traits").error_id.empty());
    ASSERT_EQ(reported_runs(w).size(), 1U) << "said by a statement of its own";
    EXPECT_EQ(reported_runs(w).back().status, profiles::run_status::partial);
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(p.landed(), p.expected());
    EXPECT_EQ(reported_runs(w).size(), 2U);
}

TEST(ProfileTraits, IsSentAloneWhereScriptsAreRefused)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.set("a", "v1", 1);
    p.commit();
    ASSERT_EQ(w.sync().status, profiles::run_status::success);
    w.workspace.inject(
        statement_fault{.kind = statement_fault_kind::fails,
                        .text = "BEGIN\n",
                        .times = 9,
                        .error = fake_databricks::sql_error("42601", "PARSE_SYNTAX_ERROR", "Syntax error at or near 'BEGIN'.")});
    for (int run = 2; run <= 3; ++run) {
        p.set("a", "v" + std::to_string(run), run);
        p.commit();
        w.texts.clear();
        EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
        EXPECT_EQ(p.landed(), p.expected());
        EXPECT_EQ(w.texts.size(), 3U) << "its log, itself, and the fences with the report";
        EXPECT_EQ(reported_runs(w).size(), static_cast<std::size_t>(run));
    }
}

// Nobody can say then what the script did, for it has moved its own fence.
TEST(ProfileTraits, ALostAnswerIsNoOtherDaemonAndLosesNothing)
{
    for (const auto kind : {statement_fault_kind::closed, statement_fault_kind::vanishes, statement_fault_kind::fails_after}) {
        SCOPED_TRACE(static_cast<int>(kind));
        landing_world w;
        people p(w);
        p.create("a");
        p.commit();
        ASSERT_EQ(w.sync().status, profiles::run_status::success);
        p.set("a", "free", 1);
        p.commit();
        w.workspace.inject(statement_fault{.kind = kind,
                                           .text = "BEGIN\n",
                                           .error = fake_databricks::sql_error("2DKD0", "DELTA_POST_COMMIT", "after it")});
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::success) << report.cause() << w.log.text();
        EXPECT_EQ(p.landed(), p.expected());
        EXPECT_EQ(reported_runs(w).size(), 2U);
        w.texts.clear();
        w.sync();
        EXPECT_TRUE(w.texts.empty()) << "nothing is left to do";
    }
}

TEST(ProfileTraits, BehindTheFenceOfAnotherOwnerItChangesNothingAndSaysSo)
{
    landing_world w;
    people p(w);
    p.create("a");
    p.commit();
    ASSERT_EQ(w.sync().status, profiles::run_status::success);
    const auto before = p.landed();
    (void)w.workspace.tables.move_fence("main.acme._lakeferry_loads", "*", 1'000'000'000);
    p.set("a", "free", 1);
    p.commit();
    const auto report = w.sync();
    EXPECT_EQ(report.tables.at("profile_traits").error_id, "lease.fenced");
    EXPECT_EQ(p.landed(), before);
}

TEST(ProfileTraits, ACrashAtAnyMomentChangesNothing)
{
    for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        landing_world w(seed);
        w.workspace.warehouse("w1").cold_start = 2s;
        w.config.profiles_sync.use_volume = seed % 3 != 0;
        const auto bad = rough_weather();
        people p(w);
        int made = 0;
        for (int batch = 0; batch < 6; ++batch) {
            for (int i = 0; i < 5; ++i) {
                const auto name = [](std::uint64_t n) { return "p" + std::to_string(n); };
                const auto one = name(w.rng() % static_cast<std::uint64_t>(made + 1));
                const auto two = name(w.rng() % static_cast<std::uint64_t>(made + 1));
                const auto what = w.rng() % 3;
                if (what == 0 || !p.is_live(one))
                    p.create(name(static_cast<std::uint64_t>(made++)));
                else if (what == 1 && p.is_live(two) && one != two)
                    p.merge(one, two);
                else
                    p.set(one, w.rng() % 4 == 0 ? std::nullopt : std::optional("v" + std::to_string(w.rng() % 9)),
                          w.rng() % 4 == 0 ? std::nullopt : std::optional(static_cast<int>(w.rng() % 90)));
            }
            p.commit();
            w.workspace.set_weather(bad);
            w.run_and_crash(std::chrono::milliseconds(w.rng() % 25'000));
        }
        w.workspace.set_weather({});
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::success) << report.error << w.log.text();
        w.pass(10min);  // zombies have their chance
        EXPECT_EQ(p.landed(), p.expected());
    }
}
