// A group that owns child coroutines.
#pragma once

#include "net/rt/check.hpp"
#include "net/rt/event.hpp"
#include "net/rt/time.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>
#include <functional>
#include <list>
#include <string>

namespace lakeferry::rt {

enum class on_error { cancel_group, log_and_continue };

// Owns child coroutines. Nothing outlives join(); destroying a group that still owns work is a bug.
class task_group {
public:
    using reporter = std::function<void(const std::string& name, std::exception_ptr)>;

    task_group(asio::any_io_executor ex, reporter report)
        : ex_(std::move(ex)), idle_(ex_), report_(std::move(report))
    {
    }
    task_group(const task_group&) = delete;
    task_group& operator=(const task_group&) = delete;
    ~task_group() { check(children_.empty(), "a task group is joined before it is destroyed"); }

    std::size_t size() const noexcept { return children_.size(); }

    void spawn(std::string name, awaitable<void> body, on_error policy = on_error::cancel_group)
    {
        // On its own loop co_spawn runs the child up to its first suspension before it returns; the
        // completion is posted, so `it` stays valid until the end of this function.
        const auto it = children_.emplace(children_.end(), std::move(name), policy);
        idle_.clear();
        asio::co_spawn(
            ex_, guard(std::move(body)),
            asio::bind_cancellation_slot(
                it->signal.slot(), [this, it](std::exception_ptr e) { finish(it, std::move(e)); }));
        if (stopping_) it->signal.emit(stop_type_);
    }

    // Two phases: total = "finish the unit in hand", terminal = "now". A child may call it.
    // A weaker type after terminal is ignored: Asio 1.81 would take the cancellation back.
    void cancel(asio::cancellation_type type = asio::cancellation_type::terminal)
    {
        if (stopping_ && stop_type_ == asio::cancellation_type::terminal && type != stop_type_) return;
        stopping_ = true;
        stop_type_ = type;
        for (auto it = children_.begin(); it != children_.end();) (it++)->signal.emit(type);
    }

    // Waits for all children, then rethrows the first failure. Cancelling the waiter cancels the
    // children and keeps waiting: a group is never left while it still owns work.
    awaitable<void> join()
    {
        const auto state = co_await asio::this_coro::cancellation_state;
        const bool throws = co_await asio::this_coro::throw_if_cancelled();
        co_await asio::this_coro::throw_if_cancelled(false);
        bool forwarded = false;
        while (!children_.empty()) {
            if (!forwarded && state.cancelled() != asio::cancellation_type::none) {
                forwarded = true;
                cancel();
                continue;
            }
            co_await idle_.wait_once();
        }
        co_await asio::this_coro::throw_if_cancelled(throws);
        if (first_error_) std::rethrow_exception(first_error_);
    }

private:
    struct child {
        std::string name;
        on_error policy;
        asio::cancellation_signal signal{};

        child(std::string n, on_error p) : name(std::move(n)), policy(p) {}
    };

    // Asio 1.81: a child that is cancelled and then finishes without suspending throws inside
    // co_spawn and its completion handler never runs. Leaving with throw_if_cancelled(false) cures
    // it.
    static awaitable<void> guard(awaitable<void> body)
    {
        std::exception_ptr error;
        try {
            co_await std::move(body);
        } catch (...) {
            error = std::current_exception();
        }
        co_await asio::this_coro::throw_if_cancelled(false);
        if (error) std::rethrow_exception(error);
    }

    void finish(std::list<child>::iterator it, std::exception_ptr error)
    {
        const std::string name = std::move(it->name);
        const auto policy = it->policy;
        children_.erase(it);
        if (error && !stopping_) {
            if (report_) report_(name, error);
            if (policy == on_error::cancel_group) {
                first_error_ = error;
                cancel();
            }
        }
        if (children_.empty()) idle_.set();
    }

    asio::any_io_executor ex_;
    event idle_;
    std::list<child> children_;
    reporter report_;
    std::exception_ptr first_error_;
    asio::cancellation_type stop_type_ = asio::cancellation_type::terminal;
    bool stopping_ = false;
};

}  // namespace lakeferry::rt
