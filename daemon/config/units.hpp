// Durations and sizes as people write them in a configuration. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::daemon {

// "90s", "15m", "1h30m", "7d"; units d, h, m, s from large to small, each at most once. nullopt: not a
// duration, or longer than ten years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text) noexcept;
// The shortest text that parse_duration reads back as the same: "1h30m".
std::string format_duration(std::chrono::seconds d);

// "512KiB", "32 MiB", "20GiB", "1MB", "1000"; KiB counts by 1024, KB by 1000. nullopt: not a size.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;
std::string format_size(std::uint64_t bytes);

}  // namespace lakeferry::daemon
