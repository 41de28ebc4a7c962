// One piece of an imported file: lines into blocks. Pure; may run on a worker.
#pragma once

#include "sync/intake/acceptor.hpp"
#include "sync/intake/checker.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::intake {

// How far a file was read.
struct import_progress {
    std::uint64_t offset = 0;    // bytes of the (unpacked) file that are dealt with
    std::uint64_t lines = 0;     // lines of these, blank ones included
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    bool inside_line = false;    // the offset lies inside a line that is refused for its size

    friend bool operator==(const import_progress&, const import_progress&) = default;
};

struct refused_line {
    std::uint64_t line = 0;  // from 1
    core::refusal why{};
    std::string text{};      // cut after 2 KiB
};

struct chunk_plan {
    std::vector<piece> pieces{};
    std::vector<refused_line> refused{};
    import_progress after{};
};

// Reads whole lines from `bytes`, which begin at `before.offset`. What follows the last newline stays for the next
// chunk (after.offset tells), unless `last`, or unless it is longer than a call may be: then it is refused
// at once and the rest of the line is skipped. Blank lines are skipped and not counted. Ends early, behind a line, when
// refused_max lines are refused: each is to be told.
chunk_plan read_chunk(std::string_view bytes, const import_progress& before, bool last, const check_options& with,
                      std::size_t refused_max = SIZE_MAX);

}  // namespace lakeferry::intake
