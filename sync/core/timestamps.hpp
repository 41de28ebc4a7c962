// Times as text (ISO 8601 as calls carry it) and as microseconds since 1970-01-01T00:00:00Z, proleptic Gregorian,
// years 0001 to 9999. Pure; no clock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::core {

inline constexpr std::int64_t timestamp_min_us = -62'135'596'800'000'000;   // 0001-01-01T00:00:00Z
inline constexpr std::int64_t timestamp_max_us = 253'402'300'799'999'999;   // 9999-12-31T23:59:59.999999Z
inline constexpr std::int64_t day_us = 86'400'000'000;

struct timestamp_text {
    std::int64_t us = 0;
    bool has_time = false;  // false: a date alone, taken as its midnight
    bool has_zone = false;  // false: taken as UTC
};

// YYYY-MM-DD, then optionally "T" or one space, hh:mm, optional :ss, optional fraction of 1 to 9 digits after the
// seconds (cut to microseconds), optional Z, +hh:mm or +hhmm (also "-"). nullopt: anything else, dates that do not
// exist, second 60, and instants outside the years 0001 to 9999 in UTC.
std::optional<timestamp_text> parse_timestamp_text(std::string_view text) noexcept;
std::optional<std::int64_t> parse_timestamp(std::string_view text) noexcept;
// Only a full date and time with zone: what makes a column a TIMESTAMP.
std::optional<std::int64_t> parse_full_timestamp(std::string_view text) noexcept;

// "2026-01-31T23:59:59.123456Z", always six digits; what lies outside the years 0001 to 9999 is clamped to them.
std::string format_timestamp(std::int64_t us);
void append_timestamp(std::string& to, std::int64_t us);

// received - (sent - original) if there is a sent time, else original; received if that lies more than 24 h after
// it. Clamped to the years above.
std::int64_t corrected_timestamp(std::int64_t received_us, std::optional<std::int64_t> sent_us,
                                 std::int64_t original_us) noexcept;

}  // namespace lakeferry::core
