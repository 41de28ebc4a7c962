// Absolute limits, and running something under one.
#pragma once

#include "net/rt/check.hpp"
#include "net/rt/time.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/result.hpp>

#include <optional>
#include <type_traits>
#include <variant>

namespace lakeferry::rt {

// Absolute limit of a piece of work; unreachable unless set. Children use sooner(mine, own).
class deadline {
public:
    constexpr deadline() = default;
    constexpr explicit deadline(time_point at) : at_(at) {}
    static deadline in(const time_source& clock, duration d) { return deadline(clock.now() + d); }

    constexpr time_point at() const noexcept { return at_; }
    constexpr bool reachable() const noexcept { return at_ != time_point::max(); }
    constexpr bool passed(time_point now) const noexcept { return now >= at_; }
    friend constexpr deadline sooner(deadline a, deadline b) noexcept
    {
        return a.at_ < b.at_ ? a : b;
    }

private:
    time_point at_ = time_point::max();
};

namespace detail {

template <class T>
using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// Asio 1.81: a spawned coroutine needs a default-constructible result.
template <class T>
awaitable<std::optional<stored<T>>> in_optional(awaitable<T> op)
{
    if constexpr (std::is_void_v<T>) {
        co_await std::move(op);
        co_return std::monostate{};
    } else {
        co_return co_await std::move(op);
    }
}

}  // namespace detail

// Runs op and cancels it when the deadline passes; the result is then timed_out even if op
// swallowed the cancellation. Waits for op to unwind, so op must honour cancellation. Cancelling
// the caller throws operation_aborted.
template <class T>
awaitable<boost::system::result<T>> with_deadline(time_source& clock,
                                                  deadline limit,
                                                  awaitable<T> op)
{
    auto ex = co_await asio::this_coro::executor;
    auto [order, op_error, value, timer_error] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(ex, detail::in_optional(std::move(op)), asio::deferred),
            clock.async_wait_until(limit.at(), asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);

    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
    // Built in place: a T that is an error_code (or made from one) must not be taken for the error.
    using outcome_of = boost::system::result<T>;
    if (order[0] == 1 && !timer_error)
        co_return outcome_of(boost::system::in_place_error, asio::error::timed_out);
    if (op_error) std::rethrow_exception(op_error);
    if (!value) fail("a finished operation has a value");
    if constexpr (std::is_void_v<T>)
        co_return outcome_of();
    else
        co_return outcome_of(boost::system::in_place_value, std::move(*value));
}

}  // namespace lakeferry::rt
