#include "daemon/config/units.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace lakeferry::daemon {

namespace {

struct duration_unit {
    char letter;
    std::int64_t seconds;
};
constexpr std::array<duration_unit, 4> duration_units{{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};
constexpr std::int64_t longest_seconds = 10LL * 366 * 86400;

struct size_unit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr std::array<size_unit, 7> size_units{{{"GiB", 1ULL << 30U},
                                               {"MiB", 1ULL << 20U},
                                               {"KiB", 1ULL << 10U},
                                               {"GB", 1000000000ULL},
                                               {"MB", 1000000ULL},
                                               {"KB", 1000ULL},
                                               {"B", 1ULL}}};

}  // namespace

std::optional<std::chrono::seconds> parse_duration(std::string_view text) noexcept
{
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    std::size_t unit = 0;
    while (!text.empty()) {
        std::int64_t count = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (error != std::errc{} || count < 0 || count > longest_seconds) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (text.empty()) return std::nullopt;
        while (unit < duration_units.size() && duration_units[unit].letter != text.front()) ++unit;
        if (unit == duration_units.size()) return std::nullopt;
        total += count * duration_units[unit].seconds;
        if (total > longest_seconds) return std::nullopt;
        text.remove_prefix(1);
        ++unit;
    }
    return std::chrono::seconds(total);
}

std::string format_duration(std::chrono::seconds d)
{
    std::int64_t left = d.count();
    if (left <= 0) return "0s";
    std::string text;
    for (const auto& unit : duration_units) {
        if (left < unit.seconds) continue;
        text += std::to_string(left / unit.seconds) + unit.letter;
        left %= unit.seconds;
    }
    return text;
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept
{
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text.empty()) return count;
    for (const auto& unit : size_units) {
        if (text != unit.name) continue;
        if (count > std::numeric_limits<std::uint64_t>::max() / unit.bytes) return std::nullopt;
        return count * unit.bytes;
    }
    return std::nullopt;
}

std::string format_size(std::uint64_t bytes)
{
    for (const auto& unit : size_units) {
        if (unit.name.size() == 3 && bytes >= unit.bytes && bytes % unit.bytes == 0)
            return std::to_string(bytes / unit.bytes) + std::string(unit.name);
    }
    return std::to_string(bytes);
}

}  // namespace lakeferry::daemon
