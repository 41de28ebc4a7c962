#include "daemon/schedule/plan.hpp"

#include "net/rt/check.hpp"

#include <algorithm>
#include <string>

namespace lakeferry::daemon {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::int64_t step_back_us = 3LL * 3600 * 1'000'000;
constexpr rt::duration look_again = seconds(60);
constexpr rt::duration spread_max = seconds(30);

}  // namespace

run_plan::run_plan(const core::schedule_settings& settings, rt::time_point now, std::int64_t now_us,
                   std::int64_t last_start_us, double spread, bool aligned)
    : aligned_(aligned), seen_us_(now_us)
{
    if (settings.every) {
        every_ = *settings.every;
        const auto late = duration_cast<rt::duration>(std::min<rt::duration>(*every_ / 10, spread_max) * spread);
        const auto length_us = duration_cast<microseconds>(*every_).count();
        const auto since_multiple = microseconds(((now_us % length_us) + length_us) % length_us);
        multiple_ = now + (late - since_multiple);
        if (multiple_ <= now) multiple_ += *every_;
        next_ = now + late;  // never ran, or is overdue
        if (last_start_us == 0 || last_start_us > now_us) return;
        const rt::duration since = microseconds(now_us - last_start_us);
        if (since < *every_ - late) next_ = aligned_ ? multiple_ : now + (*every_ - since);
    } else if (!settings.cron.empty()) {
        std::string why;
        rule_ = cron_rule::parse(settings.cron, why);
        zone_ = find_zone(settings.timezone);
        rt::check(rule_.has_value() && zone_ != nullptr, "a schedule is validated before it is planned");
        next_us_ = rule_->next_us(now_us, *zone_);
    }
}

std::optional<rt::duration> run_plan::wait(rt::time_point now, std::int64_t now_us)
{
    if (every_) return std::max(next_ - now, rt::duration::zero());
    if (!rule_) return std::nullopt;
    if (now_us + step_back_us < seen_us_) {
        next_us_ = rule_->next_us(now_us, *zone_);
        seen_us_ = now_us;
    }
    seen_us_ = std::max(seen_us_, now_us);
    if (now_us >= next_us_) return rt::duration::zero();
    return std::min<rt::duration>(microseconds(next_us_ - now_us), look_again);
}

void run_plan::started(rt::time_point now, std::int64_t now_us, bool by_hand)
{
    if (every_ && !aligned_) next_ = now + *every_;
    if (every_ && aligned_) {
        while (multiple_ <= now) multiple_ += *every_;
        next_ = multiple_;
    }
    if (!rule_ || by_hand) return;
    next_us_ = rule_->next_us(std::max(now_us, next_us_), *zone_);
}

std::int64_t run_plan::next_us(rt::time_point now, std::int64_t now_us) const noexcept
{
    if (every_) return now_us + duration_cast<microseconds>(std::max(next_ - now, rt::duration::zero())).count();
    return rule_ ? next_us_ : 0;
}

std::string in_words(const core::schedule_settings& settings)
{
    if (settings.every) {
        const auto s = settings.every->count();
        if (s % 3600 == 0) return "every " + std::to_string(s / 3600) + "h";
        return s % 60 == 0 ? "every " + std::to_string(s / 60) + "m" : "every " + std::to_string(s) + "s";
    }
    if (settings.cron.empty()) return "no schedule is set";
    return "cron " + settings.cron + " (" + settings.timezone + ")";
}

}  // namespace lakeferry::daemon
