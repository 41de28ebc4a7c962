// Work away from the loop.
#include "net/rt/offload.hpp"
#include "net/rt/task_group.hpp"

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <stdexcept>
#include <thread>

namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using namespace std::chrono_literals;
using rt::awaitable;

// Real threads and real time: the result of a worker arrives on the loop (run this one under TSan).
TEST(Offload, ReturnsValuesAndExceptionsOnTheLoop)
{
    asio::thread_pool workers(2);
    asio::io_context io(1);
    const auto loop = std::this_thread::get_id();
    rt::task_group group(io.get_executor(), nullptr);
    int sum = 0;
    int failures = 0;
    for (int i = 0; i < 200; ++i) {
        group.spawn("job",
                    [](asio::any_io_executor ex, std::thread::id loop, int i, int& sum,
                       int& failures) -> awaitable<void> {
                        try {
                            const int v = co_await rt::offload_uncancellable(ex, [i, loop] {
                                rt::check(std::this_thread::get_id() != loop,
                                          "work leaves the loop");
                                if (i % 10 == 0) throw std::runtime_error("job");
                                return i;
                            });
                            sum += v;
                        } catch (const std::runtime_error&) {
                            ++failures;
                        }
                        EXPECT_EQ(std::this_thread::get_id(), loop);
                    }(workers.get_executor(), loop, i, sum, failures));
    }
    asio::co_spawn(io, group.join(), [](std::exception_ptr e) { EXPECT_FALSE(e); });
    io.run();
    workers.join();
    EXPECT_EQ(failures, 20);
    EXPECT_EQ(sum, 199 * 200 / 2 - 1900);  // all of 0..199 without the multiples of ten
}
