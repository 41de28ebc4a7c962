// Removes what a crash left in the staging volume.
#pragma once

#include "sync/profiles/pending.hpp"
#include "sync/profiles/table_lander.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

// Of the files in the volume: those of our making that no journalled load knows. Pure.
std::vector<std::string> orphans(const std::vector<std::string>& paths, const std::set<std::string>& journalled);

// Once per process, before anything is staged. Failures are left to the next start: nothing depends on it.
rt::awaitable<void> sweep_stage(landing_run& run, const pending_work& work);

}  // namespace lakeferry::profiles
