// The five fields of cron, and when they come next. Pure but for the system's time zone database.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace lakeferry::daemon {

// minute hour day-of-month month day-of-week, as in crontab(5): lists, ranges, steps, names of months and
// days, 7 for Sunday. If both day fields are restricted, either one is enough.
class cron_rule {
public:
    // nullopt: `why` says which field is wrong and what it may hold. Also if the rule never comes
    // (30 February).
    static std::optional<cron_rule> parse(std::string_view text, std::string& why);

    // The first time after `after_us` (exclusive; microseconds since 1970), in this zone; 0 cannot happen.
    // A local time that a clock change skips counts at the end of the gap; one that comes twice
    // counts the first time only, but a rule for every hour follows real time through both.
    std::int64_t next_us(std::int64_t after_us, const date::time_zone& zone) const;

    friend bool operator==(const cron_rule&, const cron_rule&) = default;

private:
    bool day_matches(std::int64_t local_day) const;

    std::bitset<60> minutes_{};
    std::bitset<24> hours_{};
    std::bitset<32> days_{};
    std::bitset<13> months_{};
    std::bitset<7> weekdays_{};
    bool any_day_ = true;
    bool any_weekday_ = true;
};

// nullptr: the system's tzdata has no such zone.
const date::time_zone* find_zone(const std::string& name) noexcept;

}  // namespace lakeferry::daemon
