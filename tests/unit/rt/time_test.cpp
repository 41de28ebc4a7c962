// Real time.
#include "net/rt/deadline.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>

namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using rt::awaitable;

namespace {

awaitable<int> answer_after(rt::time_source& clock, rt::duration d, int value)
{
    co_await rt::sleep_for(clock, d);
    co_return value;
}

}  // namespace

TEST(SteadyTime, TimesOutInRealTime)
{
    asio::io_context io(1);
    rt::steady_time clock(io.get_executor());
    asio::co_spawn(
        io,
        [](rt::time_source& clock) -> awaitable<void> {
            auto r = co_await rt::with_deadline(clock, rt::deadline::in(clock, 20ms),
                                                answer_after(clock, 10s, 1));
            EXPECT_EQ(r.error(), asio::error::timed_out);
        }(clock),
        [](std::exception_ptr e) { EXPECT_FALSE(e); });
    io.run();
}
