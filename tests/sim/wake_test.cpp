// What alignment saves: the same spaces, calls and warehouse with and without it. tests/bench/bench_wake prints more.
#include "tests/sim/wake_trial.hpp"

#include <gtest/gtest.h>

namespace lakeferry::test {
namespace {

TEST(WakeUps, SpacesOfOneWarehouseShareItsAwakePeriods)
{
    wake_setup setup{.spaces = 40, .every = std::chrono::hours(6), .length = std::chrono::hours(24), .calls_a_day = 4};
    const auto together = try_waking(setup);
    setup.aligned = false;
    const auto alone = try_waking(setup);
    ASSERT_GT(together.calls, 100U);
    EXPECT_EQ(together.landed, together.calls);
    EXPECT_EQ(alone.landed, alone.calls);
    EXPECT_EQ(together.calls, alone.calls) << "the same trial";
    EXPECT_LE(together.wake_ups, 4U) << "one a period";
    EXPECT_GE(alone.wake_ups, 5 * together.wake_ups);
    EXPECT_GE(alone.awake, 5 * together.awake);
}

}  // namespace
}  // namespace lakeferry::test
