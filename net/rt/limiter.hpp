// A fair cap on how many things happen at once.
#pragma once

#include "net/rt/check.hpp"
#include "net/rt/deadline.hpp"
#include "net/rt/event.hpp"

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <list>
#include <optional>
#include <utility>

namespace lakeferry::rt {

// First come, first served. The owner keeps it until every permit is back and every waiter has left.
class limiter {
public:
    limiter(asio::any_io_executor ex, std::size_t permits_max)
        : ex_(std::move(ex)), permits_max_(permits_max)
    {
        check(permits_max > 0, "a limiter lets something through");
    }
    limiter(const limiter&) = delete;
    limiter& operator=(const limiter&) = delete;
    ~limiter() { check(in_use_ == 0 && waiters_.empty(), "all permits of a limiter are back"); }

    // Gives its place back when it goes.
    class permit {
    public:
        permit() = default;
        permit(permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
        permit& operator=(permit&& other) noexcept
        {
            if (this != &other) {
                release();
                from_ = std::exchange(other.from_, nullptr);
            }
            return *this;
        }
        ~permit() { release(); }

        explicit operator bool() const noexcept { return from_ != nullptr; }
        void release() noexcept
        {
            if (auto* from = std::exchange(from_, nullptr)) from->give_back();
        }

    private:
        friend class limiter;
        explicit permit(limiter& from) noexcept : from_(&from) {}
        limiter* from_ = nullptr;
    };

    std::size_t in_use() const noexcept { return in_use_; }
    std::size_t waiting() const noexcept { return waiters_.size(); }
    std::size_t permits_max() const noexcept { return permits_max_; }
    // Applies to what is asked for from now on; what is in use stays.
    void resize(std::size_t permits_max)
    {
        check(permits_max > 0, "a limiter lets something through");
        permits_max_ = permits_max;
        hand_out();
    }

    permit try_acquire() noexcept
    {
        if (in_use_ >= permits_max_ || !waiters_.empty()) return {};
        ++in_use_;
        return permit(*this);
    }

    // An empty permit: the deadline passed first. Throws only operation_aborted of a cancelled
    // caller, whose place in the line (or permit) goes to the next one.
    awaitable<permit> acquire(time_source& clock, deadline limit)
    {
        if (limit.passed(clock.now())) co_return permit();
        if (auto now = try_acquire()) co_return now;
        place mine(*this);
        if (limit.reachable()) {
            auto waited = co_await with_deadline(clock, limit, mine.self->granted.wait());
            (void)waited;  // the place knows whether it was granted
        } else {
            co_await mine.self->granted.wait();
        }
        co_return mine.take();
    }

private:
    struct waiter {
        event granted;
        explicit waiter(const asio::any_io_executor& ex) : granted(ex) {}
    };

    // A place in the line. Leaving it early passes on what it was granted.
    struct place {
        limiter& from;
        std::list<waiter>::iterator self;
        bool queued = true;

        explicit place(limiter& l) : from(l), self(l.waiters_.emplace(l.waiters_.end(), l.ex_)) {}
        place(const place&) = delete;
        place& operator=(const place&) = delete;
        ~place()
        {
            if (queued) take();
        }
        permit take()
        {
            const bool granted = self->granted.is_set();
            from.waiters_.erase(self);
            queued = false;
            if (!granted) return {};
            return permit(from);
        }
    };

    void give_back() noexcept
    {
        --in_use_;
        hand_out();
    }

    void hand_out()
    {
        for (auto& one : waiters_) {
            if (in_use_ >= permits_max_) return;
            if (one.granted.is_set()) continue;
            ++in_use_;
            one.granted.set();
        }
    }

    asio::any_io_executor ex_;
    std::size_t permits_max_;
    std::size_t in_use_ = 0;
    std::list<waiter> waiters_;
};

}  // namespace lakeferry::rt
