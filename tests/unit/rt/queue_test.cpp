// The bounded queue.
#include "net/rt/queue.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace rt = lakeferry::rt;
using lakeferry::test::world;
using rt::awaitable;

TEST(Queue, RefusesWhenFullAndLetsItsConsumerDrainAfterClosing)
{
    world w;
    rt::bounded_queue<int> queue(w.executor(), 2);
    EXPECT_TRUE(queue.try_push(1));
    EXPECT_TRUE(queue.try_push(2));
    EXPECT_FALSE(queue.try_push(3));
    queue.close();
    std::vector<int> got;
    w.run([](rt::bounded_queue<int>& from, std::vector<int>& to) -> awaitable<void> {
        while (auto one = co_await from.pop()) to.push_back(*one);
    }(queue, got));
    EXPECT_EQ(got, (std::vector{1, 2}));
    EXPECT_FALSE(queue.try_push(4));
}

TEST(Queue, WakesAWaitingConsumer)
{
    world w;
    rt::bounded_queue<int> queue(w.executor(), 2);
    const auto got = w.get([](world& w, rt::bounded_queue<int>& queue) -> awaitable<int> {
        rt::task_group group(w.executor(), nullptr);
        int value = 0;
        group.spawn("consumer", [](rt::bounded_queue<int>& from, int& to) -> awaitable<void> {
            to = (co_await from.pop()).value_or(-1);
        }(queue, value));
        EXPECT_TRUE(queue.try_push(7));
        co_await group.join();
        co_return value;
    }(w, queue));
    EXPECT_EQ(got, 7);
}
