#include "net/http/server.hpp"

#include "net/http/connection.hpp"
#include "net/rt/event.hpp"
#include "net/rt/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <list>

namespace lakeferry::http {

namespace {

namespace asio = boost::asio;
using asio::cancellation_type;

constexpr auto accept_pause = std::chrono::seconds(1);

// The connections of one listener and their time limits.
class server {
public:
    server(asio::any_io_executor ex, rt::time_source& clock, service& answers, const server_limits& limits)
        : ex_(std::move(ex)), clock_(clock), service_(answers), limits_(limits), changed_(ex_), busy_(ex_)
    {
        const auto shortest = std::min({limits_.head_timeout, limits_.idle_timeout, limits_.body_timeout,
                                        limits_.write_timeout, rt::duration(std::chrono::seconds(2))});
        tick_min_ = std::min<rt::duration>(std::chrono::seconds(1), shortest);
        tick_max_ = shortest;
    }

    bool full() const noexcept { return connections_.size() >= limits_.connections_max; }
    bool empty() const noexcept { return connections_.empty(); }
    rt::awaitable<void> wait_for_change()
    {
        changed_.clear();
        return changed_.wait_once();
    }

    void add(std::unique_ptr<stream> s)
    {
        const auto it = connections_.emplace(connections_.end(), clock_, std::move(s), service_, limits_, crowded_);
        busy_.set();
        asio::co_spawn(ex_, guard(it->run()),
                       asio::bind_cancellation_slot(it->signal().slot(), [this, it](std::exception_ptr) {
                           connections_.erase(it);
                           changed_.set();
                       }));
    }

    // Room for a newcomer: the connection that has been idle for longest goes, else the next one that has been
    // answered.
    rt::awaitable<void> make_room(const asio::cancellation_state& state)
    {
        if (full()) end_one_idle();
        while (full() && state.cancelled() == cancellation_type::none) {
            crowded_ = true;
            co_await wait_for_change();
        }
        crowded_ = false;
    }

    void stop_soon()
    {
        for (auto it = connections_.begin(); it != connections_.end();) (it++)->stop_soon();
    }
    void stop_now()
    {
        for (auto it = connections_.begin(); it != connections_.end();) (it++)->stop_now();
    }

    // Looks for late connections. Sleeps as long as no limit can pass, never ticks faster than once a second
    // (unless a limit is shorter), and does not tick at all without a connection.
    rt::awaitable<void> sweep()
    {
        for (;;) {
            busy_.clear();
            if (connections_.empty()) {
                co_await busy_.wait();
                continue;
            }
            const auto now = clock_.now();
            auto earliest = rt::time_point::max();
            for (auto it = connections_.begin(); it != connections_.end();) {
                auto& one = *it++;
                if (one.until() <= now)
                    one.expire();
                else
                    earliest = std::min(earliest, one.until());
            }
            const auto left = earliest == rt::time_point::max() ? tick_max_ : earliest - now;
            co_await rt::sleep_for(clock_, std::clamp(left, tick_min_, tick_max_));
        }
    }

private:
    void end_one_idle()
    {
        auto oldest = connections_.end();
        for (auto it = connections_.begin(); it != connections_.end(); ++it)
            if (it->now_in() == server_connection::step::idle &&
                (oldest == connections_.end() || it->since() < oldest->since()))
                oldest = it;
        if (oldest != connections_.end()) oldest->stop_soon();
    }

    // As in task_group: a cancelled coroutine that ends without suspending must not throw at its very end.
    static rt::awaitable<void> guard(rt::awaitable<void> body)
    {
        co_await std::move(body);
        co_await asio::this_coro::throw_if_cancelled(false);
    }

    asio::any_io_executor ex_;
    rt::time_source& clock_;
    service& service_;
    const server_limits& limits_;
    std::list<server_connection> connections_{};
    rt::event changed_;
    rt::event busy_;
    rt::duration tick_min_{};
    rt::duration tick_max_{};
    bool crowded_ = false;
};

bool is_total(cancellation_type type) noexcept
{
    return (type & cancellation_type::terminal) == cancellation_type::none;
}

rt::awaitable<void> accept_all(rt::time_source& clock, listener& from, server& connections,
                               const asio::cancellation_state& state)
{
    while (state.cancelled() == cancellation_type::none) {
        auto got = co_await from.accept();
        if (got.has_value()) {
            co_await connections.make_room(state);
            if (state.cancelled() == cancellation_type::none) connections.add(std::move(*got));
        } else if (got.error().id == "listen.closed") {
            co_return;
        } else if (state.cancelled() == cancellation_type::none) {
            auto [ec] = co_await clock.async_wait_until(clock.now() + accept_pause, asio::as_tuple(asio::use_awaitable));
            (void)ec;  // cancelled: the loop looks
        }
    }
}

}  // namespace

rt::awaitable<void> serve(rt::time_source& clock, listener& from, service& answers, server_limits limits)
{
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    const auto state = co_await asio::this_coro::cancellation_state;
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    auto ex = co_await asio::this_coro::executor;

    server connections(ex, clock, answers, limits);
    rt::task_group helpers(ex, nullptr);
    helpers.spawn("http sweeper", connections.sweep());

    co_await accept_all(clock, from, connections, state);
    from.close();
    // Closed by its owner without a cancellation: stop as politely as total asks for.
    connections.stop_soon();
    bool ended = false;
    while (!connections.empty()) {
        if (!ended && state.cancelled() != cancellation_type::none && !is_total(state.cancelled())) {
            ended = true;
            connections.stop_now();
            continue;
        }
        co_await connections.wait_for_change();
    }
    helpers.cancel();
    co_await helpers.join();
    co_await asio::this_coro::throw_if_cancelled(throws);
}

}  // namespace lakeferry::http
