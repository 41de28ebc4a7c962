// Where a space lands is fixed after its first sync: what has landed is not moved, and what is in the store of
// earlier calls would not come to the new place.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/store/store.hpp"

#include <cstdint>

namespace lakeferry::daemon {

// Failure "space.schema_fixed" (never): a sync has been run, and it was into another catalog or schema (names do not
// distinguish case). Keeps the present one where none has been run, unless `look_only`. Reads and writes the store:
// workers only. Family meta, "space/<n>/target": catalog, newline, schema.
rt::outcome<void> check_target(store::store& in,
                               std::uint32_t number,
                               const core::space_config& config,
                               bool look_only);

}  // namespace lakeferry::daemon
