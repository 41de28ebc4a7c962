// What to do next while a statement runs. No I/O, no clock.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/databricks/statement_messages.hpp"

#include <optional>

namespace lakeferry::databricks {

// Polling outlives everything that says nothing about the statement: a token that expired, throttling, a restart
// of the service, a cut connection. Only an end state, a 404 or a final refusal ends it.
class poll_fsm {
public:
    enum class action {
        pause,    // sleep for `pause`, then poll
        finish,   // read the result
        committed_without_result,  // closed
        fail      // `why` says so
    };
    struct step {
        action what = action::pause;
        rt::duration pause{};
        std::optional<rt::failure> why{};
    };

    // unit in [0, 1): injected randomness, up to a quarter more pause.
    step answered(const statement_status& status, const std::string& principal, double unit);
    step failed(const rt::failure& why, double unit);
    // Polls without an answer about the statement, in a row.
    unsigned deaf() const noexcept { return deaf_; }

private:
    rt::duration next_pause(double unit) noexcept;

    rt::duration pause_ = std::chrono::milliseconds(100);
    unsigned deaf_ = 0;
    unsigned refused_ = 0;
};

}  // namespace lakeferry::databricks
