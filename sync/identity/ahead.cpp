#include "sync/identity/ahead.hpp"

#include <algorithm>

namespace lakeferry::identity {

chunks_ahead::chunks_ahead(preparer& from, std::vector<call_ref> calls, bool own_thread)
    : from_(from), calls_(std::move(calls))
{
    if (own_thread && calls_.size() > calls_per_chunk) thread_ = std::thread([this] { run(); });
}

chunks_ahead::~chunks_ahead()
{
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

std::optional<prepared_chunk> chunks_ahead::make()
{
    if (taken_ >= calls_.size()) return std::nullopt;
    const std::size_t count = std::min(calls_per_chunk, calls_.size() - taken_);
    auto chunk = from_.prepare(std::span(calls_).subspan(taken_, count));
    taken_ += count;
    return chunk;
}

void chunks_ahead::run()
{
    for (;;) {
        auto chunk = make();
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || ready_.size() < waiting_max; });
        if (stop_ || !chunk) {
            finished_ = true;
            changed_.notify_all();
            return;
        }
        ready_.push_back(std::move(*chunk));
        changed_.notify_all();
    }
}

std::optional<prepared_chunk> chunks_ahead::next()
{
    if (!thread_.joinable()) return make();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return finished_ || !ready_.empty(); });
    if (ready_.empty()) return std::nullopt;
    auto chunk = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return chunk;
}

}  // namespace lakeferry::identity
