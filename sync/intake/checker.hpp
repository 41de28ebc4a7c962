// The checks of acceptance on one call's text, the same for HTTP and for files.
#pragma once

#include "sync/core/call.hpp"
#include "sync/core/json.hpp"
#include "sync/intake/sources.hpp"

#include <cstdint>
#include <string_view>
#include <variant>

namespace lakeferry::intake {

// A call that passed. The source lives in the table that it was checked with.
struct passed_call {
    const source_entry* source = nullptr;
    std::int64_t received_us = 0;
    bool suppressed = false;  // of a person who asked to be left out: answered like any other, kept by nobody
};

struct refused_text {
    core::refusal why{};
    const source_entry* source = nullptr;  // as far as it was known
};

struct check_options {
    const source_table* table = nullptr;
    const source_entry* fallback = nullptr;           // for texts without a write key of their own
    std::optional<std::uint32_t> only_space{};        // write keys of other spaces count as unknown
    std::optional<core::call_type> type{};            // of the path
    core::call_envelope envelope{};
    std::int64_t now_us = 0;
    std::size_t bytes_max = std::size_t{32} << 10;
    bool use_received_at = false;                     // files: the text's own receivedAt, where it is valid
    std::string refill{};                             // files: the table that alone is to be filled
};

// Keeps its memory from text to text. One a thread; not shared by coroutines that suspend in between.
class call_checker {
public:
    // Too large, not JSON, unknown or disabled source, then core::read_call. The text has no space around it.
    std::variant<passed_call, refused_text> check(std::string_view text, const check_options& with);

private:
    core::json_reader reader_{};
};

}  // namespace lakeferry::intake
