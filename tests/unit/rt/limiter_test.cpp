// A cap on concurrency: order, deadlines, cancellation.
#include "net/rt/limiter.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

#include <string>

namespace rt = lakeferry::rt;
using namespace std::chrono_literals;
using lakeferry::test::world;
using rt::awaitable;

namespace {

awaitable<void> hold(world& w, rt::limiter& cap, std::string& order, char id, rt::duration for_how_long,
                     rt::deadline limit)
{
    auto lease = co_await cap.acquire(w.time, limit);
    order += lease ? id : '-';
    if (lease) co_await rt::sleep_for(w.time, for_how_long);
}

}  // namespace

TEST(Limiter, ServesInOrderAndNeverMoreThanItsPermits)
{
    world w;
    rt::limiter cap(w.executor(), 2);
    std::string order;
    w.run([](world& w, rt::limiter& cap, std::string& order) -> awaitable<void> {
        rt::task_group group(w.executor(), nullptr);
        for (char id = 'a'; id != 'g'; ++id) group.spawn({id}, hold(w, cap, order, id, 1s, {}));
        EXPECT_EQ(cap.in_use(), 2U);
        EXPECT_EQ(cap.waiting(), 4U);
        EXPECT_FALSE(cap.try_acquire()) << "a newcomer must not overtake";
        co_await group.join();
    }(w, cap, order));
    EXPECT_EQ(order, "abcdef");
    EXPECT_EQ(w.now(), rt::time_point{} + 3s);
    EXPECT_EQ(cap.in_use(), 0U);
}

TEST(Limiter, AWaiterLeavesAtItsDeadlineAndTheNextOneIsServed)
{
    world w;
    rt::limiter cap(w.executor(), 1);
    std::string order;
    w.run([](world& w, rt::limiter& cap, std::string& order) -> awaitable<void> {
        rt::task_group group(w.executor(), nullptr);
        group.spawn("a", hold(w, cap, order, 'a', 10s, {}));
        group.spawn("b", hold(w, cap, order, 'b', 1s, rt::deadline::in(w.time, 5s)));
        group.spawn("c", hold(w, cap, order, 'c', 1s, rt::deadline::in(w.time, 60s)));
        co_await group.join();
    }(w, cap, order));
    EXPECT_EQ(order, "a-c");
    EXPECT_EQ(cap.in_use(), 0U);
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(Limiter, APassedDeadlineDoesNotQueueEvenIfAPermitIsFree)
{
    world w;
    rt::limiter cap(w.executor(), 1);
    const auto got = w.get([](world& w, rt::limiter& cap) -> awaitable<bool> {
        co_return static_cast<bool>(co_await cap.acquire(w.time, rt::deadline(w.now())));
    }(w, cap));
    EXPECT_FALSE(got);
}

TEST(Limiter, ACancelledWaiterLosesNoPermitAtWhateverMomentItIsCancelled)
{
    // Cancelled while waiting, and in the same instant in which the permit is handed over.
    for (const auto after : {1s, 2s}) {
        world w;
        rt::limiter cap(w.executor(), 1);
        std::string order;
        w.run([](world& w, rt::limiter& cap, std::string& order, rt::duration after) -> awaitable<void> {
            rt::task_group holder(w.executor(), nullptr);
            rt::task_group waiter(w.executor(), nullptr);
            holder.spawn("a", hold(w, cap, order, 'a', 2s, {}));
            waiter.spawn("b", hold(w, cap, order, 'b', 2s, {}));
            co_await rt::sleep_for(w.time, after);
            waiter.cancel();
            co_await waiter.join();
            co_await holder.join();
        }(w, cap, order, after));
        EXPECT_EQ(cap.in_use(), 0U);
        EXPECT_EQ(cap.waiting(), 0U);
        EXPECT_TRUE(cap.try_acquire());
    }
}

TEST(Limiter, AWiderCapLetsWaitersInAndANarrowerOneWaitsForLeasesToEnd)
{
    world w;
    rt::limiter cap(w.executor(), 1);
    std::string order;
    w.run([](world& w, rt::limiter& cap, std::string& order) -> awaitable<void> {
        rt::task_group group(w.executor(), nullptr);
        for (char id = 'a'; id != 'd'; ++id) group.spawn({id}, hold(w, cap, order, id, 1s, {}));
        cap.resize(3);
        EXPECT_EQ(cap.in_use(), 3U);
        cap.resize(1);
        EXPECT_FALSE(cap.try_acquire());
        co_await group.join();
    }(w, cap, order));
    EXPECT_EQ(order, "abc");
    EXPECT_EQ(w.now(), rt::time_point{} + 1s);
}
