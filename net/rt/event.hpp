// A level-triggered event.
#pragma once

#include "net/rt/time.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>

namespace lakeferry::rt {

// Level-triggered: wait() returns at once while set. The timer never expires, it is only cancelled.
class event {
public:
    explicit event(const asio::any_io_executor& ex) : timer_(ex, time_point::max()) {}

    bool is_set() const noexcept { return set_; }
    void clear() noexcept { set_ = false; }
    void set()
    {
        set_ = true;
        timer_.cancel();
    }

    awaitable<void> wait()
    {
        while (!set_) {
            auto [ec] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
            (void)ec;  // either set() or a cancellation; the next co_await tells them apart
        }
    }

    // Returns also when the waiter is cancelled, without throwing; for code that must look again.
    awaitable<void> wait_once()
    {
        if (set_) co_return;
        auto [ec] = co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        (void)ec;
    }

private:
    asio::steady_timer timer_;
    bool set_ = false;
};

}  // namespace lakeferry::rt
