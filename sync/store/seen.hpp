// Records of family `seen`: which message ids a space has accepted, and when they may be forgotten.
#pragma once

#include "sync/core/hash.hpp"
#include "sync/core/keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::store {

// Two times, because they differ for imported history: received is what the dedupe window is measured in, stored
// is what says that nobody will ask for the record again.
struct seen_record {
    std::int64_t stored_us = 0;
    std::int64_t received_us = 0;
};

inline std::string seen_key(std::uint32_t space, const core::id128& message)
{
    std::string key = core::key32(space);
    for (const std::uint8_t byte : message) key.push_back(static_cast<char>(byte));
    return key;
}

inline std::string encode_seen(const seen_record& record)
{
    std::string value;
    core::append_be64(value, static_cast<std::uint64_t>(record.stored_us));
    core::append_be64(value, static_cast<std::uint64_t>(record.received_us));
    return value;
}

inline std::optional<seen_record> decode_seen(std::string_view value)
{
    if (value.size() != 16) return std::nullopt;
    return seen_record{static_cast<std::int64_t>(core::read_be64(value)),
                       static_cast<std::int64_t>(core::read_be64(value, 8))};
}

}  // namespace lakeferry::store
