// What a group of coroutines promises its owner.
#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace rt = lakeferry::rt;
using namespace std::chrono_literals;
using rt::awaitable;
using lakeferry::test::world;

namespace {

awaitable<void> fail_after(rt::time_source& clock, rt::duration d)
{
    co_await rt::sleep_for(clock, d);
    throw std::runtime_error("child");
}

awaitable<void> tick_forever(rt::time_source& clock, int& ticks)
{
    for (;;) {
        co_await rt::sleep_for(clock, 10ms);
        ++ticks;
    }
}

awaitable<void> nap(rt::time_source& clock, rt::duration d)
{
    co_await rt::sleep_for(clock, d);
}

}  // namespace

TEST(TaskGroup, FirstFailureCancelsSiblingsAndJoinRethrowsItAfterAllEnded)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        std::string reported;
        rt::task_group group(w.io.get_executor(), [&](const std::string& name, std::exception_ptr) {
            reported += name;
        });
        int ticks = 0;
        group.spawn("ticker", tick_forever(w.time, ticks));
        group.spawn("bad", fail_after(w.time, 1s));
        bool caught = false;
        try {
            co_await group.join();
        } catch (const std::runtime_error&) {
            caught = true;
        }
        EXPECT_TRUE(caught);
        EXPECT_EQ(reported, "bad");
        EXPECT_EQ(group.size(), 0U);
        EXPECT_GE(ticks, 99);
    }(w));
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(TaskGroup, ASoftFailureLeavesSiblingsAlone)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        std::string reported;
        rt::task_group group(w.io.get_executor(), [&](const std::string& name, std::exception_ptr) {
            reported += name;
        });
        group.spawn("long", nap(w.time, 5s));
        group.spawn("soft", fail_after(w.time, 1s), rt::on_error::log_and_continue);
        co_await group.join();
        EXPECT_EQ(reported, "soft");
        EXPECT_EQ(w.time.now(), rt::time_point{} + 5s);
    }(w));
}

TEST(TaskGroup, AChildMayStopItsOwnGroupWithoutSuspending)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        for (const bool throws : {false, true}) {
            rt::task_group group(w.io.get_executor(), nullptr);
            int ticks = 0;
            group.spawn("ticker", tick_forever(w.time, ticks));
            group.spawn("stopper", [](rt::task_group& g, bool throws) -> awaitable<void> {
                g.cancel();
                if (throws) throw std::runtime_error("mine");
                co_return;
            }(group, throws));
            co_await group.join();
            EXPECT_EQ(group.size(), 0U);
        }
    }(w));
}

TEST(TaskGroup, ALateChildOfAStoppingGroupIsCancelledAtOnce)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        rt::task_group group(w.io.get_executor(), nullptr);
        int ticks = 0;
        group.cancel();
        group.spawn("late", tick_forever(w.time, ticks));
        co_await group.join();
        EXPECT_EQ(ticks, 0);
    }(w));
}

TEST(TaskGroup, CancellingTheJoinerStillWaitsForItsChildren)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        int ticks = 0;
        bool joined = false;
        rt::task_group outer(w.io.get_executor(), nullptr);
        outer.spawn("outer", [](world& w, int& ticks, bool& joined) -> awaitable<void> {
            rt::task_group inner(w.io.get_executor(), nullptr);
            inner.spawn("a", tick_forever(w.time, ticks));
            inner.spawn("b", tick_forever(w.time, ticks));
            co_await inner.join();
            joined = true;
        }(w, ticks, joined));
        co_await rt::sleep_for(w.time, 1s);
        outer.cancel();
        co_await outer.join();
        EXPECT_TRUE(joined);
        const int before = std::exchange(ticks, 0);
        EXPECT_GT(before, 100);
        co_await rt::sleep_for(w.time, 1s);
        EXPECT_EQ(ticks, 0);
    }(w));
}
