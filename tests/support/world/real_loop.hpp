// A loop on real time and real sockets, for the few tests that need them.
#pragma once

#include "net/rt/deadline.hpp"
#include "net/rt/time.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <exception>

namespace lakeferry::test {

struct real_loop {
    rt::asio::io_context io{1};
    rt::steady_time time{io.get_executor()};

    rt::asio::any_io_executor executor() { return io.get_executor(); }

    // Ends with main; what else runs on the loop is only suspended.
    // A test that hangs fails after a minute instead of for ever; no test may depend on how long it takes.
    void run(rt::awaitable<void> main)
    {
        std::exception_ptr error;
        bool in_time = false;
        bool done = false;
        rt::asio::co_spawn(
            io,
            [](rt::time_source& clock, rt::awaitable<void> body, bool& ok) -> rt::awaitable<void> {
                const auto limit = rt::deadline::in(clock, std::chrono::minutes(1));
                ok = (co_await rt::with_deadline(clock, limit, std::move(body))).has_value();
            }(time, std::move(main), in_time),
            [&](std::exception_ptr e) {
                error = std::move(e);
                done = true;
            });
        io.restart();
        while (!done && io.run_one() != 0) {
        }
        if (error) std::rethrow_exception(error);
        EXPECT_TRUE(in_time) << "the test hung";
    }
};

}  // namespace lakeferry::test
