// Rows of profile tables made anew from the store: what a table lacks that was left out for a while. Nothing of the
// identity graph changes.
#pragma once

#include "net/rt/failure.hpp"
#include "net/rt/time.hpp"
#include "sync/core/selection.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace lakeferry::identity {

// Tables that can be filled in this way: the update tables and the current ones that are made of rows.
bool can_backfill(std::string_view table) noexcept;

struct backfill_request {
    std::uint32_t space = 0;
    std::string space_id{};
    std::set<std::string> tables{};
    core::selection chosen{};
};

// Where a filling stands; kept by the caller.
struct backfill_progress {
    std::string cursor{};         // the last profile that was read: 16 bytes; empty: none
    std::uint64_t profiles = 0;   // live ones, so far
    std::uint64_t rows = 0;       // written to the outbox
    std::uint64_t first_seq = 0;  // rows of current tables written by this filling have it or a greater one; 0: not begun
    std::uint64_t last_batch = 0;
    bool finished = false;
};

// Reads up to `profiles_max` profiles and writes their rows as one batch, together with what `also` adds (the record of
// the progress). A crash leaves the step undone or done. Current tables get every row that they should have; update tables
// get what is true today, in their second lane, which lands only what they lack:
//   id_graph_updates               a row per segment id, pointing to its profile
//   external_id_mapping_updates    a row per identifier
//   profile_traits_updates         a snapshot per profile with traits, caused by no call
// Profiles that are created or change meanwhile are resolution's. Blocking, and only while nothing is being resolved.
// Failures: those of the store, "identity.damaged", "schema.damaged".
using backfill_record = std::function<void(store::batch&, const backfill_progress&)>;
rt::outcome<backfill_progress> backfill_step(store::store& in, const backfill_request& what, backfill_progress from,
                                             const rt::wall_clock& clock, std::size_t profiles_max,
                                             const backfill_record& also);

}  // namespace lakeferry::identity
