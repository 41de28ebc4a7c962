// Retry decisions.
#include "net/rt/backoff.hpp"

#include <gtest/gtest.h>

namespace rt = lakeferry::rt;
using namespace std::chrono_literals;
using rt::awaitable;

TEST(Backoff, GrowsIsBoundedAndHonoursRetryAfterAndTheDeadline)
{
    std::mt19937_64 rng(7);
    rt::backoff b({});
    const rt::time_point t0{};
    const rt::deadline hour(t0 + 1h);
    for (int i = 0; i < 7; ++i) {
        const auto d = b.next(t0, hour, std::nullopt, rng);
        EXPECT_TRUE(d && *d <= 30s && *d >= 100ms);
    }
    EXPECT_FALSE(b.next(t0, hour, std::nullopt, rng));
    b.reset();
    EXPECT_EQ(b.next(t0, hour, 45s, rng), rt::duration(45s));
    EXPECT_FALSE(b.next(t0, rt::deadline(t0 + 1ms), std::nullopt, rng));
}
