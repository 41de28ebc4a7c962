#include "tests/support/world/world.hpp"

#include "net/rt/check.hpp"

#include <boost/asio/co_spawn.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <exception>
#include <memory>

namespace lakeferry::test {

world::world(std::uint64_t seed) : rng(seed), seed_(seed) {}

world::~world()
{
    if (::testing::Test::HasFailure())
        std::fprintf(stderr, "[world seed %llu] log of the run:\n%s", static_cast<unsigned long long>(seed_),
                     log.text().c_str());
}

void world::settle()
{
    do io.restart();
    while (io.poll() != 0);
}

void world::run(rt::awaitable<void> main)
{
    struct ending {
        bool done = false;
        std::exception_ptr error{};
    };
    // Shared: after a deadlock the coroutine is only destroyed with the loop.
    auto end = std::make_shared<ending>();
    rt::asio::co_spawn(io, std::move(main), [end](std::exception_ptr e) {
        end->done = true;
        end->error = std::move(e);
    });
    settle();
    for (std::size_t steps = 0; !end->done; ++steps) {
        if (steps >= steps_max) {
            ADD_FAILURE() << "still running after " << steps << " wake-ups: a loop that never ends? " << log.text();
            break;
        }
        if (!time.advance_to_next()) break;
        settle();
    }
    EXPECT_TRUE(end->done) << "deadlock: nothing is left that could wake the test\n" << log.text();
    if (end->error) std::rethrow_exception(end->error);
}

void world::pass(rt::duration d)
{
    run([](rt::time_source& clock, rt::duration by) -> rt::awaitable<void> {
        co_await rt::sleep_for(clock, by);
    }(time, d));
}

}  // namespace lakeferry::test
