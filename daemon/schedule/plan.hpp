// When a space's next run is due. Decisions without I/O: the caller says what time it is.
#pragma once

#include "daemon/schedule/cron.hpp"
#include "net/rt/time.hpp"
#include "sync/core/space_config.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace lakeferry::daemon {

// `every` means the multiples of it, counted from 1970-01-01 00:00 UTC: spaces that share a warehouse come due together
// and need it awake once, whenever they were set up. The calendar is asked when the plan is made; from then on the
// monotonic clock counts, so that a step of the calendar clock changes nothing. A cron rule follows the calendar: a step
// forward runs what was passed over once, a step back of up to three hours repeats nothing, a larger one starts afresh
// (crontab's own rule).
// Neither: never due by itself.
class run_plan {
public:
    // The settings have been validated. last_start_us: calendar time of the last run that an earlier process
    // started, 0: none. spread: in [0, 1), how late within the first moments after a multiple the space
    // begins, so that a thousand spaces do not start in one second.
    run_plan(const core::schedule_settings& settings, rt::time_point now, std::int64_t now_us,
             std::int64_t last_start_us, double spread, bool aligned = true);

    // How long to sleep before looking again; zero: a run is due now. nullopt: never. Cron rules are looked
    // at once a minute, because the calendar may step meanwhile.
    std::optional<rt::duration> wait(rt::time_point now, std::int64_t now_us);

    // The run that was due starts, or is skipped because the previous one still goes. by_hand: a run that
    // nobody planned; the planned ones stay as they are.
    void started(rt::time_point now, std::int64_t now_us, bool by_hand = false);

    // Calendar time of the next run, for people; 0: never.
    std::int64_t next_us(rt::time_point now, std::int64_t now_us) const noexcept;

private:
    std::optional<rt::duration> every_{};
    bool aligned_ = true;
    rt::time_point next_{};
    rt::time_point multiple_{};  // the next one, with the spread
    std::optional<cron_rule> rule_{};
    const date::time_zone* zone_ = nullptr;
    std::int64_t next_us_ = 0;
    std::int64_t seen_us_ = 0;  // the latest calendar time that was looked at
};

// Why a run is due when it is: "every 1h", "cron 0 * * * * (Europe/Berlin)", "no schedule is set".
std::string in_words(const core::schedule_settings& settings);

}  // namespace lakeferry::daemon
