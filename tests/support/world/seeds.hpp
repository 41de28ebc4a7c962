// How many seeded worlds a test looks at: LAKEFERRY_SIM_SEEDS=1000 for a long look.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace lakeferry::test {

inline std::uint64_t seeds(std::uint64_t otherwise)
{
    const char* asked = std::getenv("LAKEFERRY_SIM_SEEDS");  // NOLINT(concurrency-mt-unsafe): one thread
    return asked == nullptr ? otherwise : std::stoull(asked);
}

}  // namespace lakeferry::test
