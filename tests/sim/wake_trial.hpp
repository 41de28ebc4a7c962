// Many spaces with a trickle of calls on one warehouse that goes to sleep by itself: how often it wakes, and how long it
// is awake.
#pragma once

#include "tests/sim/daemon_world.hpp"

namespace lakeferry::test {

struct wake_setup {
    std::uint64_t seed = 1;
    unsigned spaces = 200;
    std::chrono::minutes every{60};
    std::chrono::minutes auto_stop{10};
    std::chrono::hours length{24};
    double calls_a_day = 6;  // of one space
    bool aligned = true;     // false: each space on its own timer, from its own first moment
};

struct wake_figures {
    unsigned wake_ups = 0;
    std::chrono::seconds awake{};
    unsigned statements = 0;
    unsigned calls = 0;
    unsigned landed = 0;  // rows of these calls, a period after the end
};

wake_figures try_waking(const wake_setup& setup);

}  // namespace lakeferry::test
