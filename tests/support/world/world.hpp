// The test world: one loop, a virtual clock, a seed. A run is a function of its seed.
#pragma once

#include "net/obs/metrics.hpp"
#include "net/rt/check.hpp"
#include "net/rt/time.hpp"
#include "tests/support/world/capture_log.hpp"

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <optional>
#include <random>

namespace lakeferry::test {

// Calendar time at the beginning of every world: 2026-03-01T12:00:00Z.
inline constexpr std::int64_t world_start_us = 1'772'366'400'000'000;

class world {
public:
    rt::asio::io_context io{1};
    rt::virtual_time time{io.get_executor()};
    rt::offset_wall_clock wall{time, world_start_us};
    std::mt19937_64 rng;
    capture_log log{};
    obs::metrics metrics{};

    // Prints the seed with the test's name when an expectation has failed.
    explicit world(std::uint64_t seed = 1);
    world(const world&) = delete;
    world& operator=(const world&) = delete;
    ~world();

    rt::asio::any_io_executor executor() { return io.get_executor(); }
    rt::time_point now() const noexcept { return time.now(); }

    // Runs main to its end, jumping from wake-up to wake-up. Fails the test if nothing is left that could wake it
    // (a deadlock), or if it needs more than steps_max wake-ups. Rethrows what main throws.
    void run(rt::awaitable<void> main);
    // The same with a result.
    template <class T>
    T get(rt::awaitable<T> main)
    {
        std::optional<T> value;
        run([](rt::awaitable<T> from, std::optional<T>& to) -> rt::awaitable<void> {
            to.emplace(co_await std::move(from));
        }(std::move(main), value));
        if (!value) rt::fail("a deadlocked coroutine has no value");
        return std::move(*value);
    }
    // Runs what is ready without moving the clock.
    void settle();
    // Moves the clock on by d, waking whoever is due in between.
    void pass(rt::duration d);

    std::size_t steps_max = 5'000'000;

private:
    std::uint64_t seed_;
};

}  // namespace lakeferry::test
