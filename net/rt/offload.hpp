// Work that computes or blocks, away from the loop.
#pragma once

#include "net/rt/check.hpp"
#include "net/rt/time.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <variant>

namespace lakeferry::rt {

// Runs fn on `workers` and resumes on the loop of the caller. It cannot be cancelled half-way,
// which is why the name says so: fn must be bounded and must own or outlive what it touches. In a
// simulation `workers` is the executor of the loop itself.
template <class F, class R = std::invoke_result_t<F&>>
awaitable<R> offload_uncancellable(asio::any_io_executor workers, F fn)
{
    std::optional<std::conditional_t<std::is_void_v<R>, std::monostate, R>> value;
    std::exception_ptr error;
    auto initiate = [&](auto handler) {
        auto work = asio::make_work_guard(handler);
        asio::post(workers, [&, work = std::move(work), handler = std::move(handler)]() mutable {
            try {
                if constexpr (std::is_void_v<R>) {
                    fn();
                    value.emplace();
                } else {
                    value.emplace(fn());
                }
            } catch (...) {
                error = std::current_exception();
            }
            asio::post(work.get_executor(), std::move(handler));
        });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(initiate,
                                                                          asio::use_awaitable);
    if (error) std::rethrow_exception(error);
    if (!value) fail("finished work has a value");
    if constexpr (!std::is_void_v<R>) co_return std::move(*value);
}

}  // namespace lakeferry::rt
