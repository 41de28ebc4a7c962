// What waits to be landed: read from the store in one go.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/core/selection.hpp"
#include "sync/profiles/load_journal.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::profiles {

struct pending_work {
    std::uint64_t frozen = 0;                        // the last resolved batch
    std::uint64_t last_load = 0;                     // number
    std::map<std::string, core::table> tables{};     // all of the space
    std::vector<std::string> with_rows{};            // names of those with rows in the outbox
    std::map<std::string, std::vector<load>> unfinished{};  // staged loads by table
    std::vector<std::string> to_fill{};                     // with rows in the second lane
    std::map<std::string, std::vector<load>> unfinished_fills{};
    std::vector<load> landed{};                      // that still owe a fence or a clean-up
    std::uint64_t last_run = 0;
    std::set<std::string> off{};  // left out by selective sync: what is under way is finished, nothing is staged
    std::uint64_t seq = 0;   // of the last row of an update table in that batch
    bool wide_due = false;   // rows of its logs have landed and are not in profile_traits

    // profile_traits is kept: it and its logs are among the tables.
    bool can_widen() const;
    bool empty() const
    {
        return with_rows.empty() && to_fill.empty() && unfinished.empty() && unfinished_fills.empty() && landed.empty() &&
               !(wide_due && can_widen());
    }
};

// Blocking: workers only.
rt::outcome<pending_work> read_pending(store::store& in, std::uint32_t space, std::vector<core::table> tables,
                                       const core::selection& selected = {});

// Rows of a table wait in the batches from…frozen. Blocking.
rt::outcome<bool> rows_wait(store::store& in, std::uint32_t space, std::uint32_t table, std::uint64_t from,
                            std::uint64_t frozen);
// The table with the least to land, if that is no more than bytes_max in the outbox; else empty. Blocking.
rt::outcome<std::string> least_waiting(store::store& in, std::uint32_t space, const std::vector<core::table>& among,
                                       std::uint64_t frozen, std::size_t bytes_max);

// Rows that wait for tables which are left out leave the outbox, but for those of loads that are under way: counts by table.
// Blocking.
rt::outcome<std::map<std::string, std::uint64_t>> let_go(store::store& in, std::uint32_t space,
                                                         const std::vector<core::table>& tables,
                                                         const core::selection& selected);

}  // namespace lakeferry::profiles
