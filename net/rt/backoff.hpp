// Retry decisions: pure, with injected randomness.
#pragma once

#include "net/rt/check.hpp"
#include "net/rt/deadline.hpp"

#include <optional>
#include <random>

namespace lakeferry::rt {

struct backoff_policy {
    duration base = std::chrono::milliseconds(200);
    duration cap = std::chrono::seconds(30);
    unsigned attempts_max = 8;
};

// Decides, never sleeps: no I/O, no clock, injected randomness (half fixed, half random).
class backoff {
public:
    explicit backoff(backoff_policy policy) : policy_(policy)
    {
        check(policy.base > duration::zero() && policy.cap >= policy.base,
              "backoff base and cap are sane");
    }
    void reset() noexcept { attempt_ = 0; }
    unsigned attempt() const noexcept { return attempt_; }

    // nullopt: give up. retry_after is a floor; a sleep that would reach the limit is not worth
    // starting.
    std::optional<duration> next(time_point now,
                                 deadline limit,
                                 std::optional<duration> retry_after,
                                 std::mt19937_64& rng)
    {
        if (++attempt_ >= policy_.attempts_max) return std::nullopt;
        const unsigned doublings = std::min(attempt_ - 1, 20U);
        const duration ceiling =
            std::min(policy_.cap, policy_.base * (duration::rep{1} << doublings));
        std::uniform_int_distribution<duration::rep> spread(0, ceiling.count() / 2);
        const duration delay =
            std::max(ceiling / 2 + duration(spread(rng)), retry_after.value_or(duration::zero()));
        if (limit.reachable() && limit.passed(now + delay)) return std::nullopt;
        return delay;
    }

private:
    backoff_policy policy_;
    unsigned attempt_ = 0;
};

}  // namespace lakeferry::rt
