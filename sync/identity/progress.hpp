// How far resolution of a space has come: the counters in the store's family `meta`.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace lakeferry::identity {

// Rows' seq starts above this, so that it has 19 digits for ever and sorts as text as it does as a number.
inline constexpr std::uint64_t seq_base = 1'000'000'000'000'000'000;

struct progress {
    std::uint64_t resolved = 0;     // "resolved": last arrival number that was resolved
    std::uint64_t batch = 0;        // "batch": number of the last batch
    std::uint64_t seq = seq_base;   // "seq": last one given
    std::uint64_t calls = 0;        // "calls": how many were read: the place of the next one in processing order
    std::uint64_t next_table = 0;   // "tables": number of the next event table
    std::uint64_t observed = 0;     // "observed": observations that were kept so far: where the next one goes
    std::map<std::string, std::uint64_t> notes{};  // "notes": name, space, count, a line each
};

// "identity.damaged" (never) where a counter is not whole.
rt::outcome<progress> read_progress(store::store& in, std::uint32_t space);
// Before a space's calls are resolved: rows from now on have a seq above those that another state directory wrote for the
// same tables earlier (a loaded row is not replaced by one with a lower seq). Microseconds since 1970 above seq_base: no
// machine writes a million rows a second for long.
rt::outcome<void> raise_seq(store::store& in, std::uint32_t space, std::int64_t now_us);
void write_progress(store::batch& to, std::uint32_t space, const progress& now);

}  // namespace lakeferry::identity
