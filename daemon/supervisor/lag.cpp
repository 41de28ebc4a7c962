#include "daemon/supervisor/lag.hpp"

namespace lakeferry::daemon {

namespace {

constexpr rt::duration warn_again = std::chrono::seconds(10);

double seconds_of(rt::duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace

lag_verdict lag_judge::measured(rt::duration lag, rt::time_point now) noexcept
{
    lag_verdict verdict;
    if (lag >= settings_.warn_at && (!warned_ || now - *warned_ >= warn_again)) {
        verdict.warn = true;
        warned_ = now;
    }
    if (lag >= settings_.give_up_at) given_up_ = true;
    // Twice as often as asked for: one ping may be late.
    if (settings_.watchdog && !given_up_ && (!pinged_ || now - *pinged_ >= *settings_.watchdog / 2 - settings_.every)) {
        verdict.ping = true;
        pinged_ = now;
    }
    return verdict;
}

rt::awaitable<void> watch_loop(rt::time_source& clock, obs::log& log, obs::metrics& metrics, lag_settings settings,
                               std::function<void()> ping)
{
    if (settings.watchdog) settings.every = std::min(settings.every, *settings.watchdog / 4);
    lag_judge judge(settings);
    double last = 0;
    // The gauge goes with this coroutine: it is replaced by a constant at the end.
    const struct gauge_end {
        obs::metrics& of;
        ~gauge_end() { of.gauge("lakeferry_loop_lag_seconds", "How late the loop's last timer was", {}, [] { return 0.0; }); }
    } at_the_end{metrics};
    metrics.gauge("lakeferry_loop_lag_seconds", "How late the loop's last timer was", {}, [&last] { return last; });
    for (;;) {
        const auto due = clock.now() + settings.every;
        co_await clock.async_wait_until(due, boost::asio::use_awaitable);
        const auto lag = std::max(clock.now() - due, rt::duration::zero());
        last = seconds_of(lag);
        const auto verdict = judge.measured(lag, clock.now());
        if (verdict.warn) log.warn("loop.lag", "The event loop was held up", {{"lag_s", last}});
        if (verdict.ping && ping) ping();
    }
}

}  // namespace lakeferry::daemon
