#include "daemon/schedule/cron.hpp"

#include "net/rt/check.hpp"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

namespace lakeferry::daemon {

namespace {

using std::chrono::seconds;

constexpr std::array<std::string_view, 12> month_names{
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> day_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
// 29 February on a given weekday comes once in 28 years, in the worst case (2100 is no leap year) 40.
constexpr std::int64_t search_days = 41 * 366;

struct field_spec {
    std::string_view name;
    unsigned low;
    unsigned high;
    std::span<const std::string_view> names;  // the first stands for `low`
};

std::vector<std::string_view> split(std::string_view text, char at)
{
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words(std::string_view text)
{
    std::vector<std::string_view> found;
    while (true) {
        const std::size_t begin = text.find_first_not_of(" \t");
        if (begin == std::string_view::npos) return found;
        const std::size_t end = std::min(text.find_first_of(" \t", begin), text.size());
        found.push_back(text.substr(begin, end - begin));
        text.remove_prefix(end);
    }
}

std::optional<unsigned> number(std::string_view text, const field_spec& spec)
{
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    for (unsigned i = 0; i < spec.names.size(); ++i)
        if (lower == spec.names[i]) return spec.low + i;
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// One item of a list: "*", "5", "1-5", "*/10", "10-50/20", "5/10" (from 5 on).
template <std::size_t N>
bool add_item(std::string_view item, const field_spec& spec, std::bitset<N>& to)
{
    const auto halves = split(item, '/');
    if (halves.size() > 2) return false;
    unsigned step = 1;
    if (halves.size() == 2) {
        const auto given = number(halves[1], {.name = {}, .low = 0, .high = 0, .names = {}});
        if (!given || *given == 0) return false;
        step = *given;
    }
    unsigned first = spec.low;
    unsigned last = spec.high;
    if (halves[0] != "*") {
        const auto ends = split(halves[0], '-');
        const auto from = number(ends[0], spec);
        if (!from || ends.size() > 2) return false;
        first = *from;
        last = halves.size() == 2 ? spec.high : first;
        if (ends.size() == 2) {
            const auto until = number(ends[1], spec);
            if (!until) return false;
            last = *until;
        }
    }
    if (first < spec.low || last > spec.high || first > last) return false;
    for (unsigned v = first; v <= last; v += step) to.set(v % N);
    return true;
}

template <std::size_t N>
bool parse_field(std::string_view text, const field_spec& spec, std::bitset<N>& to, std::string& why)
{
    for (const auto item : split(text, ',')) {
        if (add_item(item, spec, to)) continue;
        why = "the " + std::string(spec.name) + " field \"" + std::string(text) + "\" is not made of " +
              std::to_string(spec.low) + " to " + std::to_string(spec.high) +
              " with lists (1,2), ranges (1-5), steps (*/10)" +
              (spec.names.empty() ? "" : " or names (" + std::string(spec.names[0]) + ")");
        return false;
    }
    return true;
}

std::int64_t floor_minutes(std::int64_t us) noexcept
{
    constexpr std::int64_t minute_us = 60'000'000;
    return us >= 0 ? us / minute_us : -((-us + minute_us - 1) / minute_us);
}

// When a local time comes: the first of two, the end of the gap that skips it.
seconds to_real(seconds local, const date::time_zone& zone)
{
    const auto info = zone.get_info(date::local_seconds(local));
    if (info.result == date::local_info::nonexistent) return info.second.begin.time_since_epoch();
    return local - info.first.offset;
}

}  // namespace

std::optional<cron_rule> cron_rule::parse(std::string_view text, std::string& why)
{
    const auto fields = words(text);
    if (fields.size() != 5) {
        why = "has " + std::to_string(fields.size()) +
              " fields instead of five (minute hour day-of-month month day-of-week)";
        return std::nullopt;
    }
    cron_rule rule;
    if (!parse_field(fields[0], {"minute", 0, 59, {}}, rule.minutes_, why) ||
        !parse_field(fields[1], {"hour", 0, 23, {}}, rule.hours_, why) ||
        !parse_field(fields[2], {"day-of-month", 1, 31, {}}, rule.days_, why) ||
        !parse_field(fields[3], {"month", 1, 12, month_names}, rule.months_, why) ||
        !parse_field(fields[4], {"day-of-week", 0, 7, day_names}, rule.weekdays_, why))
        return std::nullopt;
    // As in crontab(5): a field that begins with a star does not restrict the other one.
    rule.any_day_ = fields[2].starts_with('*');
    rule.any_weekday_ = fields[4].starts_with('*');
    for (std::int64_t day = 0; day < search_days; ++day)
        if (rule.day_matches(day)) return rule;
    why = "names a day that never comes";
    return std::nullopt;
}

bool cron_rule::day_matches(std::int64_t local_day) const
{
    const date::local_days day{date::days(static_cast<int>(local_day))};
    const date::year_month_day calendar(day);
    if (!months_.test(static_cast<unsigned>(calendar.month()))) return false;
    const bool by_date = days_.test(static_cast<unsigned>(calendar.day()));
    const bool by_weekday = weekdays_.test(date::weekday(day).c_encoding());
    if (any_day_ || any_weekday_) return by_date && by_weekday;
    return by_date || by_weekday;
}

std::int64_t cron_rule::next_us(std::int64_t after_us, const date::time_zone& zone) const
{
    const seconds after(floor_minutes(after_us) * 60);
    const seconds local_after = zone.to_local(date::sys_seconds(after)).time_since_epoch();
    // One day back: a gap or an overlap may straddle midnight.
    const std::int64_t first_day = date::floor<date::days>(local_after).count() - 1;
    for (std::int64_t day = first_day; day < first_day + search_days; ++day) {
        if (!day_matches(day)) continue;
        const seconds midnight(day * 86400);
        if (hours_.all()) {
            // Every hour: walk through real time, so that neither gap nor repeated hour disturbs the rhythm.
            const seconds end = to_real(midnight + seconds(86400), zone);
            for (seconds t = std::max(to_real(midnight, zone), after + seconds(60)); t < end; t += seconds(60)) {
                const auto local = zone.to_local(date::sys_seconds(t)).time_since_epoch();
                const auto minute = (local.count() % 3600 + 3600) % 3600 / 60;
                if (minutes_.test(static_cast<std::size_t>(minute))) return t.count() * 1'000'000;
            }
            continue;
        }
        std::optional<seconds> best;
        for (unsigned h = 0; h < 24; ++h) {
            if (!hours_.test(h)) continue;
            for (unsigned m = 0; m < 60; ++m) {
                if (!minutes_.test(m)) continue;
                const seconds t = to_real(midnight + seconds(h * 3600 + m * 60), zone);
                if (t > after && (!best || t < *best)) best = t;
            }
        }
        if (best) return best->count() * 1'000'000;
    }
    rt::fail("a cron rule that was accepted comes again");
}

const date::time_zone* find_zone(const std::string& name) noexcept
{
    try {
        return date::locate_zone(name);
    } catch (const std::exception&) {
        return nullptr;
    }
}

}  // namespace lakeferry::daemon
