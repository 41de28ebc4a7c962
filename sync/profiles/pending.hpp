// What waits to be landed: read from the store in one go.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/profiles/load_journal.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lakeferry::profiles {

struct pending_work {
    std::uint64_t frozen = 0;                        // the last resolved batch
    std::uint64_t last_load = 0;                     // number
    std::map<std::string, core::table> tables{};     // all of the space
    std::vector<std::string> with_rows{};            // names of those with rows in the outbox, sorted
    std::map<std::string, std::vector<load>> unfinished{};  // staged loads by table
    std::vector<load> landed{};                      // that still owe a fence or a clean-up
    std::uint64_t last_run = 0;

    bool empty() const noexcept { return with_rows.empty() && unfinished.empty() && landed.empty(); }
};

// Blocking: workers only.
rt::outcome<pending_work> read_pending(store::store& in, std::uint32_t space, std::vector<core::table> tables);

}  // namespace lakeferry::profiles
