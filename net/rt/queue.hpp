// A bounded queue between coroutines of one loop.
#pragma once

#include "net/rt/event.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

namespace lakeferry::rt {

// Closing refuses producers and lets the one consumer drain.
template <class T>
class bounded_queue {
public:
    bounded_queue(const asio::any_io_executor& ex, std::size_t items_max)
        : ready_(ex), items_max_(items_max)
    {
    }

    std::size_t size() const noexcept { return items_.size(); }

    bool try_push(T value)
    {
        if (closed_ || items_.size() >= items_max_) return false;
        items_.push_back(std::move(value));
        ready_.set();
        return true;
    }

    // nullopt: closed and drained.
    awaitable<std::optional<T>> pop()
    {
        while (items_.empty()) {
            if (closed_) co_return std::nullopt;
            ready_.clear();
            co_await ready_.wait();
        }
        std::optional<T> value(std::move(items_.front()));
        items_.pop_front();
        co_return value;
    }

    void close()
    {
        closed_ = true;
        ready_.set();
    }

private:
    std::deque<T> items_;
    event ready_;
    std::size_t items_max_;
    bool closed_ = false;
};

}  // namespace lakeferry::rt
