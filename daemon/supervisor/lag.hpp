// Watches the loop: how late its timers are, and whether it may still tell the service manager that it lives.
#pragma once

#include "net/obs/log.hpp"
#include "net/obs/metrics.hpp"
#include "net/rt/time.hpp"

#include <functional>
#include <optional>
#include <string_view>

namespace lakeferry::daemon {

struct lag_settings {
    rt::duration every = std::chrono::seconds(1);
    rt::duration warn_at = std::chrono::milliseconds(50);
    rt::duration give_up_at = std::chrono::seconds(10);  // such a lag stops the pings: the manager then restarts us
    std::optional<rt::duration> watchdog{};              // how often the manager wants a ping
};

// One measurement. Pure.
struct lag_verdict {
    bool warn = false;
    bool ping = false;
};
class lag_judge {
public:
    explicit lag_judge(lag_settings settings) : settings_(settings) {}
    lag_verdict measured(rt::duration lag, rt::time_point now) noexcept;

private:
    lag_settings settings_;
    std::optional<rt::time_point> warned_{};
    std::optional<rt::time_point> pinged_{};
    bool given_up_ = false;
};

// Runs until cancelled. ping sends one sign of life.
rt::awaitable<void> watch_loop(rt::time_source& clock, obs::log& log, obs::metrics& metrics, lag_settings settings,
                               std::function<void()> ping);

}  // namespace lakeferry::daemon
