// One direction of a connection in memory. Internal to the fake network.
#pragma once

#include "net/rt/event.hpp"

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <utility>

namespace lakeferry::test {

// What may happen to the bytes of one direction.
struct pipe_plan {
    rt::duration latency_min{};
    rt::duration latency_max{};
    bool chunked = false;                                                   // reads get random pieces
    std::size_t stall_after = std::numeric_limits<std::size_t>::max();      // bytes, then silence
    std::size_t end_after = std::numeric_limits<std::size_t>::max();        // bytes, then the end, as if finished
    std::size_t reset_after = std::numeric_limits<std::size_t>::max();      // bytes, then on_reset
};

// Bounded: a writer waits when much is unread. Bytes become readable when their latency has passed, in order.
// Waiting is cut short by the waiter's cancellation, which is answered with operation_aborted.
class pipe {
public:
    pipe(const rt::asio::any_io_executor& ex, rt::time_source& clock, std::mt19937_64& rng, pipe_plan plan);

    rt::awaitable<std::pair<rt::error_code, std::size_t>> read_some(rt::asio::mutable_buffer to);
    rt::awaitable<rt::error_code> write(rt::asio::const_buffer from);
    void finish();  // the writer's end
    void reset();   // nothing more either way
    bool finished() const noexcept { return finished_ || ended_early_; }
    bool is_reset() const noexcept { return reset_; }
    bool has_bytes() const noexcept { return !chunks_.empty(); }
    void stall() noexcept { plan_.stall_after = 0; }

    std::function<void()> on_reset{};    // the plan's reset: the connection takes both directions down
    std::function<void()> on_stall{};    // counted
    std::function<void()> on_early_end{};

private:
    struct chunk {
        rt::time_point at{};
        std::string bytes{};
        std::size_t used = 0;
    };

    bool accept_some(std::string_view piece);
    std::size_t take(rt::asio::mutable_buffer to);

    rt::time_source& clock_;
    std::mt19937_64& rng_;
    pipe_plan plan_;
    std::deque<chunk> chunks_{};
    rt::event readable_;
    rt::event writable_;
    std::size_t unread_ = 0;
    std::size_t passed_ = 0;  // bytes that were written in all
    bool finished_ = false;
    bool reset_ = false;
    bool stalled_ = false;
    bool ended_early_ = false;  // the reader sees the end, the writer goes on without noticing
};

}  // namespace lakeferry::test
