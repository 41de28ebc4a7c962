// Level-triggered events.
#include "net/rt/deadline.hpp"
#include "net/rt/event.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using rt::awaitable;
using lakeferry::test::world;

TEST(Event, WakesAllWaitersAndStaysSet)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        rt::event ready(w.io.get_executor());
        rt::task_group group(w.io.get_executor(), nullptr);
        for (int i = 0; i < 3; ++i) group.spawn("waiter", ready.wait());
        co_await rt::sleep_for(w.time, 1s);
        EXPECT_EQ(group.size(), 3U);
        ready.set();
        co_await group.join();
        co_await ready.wait();
    }(w));
}

TEST(Event, ACancelledWaiterThrows)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        rt::event never(w.io.get_executor());
        auto r = co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 1s), never.wait());
        EXPECT_EQ(r.error(), asio::error::timed_out);
    }(w));
}
