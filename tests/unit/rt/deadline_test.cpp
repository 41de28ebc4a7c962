// Deadlines: in time, too late, cancelled from outside.
#include "net/rt/deadline.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/world/world.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using rt::awaitable;
using lakeferry::test::world;

namespace {

awaitable<int> answer_after(rt::time_source& clock, rt::duration d, int value)
{
    co_await rt::sleep_for(clock, d);
    co_return value;
}

awaitable<int> swallows_cancellation(rt::time_source& clock)
{
    auto [ec] =
        co_await clock.async_wait_until(clock.now() + 1h, asio::as_tuple(asio::use_awaitable));
    co_return ec ? 9 : 0;
}

awaitable<void> fail_after(rt::time_source& clock, rt::duration d)
{
    co_await rt::sleep_for(clock, d);
    throw std::runtime_error("child");
}

awaitable<void> nap(rt::time_source& clock, rt::duration d)
{
    co_await rt::sleep_for(clock, d);
}

}  // namespace

TEST(Deadline, ReturnsTheValueThatArrivesInTime)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        auto r = co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 5s),
                                            answer_after(w.time, 3s, 42));
        EXPECT_TRUE(r.has_value() && *r == 42);
        auto v = co_await rt::with_deadline(w.time, {}, nap(w.time, 48h));
        EXPECT_TRUE(v.has_value());
    }(w));
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(Deadline, ReportsTimeoutEvenWhenTheOperationHidesTheCancellation)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        auto r = co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 5s),
                                            answer_after(w.time, 1h, 1));
        EXPECT_EQ(r.error(), asio::error::timed_out);
        auto s = co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 5s),
                                            swallows_cancellation(w.time));
        EXPECT_EQ(s.error(), asio::error::timed_out);
        EXPECT_EQ(w.time.now(), rt::time_point{} + 10s);
    }(w));
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(Deadline, AnEarlyFailureIsRethrownAtOnce)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        bool caught = false;
        try {
            (void)co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 500s),
                                             fail_after(w.time, 1s));
        } catch (const std::runtime_error&) {
            caught = true;
        }
        EXPECT_TRUE(caught);
        EXPECT_EQ(w.time.now(), rt::time_point{} + 1s);
    }(w));
}

TEST(Deadline, CancellingTheCallerIsNotATimeout)
{
    world w;
    w.run([](world& w) -> awaitable<void> {
        rt::task_group group(w.io.get_executor(), nullptr);
        bool aborted = false;
        group.spawn("caller", [](world& w, bool& aborted) -> awaitable<void> {
            try {
                (void)co_await rt::with_deadline(w.time, rt::deadline::in(w.time, 2h),
                                                 nap(w.time, 1h));
            } catch (const boost::system::system_error& e) {
                aborted = e.code() == asio::error::operation_aborted;
                throw;
            }
        }(w, aborted));
        co_await rt::sleep_for(w.time, 1s);
        group.cancel();
        co_await group.join();
        EXPECT_TRUE(aborted);
    }(w));
}
