// What somebody decided about a load whose counts do not match what was staged.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <vector>

namespace lakeferry::profiles {

// resend = false: the part that is stuck counts as landed; the load goes on with its next part, or has landed. resend = true:
// the rows of a load of an append-only table go to the table's second lane, whose statement inserts what the table lacks;
// those of a current table are staged anew, which its guard makes harmless. Blocking; not while a run goes.
// Failures: "load.unknown", "load.not_stuck" (never), those of the store.
rt::outcome<void> settle_load(store::store& in, std::uint32_t space, const std::vector<core::table>& tables,
                              std::uint64_t number, bool resend);

}  // namespace lakeferry::profiles
