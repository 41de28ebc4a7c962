// `lakeferry import`: one file into a space, piece by piece.
#pragma once

#include "daemon/cli/control_client.hpp"
#include "daemon/cli/file_source.hpp"
#include "daemon/cli/text.hpp"
#include "net/rt/failure.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace lakeferry::daemon {

struct import_request {
    std::string space{};
    std::string file{};
    std::string source{};
    std::string rejected{};  // path for refused lines; empty: beside the file
    bool again = false;
    std::string refill{};  // table that alone is to be filled
};

struct import_summary {
    std::uint64_t accepted = 0;  // over all runs of this import
    std::uint64_t refused = 0;
    std::uint64_t lines = 0;
    std::uint64_t resumed_at = 0;       // lines dealt with before this run
    bool was_finished = false;          // nothing was left to do
    bool ends_inside_a_line = false;    // the file does not end with a line end
    bool last_line_refused = false;     // … and that last line was no whole call
    std::string rejected_file{};        // where refused lines went; empty: none in this run
};

// The three calls that an import makes; control_client in production.
struct import_door {
    std::function<rt::outcome<boost::json::value>(const std::string& target, std::string body)> post;
    std::function<void(rt::duration)> sleep;
    std::function<rt::time_point()> now;
};

// Blocks until the file is in. A daemon that restarts is waited for, up to patience; one that answers and takes no calls
// for now, for as long as it says so. Where rows must land first, it is asked to sync the space. Failures: those of
// file_source, "import.*", "control.*"; what was answered before stays imported. "import.not_this_space": no line of the
// beginning has a write key of the space.
rt::outcome<import_summary> run_import(const import_door& door, const import_request& what, file_source& from,
                                       const std::function<void(const progress_numbers&)>& show,
                                       rt::duration patience = std::chrono::minutes(2));

}  // namespace lakeferry::daemon
