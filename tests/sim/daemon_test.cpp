// The whole daemon over time and through faults: what was accepted is never lost, no row is doubled, nothing hangs,
// stopping leaves nothing behind.
#include "tests/sim/daemon_world.hpp"
#include "tests/support/world/seeds.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> ids(const std::string& stem, unsigned count)
{
    std::vector<std::string> out;
    for (unsigned i = 0; i < count; ++i) out.push_back(stem + "-" + std::to_string(i));
    return out;
}

// Every accepted call landed once; nothing landed that was not sent, and nothing twice.
void expect_exactly_once(const daemon_world& w, const std::string& space, const sent_calls& sent)
{
    for (const auto* table : {"tracks", "order_placed"}) {
        const auto landed = w.landed_ids(space, table);
        const std::set<std::string> once(landed.begin(), landed.end());
        EXPECT_EQ(landed.size(), once.size()) << "a row of " << table << " is doubled";
        std::string lost;
        for (const auto& id : sent.accepted)
            if (!once.contains(id)) lost += id + " ";
        EXPECT_EQ(lost, "") << "accepted and lost in " << table << "\n" << w.log.text();
        std::string made_up;
        for (const auto& id : once)
            if (!sent.accepted.contains(id) && !sent.unknown.contains(id)) made_up += id + " ";
        EXPECT_EQ(made_up, "") << "never sent";
    }
}

}  // namespace

TEST(Daemon, CarriesCallsIntoTables)
{
    daemon_world w;
    w.start();
    ASSERT_TRUE(w.core().ready()) << w.log.text();
    sent_calls sent;
    w.send_tracks("space0", ids("a", 20), sent);
    EXPECT_EQ(sent.accepted.size(), 20U);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    expect_exactly_once(w, "space0", sent);
    EXPECT_EQ(w.landed_ids("space0", "profile_merges").size(), 1U);
    EXPECT_LE(w.stop(), 45s);
    EXPECT_EQ(w.workspace.statements_open(), 0U);
}

TEST(Daemon, KnowsItsLastRunAfterARestart)
{
    daemon_world w;
    w.start();
    sent_calls sent;
    w.send_tracks("space0", ids("a", 5), sent);
    ASSERT_TRUE(w.sync("space0"));
    w.stop();
    w.start();
    w.pass(1s);
    const auto view = w.core().view().spaces.at(0);
    ASSERT_TRUE(view.sync.last.has_value());
    EXPECT_EQ(view.sync.last->status, profiles::run_status::success);
    EXPECT_NE(view.sync.last_success_us, 0);
}

TEST(Daemon, LandsOnScheduleAndSleepsOtherwise)
{
    daemon_world w;
    w.start();
    sent_calls sent;
    w.send_tracks("space0", ids("a", 5), sent);
    w.pass(25min);
    expect_exactly_once(w, "space0", sent);
    const auto calls = w.workspace.ledger.size();
    w.pass(3h);
    EXPECT_EQ(w.workspace.ledger.size(), calls) << "unchanged data sends nothing and wakes nothing";
}

TEST(Daemon, ADuplicateAndARepeatedBatchLandOnce)
{
    daemon_world w;
    w.start();
    sent_calls sent;
    for (int i = 0; i < 3; ++i) w.send_tracks("space0", ids("a", 10), sent);
    ASSERT_TRUE(w.sync("space0"));
    expect_exactly_once(w, "space0", sent);
}

TEST(Daemon, ASpaceWhoseWorkspaceIsGoneLeavesTheOthersAlone)
{
    daemon_world w(1, 2);
    auto broken = std::make_shared<core::space_config>(*w.config->spaces[1]);
    broken->databricks.workspace_url = "https://gone.test";
    w.config->spaces[1] = broken;
    w.net.unknown_hosts.insert("gone.test");
    w.start();
    sent_calls first;
    sent_calls second;
    w.send_tracks("space0", ids("a", 5), first);
    w.send_tracks("space1", ids("b", 5), second);
    EXPECT_FALSE(w.sync("space1"));
    EXPECT_TRUE(w.sync("space0")) << w.log.text();
    expect_exactly_once(w, "space0", first);
    const auto view = w.core().view();
    EXPECT_EQ(view.spaces.at(1).sync.error_id, "workspace.unreachable") << view.spaces.at(1).sync.error;
}

