// Wake-ups and awake seconds of one SQL warehouse that many spaces with a trickle of calls share: runs that come due
// together, against a timer for each space. The whole daemon on virtual time, workspace and warehouse scripted, so the
// figures are the same on every machine.
//   bench_wake [spaces=200]
#include "tests/sim/wake_trial.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

using namespace lakeferry::test;

void compare(wake_setup setup)
{
    const auto together = try_waking(setup);
    setup.aligned = false;
    const auto alone = try_waking(setup);
    const auto ratio = [](double a, double b) { return b > 0 ? a / b : 0.0; };
    std::printf("every %4ld min, auto-stop %2ld min | %5u calls | wake-ups %4u against %4u (%5.1fx) | awake %6ld s against "
                "%6ld s (%5.1fx) | statements %5u against %5u | rows missing %u, %u\n",
                static_cast<long>(setup.every.count()), static_cast<long>(setup.auto_stop.count()), together.calls,
                together.wake_ups, alone.wake_ups, ratio(alone.wake_ups, together.wake_ups),
                static_cast<long>(together.awake.count()), static_cast<long>(alone.awake.count()),
                ratio(static_cast<double>(alone.awake.count()), static_cast<double>(together.awake.count())),
                together.statements, alone.statements, together.calls - together.landed, alone.calls - alone.landed);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv)
{
    const unsigned spaces = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 200;
    std::printf("%u spaces, one warehouse (cold start 30 s), 24 hours of virtual time, calls at random; due together against a "
                "timer for each space\n", spaces);
    using std::chrono::hours;
    using std::chrono::minutes;
    for (const auto every : {minutes(60), minutes(6 * 60)})
        for (const auto auto_stop : {minutes(1), minutes(5), minutes(10)})
            compare({.spaces = spaces, .every = every, .auto_stop = auto_stop, .calls_a_day = 6});
    return 0;
}
