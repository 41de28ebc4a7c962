#include "daemon/supervisor/lag.hpp"

#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

namespace lakeferry::daemon {
namespace {

using namespace std::chrono_literals;

constexpr rt::time_point start{};

TEST(Lag, WarnsAtMostEveryTenSeconds)
{
    lag_judge judge({});
    EXPECT_FALSE(judge.measured(49ms, start).warn);
    EXPECT_TRUE(judge.measured(50ms, start + 1s).warn);
    EXPECT_FALSE(judge.measured(3s, start + 5s).warn);
    EXPECT_TRUE(judge.measured(3s, start + 11s).warn);
}

TEST(Lag, PingsTwiceAsOftenAsAskedFor)
{
    lag_judge judge({.every = 1s, .watchdog = 30s});
    int pings = 0;
    for (int s = 0; s < 60; ++s) pings += judge.measured(0s, start + std::chrono::seconds(s)).ping ? 1 : 0;
    EXPECT_GE(pings, 4);
    EXPECT_LE(pings, 5);
}

TEST(Lag, ALoopThatWasHeldUpForTenSecondsIsNotVouchedForAnyMore)
{
    lag_judge judge({.every = 1s, .watchdog = 30s});
    EXPECT_TRUE(judge.measured(0s, start).ping);
    EXPECT_FALSE(judge.measured(10s, start + 20s).ping);
    for (int s = 21; s < 200; ++s) EXPECT_FALSE(judge.measured(0s, start + std::chrono::seconds(s)).ping);
}

TEST(Lag, WithoutWatchdogNobodyIsPinged)
{
    lag_judge judge({});
    for (int s = 0; s < 100; ++s) EXPECT_FALSE(judge.measured(0s, start + std::chrono::seconds(s)).ping);
}

TEST(Lag, TheWatchRunsUntilItIsCancelled)
{
    test::world w;
    int pings = 0;
    rt::task_group tasks(w.executor(), {});
    tasks.spawn("watch", watch_loop(w.time, w.log, w.metrics, {.watchdog = 2s}, [&] { ++pings; }));
    w.pass(20s);
    EXPECT_GE(pings, 15);
    tasks.cancel();
    w.run(tasks.join());
    EXPECT_EQ(w.metrics.value("lakeferry_loop_lag_seconds"), 0.0);
}

}  // namespace
}  // namespace lakeferry::daemon