TEST(Daemon, ReloadTouchesOnlyTheSpacesThatChanged)
{
    daemon_world w(1, 2);
    w.load = [&w] {
        auto next = std::make_shared<daemon::snapshot>(*w.config);
        auto changed = std::make_shared<core::space_config>(*next->spaces[1]);
        changed->profiles_sync.schedule.every = 1h;
        next->spaces[1] = changed;
        return daemon::load_result{.config = next};
    };
    w.start();
    const auto* untouched = w.core().space("space0");
    const auto outcome = w.get(w.core().reload());
    EXPECT_TRUE(outcome.accepted) << outcome.text;
    EXPECT_EQ(w.core().space("space0"), untouched);
    EXPECT_EQ(w.core().view().spaces.at(0).generation, 1U);
    EXPECT_EQ(w.core().view().spaces.at(1).generation, 2U);
    sent_calls sent;
    w.send_tracks("space1", ids("b", 5), sent);
    ASSERT_TRUE(w.sync("space1"));
    expect_exactly_once(w, "space1", sent);
}

TEST(Daemon, ABadReloadKeepsTheOldConfiguration)
{
    daemon_world w;
    w.load = [] {
        daemon::load_result bad;
        bad.found.emplace_back();
        return bad;
    };
    w.start();
    EXPECT_FALSE(w.get(w.core().reload()).accepted);
    sent_calls sent;
    w.send_tracks("space0", ids("a", 5), sent);
    ASSERT_TRUE(w.sync("space0"));
    expect_exactly_once(w, "space0", sent);
    EXPECT_EQ(w.core().view().generation, 1U);
}

TEST(Daemon, StopsWithinItsBudgetWhileTheWarehouseSleepsForEver)
{
    daemon_world w;
    w.workspace.warehouse("w1").cold_start = 10h;
    w.start();
    sent_calls sent;
    w.send_tracks("space0", ids("a", 5), sent);
    w.core().space("space0")->request_sync();
    w.pass(1min);
    EXPECT_LE(w.stop(), 45s);
    w.workspace.warehouse("w1").cold_start = 1s;
    w.workspace.warehouse("w1").state = "STOPPED";
    w.start();
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    expect_exactly_once(w, "space0", sent);
}

TEST(Daemon, FreeMemoryGoesBackEveryFourSeconds)
{
    daemon_world w;
    int times = 0;
    w.return_memory = [&times] { ++times; };
    w.start();
    const int before = times;
    w.pass(60s);
    EXPECT_EQ(times - before, 15);
    w.stop();
}

TEST(Daemon, AClockThatJumpsBreaksNothing)
{
    daemon_world w;
    w.start();
    sent_calls sent;
    w.send_tracks("space0", ids("a", 5), sent);
    ASSERT_TRUE(w.sync("space0"));
    w.wall.step(-48LL * 3600 * 1'000'000);
    w.send_tracks("space0", ids("b", 5), sent);
    ASSERT_TRUE(w.sync("space0"));
    w.wall.step(100LL * 3600 * 1'000'000);
    w.send_tracks("space0", ids("c", 5), sent);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    expect_exactly_once(w, "space0", sent);
}

// Forth and back while a load is under way, and while nothing is.
TEST(Daemon, AClockThatJumpsDuringARunDoublesNothingAndStopsNoSchedule)
{
    for (const std::int64_t hours : {-300, -1, 1, 300}) {
        SCOPED_TRACE(hours);
        daemon_world w;
        w.workspace.warehouse("w1").cold_start = 30s;
        w.start();
        sent_calls sent;
        w.send_tracks("space0", ids("a", 5), sent);
        w.core().space("space0")->request_sync();
        w.pass(10s);
        ASSERT_NE(w.core().view().spaces.at(0).sync.phase, profiles::sync_phase::idle);
        w.wall.step(hours * 3600 * 1'000'000);
        w.send_tracks("space0", ids("b", 5), sent);
        w.pass(2min);
        w.send_tracks("space0", ids("c", 5), sent);
        w.pass(25min);
        expect_exactly_once(w, "space0", sent);
        EXPECT_EQ(w.core().view().spaces.at(0).sync.error, "");
    }
}

