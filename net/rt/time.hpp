// Monotonic time, calendar time and sleeping: the only doors to a clock. One event loop, nothing locks.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/consign.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace lakeferry::rt {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
using duration = std::chrono::steady_clock::duration;
using time_point = std::chrono::steady_clock::time_point;

// The only door to monotonic time and to sleeping. A virtual class instead of a template parameter
// keeps clocks out of the headers of everything that waits.
class time_source {
public:
    using wait_handler = asio::any_completion_handler<void(error_code)>;

    time_source() = default;
    time_source(const time_source&) = delete;
    time_source& operator=(const time_source&) = delete;
    virtual ~time_source() = default;

    virtual time_point now() const noexcept = 0;
    virtual void start_wait(time_point when, wait_handler handler) = 0;

    template <class Token>
    auto async_wait_until(time_point when, Token&& token)
    {
        return asio::async_initiate<Token, void(error_code)>(
            [this, when](auto handler) { start_wait(when, wait_handler(std::move(handler))); },
            token);
    }
};

class steady_time final : public time_source {
public:
    explicit steady_time(asio::any_io_executor ex) : ex_(std::move(ex)) {}

    time_point now() const noexcept override { return std::chrono::steady_clock::now(); }

    void start_wait(time_point when, wait_handler handler) override
    {
        auto timer = std::make_shared<asio::steady_timer>(ex_, when);
        auto& ref = *timer;
        ref.async_wait(asio::consign(std::move(handler), std::move(timer)));
    }

private:
    asio::any_io_executor ex_;
};

// Jumps to the earliest wake-up when the loop has nothing left to run. Equal times fire in the
// order in which they were asked for, so the same seed gives the same run.
class virtual_time final : public time_source {
public:
    explicit virtual_time(asio::any_io_executor ex) : ex_(std::move(ex)) {}

    time_point now() const noexcept override { return now_; }
    std::size_t pending() const noexcept { return queue_.size(); }

    void start_wait(time_point when, wait_handler handler) override
    {
        const key id{when, sequence_++};
        auto slot = asio::get_associated_cancellation_slot(handler);
        queue_.emplace(id, std::make_unique<wait_handler>(std::move(handler)));
        if (!slot.is_connected()) return;
        slot.assign([this, id](asio::cancellation_type) {
            if (auto node = queue_.extract(id))
                fire(std::move(*node.mapped()), asio::error::operation_aborted);
        });
    }

    bool advance_to_next()
    {
        if (queue_.empty()) return false;
        auto node = queue_.extract(queue_.begin());
        now_ = std::max(now_, node.key().first);
        fire(std::move(*node.mapped()), {});
        return true;
    }

private:
    using key = std::pair<time_point, std::uint64_t>;

    // Asio 1.81: any_completion_handler can be move-constructed but not assigned (its operator=
    // calls itself), hence the unique_ptr in the map and no assignment anywhere.
    void fire(wait_handler handler, error_code ec)
    {
        asio::post(ex_, asio::append(std::move(handler), ec));
    }

    asio::any_io_executor ex_;
    time_point now_{};
    std::uint64_t sequence_ = 0;
    std::map<key, std::unique_ptr<wait_handler>> queue_;
};

inline awaitable<void> sleep_for(time_source& clock, duration d)
{
    co_await clock.async_wait_until(clock.now() + d, asio::use_awaitable);
}


// Calendar time, in microseconds since 1970-01-01T00:00:00Z. Apart from time_source because it may
// jump; nothing waits on it.
class wall_clock {
public:
    wall_clock() = default;
    wall_clock(const wall_clock&) = delete;
    wall_clock& operator=(const wall_clock&) = delete;
    virtual ~wall_clock() = default;
    virtual std::int64_t now_us() const noexcept = 0;
};

class system_wall_clock final : public wall_clock {
public:
    std::int64_t now_us() const noexcept override
    {
        using namespace std::chrono;
        return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    }
};

// Follows a monotonic source from a fixed start; step() makes it jump, as clocks in the field do.
class offset_wall_clock final : public wall_clock {
public:
    offset_wall_clock(const time_source& time, std::int64_t start_us) : time_(time), start_us_(start_us) {}
    std::int64_t now_us() const noexcept override
    {
        using namespace std::chrono;
        return start_us_ + duration_cast<microseconds>(time_.now().time_since_epoch()).count();
    }
    void step(std::int64_t by_us) noexcept { start_us_ += by_us; }

private:
    const time_source& time_;
    std::int64_t start_us_;
};

}  // namespace lakeferry::rt