TEST(Daemon, AFullDiskIsSaidAndLosesNothing)
{
    daemon_world w;
    w.start();
    sent_calls sent;
    w.send_tracks("space0", ids("a", 5), sent);
    w.pass(1s);
    w.disk.fail_with(disk_fault::no_space);
    sent_calls refused;
    w.send_tracks("space0", ids("b", 5), refused);
    EXPECT_TRUE(refused.accepted.empty());
    EXPECT_FALSE(w.sync("space0"));
    const auto view = w.core().view().spaces.at(0);
    EXPECT_EQ(view.state, daemon::space_state::degraded);
    EXPECT_NE(view.reason.find("disk"), std::string::npos) << view.reason;
    w.disk.fail_with(disk_fault::none);
    w.pass(30min);
    w.send_tracks("space0", ids("b", 5), sent);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    expect_exactly_once(w, "space0", sent);
    EXPECT_EQ(w.core().view().spaces.at(0).state, daemon::space_state::running);
}

// Bad network, bad workspace, crashes at any point; then the weather clears and everything is where it belongs.
TEST(Daemon, LosesAndDoublesNothingThroughCrashesAndBadWeather)
{
    for (std::uint64_t seed = 1; seed <= seeds(10); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        daemon_world w(seed);
        w.workspace.warehouse("w1").cold_start = 3s;
        sent_calls sent;
        unsigned n = 0;
        for (int round = 0; round < 4; ++round) {
            w.net.faults = {.latency_min = 1ms, .latency_max = 40ms, .chunking = w.rng() % 2 == 0, .refuse = 0.05,
                            .blackhole = 0.01, .reset_request = 0.05, .reset_answer = 0.05, .stall = 0.02,
                            .half_close = 0.02};
            fake_databricks::weather bad;
            bad.throttled = 20;
            bad.unavailable = 20;
            bad.lost_after = 20;
            bad.lost_before = 20;
            bad.revoked = 5;
            bad.gateway_timeout = 10;
            bad.statement_conflict = 20;
            bad.statement_vanishes = 20;
            bad.statement_closed = 20;
            w.workspace.set_weather(bad);
            w.start();
            ASSERT_TRUE(w.core().ready()) << w.log.text();
            for (int i = 0; i < 3; ++i) w.send_tracks("space0", ids("m" + std::to_string(n++), 6), sent);
            w.core().space("space0")->request_sync();
            w.pass(std::chrono::milliseconds(w.rng() % 60'000));
            w.send_tracks("space0", ids("m" + std::to_string(n++), 6), sent);
            w.crash();
        }
        w.net.faults = {};
        w.workspace.set_weather({});
        w.start();
        ASSERT_TRUE(w.core().ready()) << w.log.text();
        w.pass(30min);
        EXPECT_TRUE(w.sync("space0")) << w.log.text();
        w.pass(30min);
        expect_exactly_once(w, "space0", sent);
        EXPECT_LE(w.workspace.token_requests_in_flight_max, 1U);
        EXPECT_EQ(w.workspace.statements_open(), 0U);
        EXPECT_LE(w.stop(), 45s);
    }
}

// The same seed gives the same run, to the last statement.
TEST(Daemon, IsAFunctionOfItsSeed)
{
    const auto trace = [](std::uint64_t seed) {
        daemon_world w(seed);
        w.net.faults = {.latency_min = 1ms, .latency_max = 30ms, .chunking = true, .refuse = 0.05, .reset_answer = 0.05};
        w.start();
        sent_calls sent;
        for (unsigned i = 0; i < 5; ++i) w.send_tracks("space0", ids("m" + std::to_string(i), 5), sent);
        w.core().space("space0")->request_sync();
        w.pass(10min);
        return std::pair{w.statements, w.workspace.ledger.size()};
    };
    EXPECT_EQ(trace(7), trace(7));
}
