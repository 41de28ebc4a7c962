#include "sync/identity/ahead.hpp"

#include <algorithm>

namespace lakeferry::identity {

chunks_ahead::chunks_ahead(preparer& own, preparer* other, std::vector<call_ref> calls)
    : own_(own), calls_(std::move(calls))
{
    if (other != nullptr && chunks() > 1) thread_ = std::thread([this, other] { run(*other); });
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

prepared_chunk chunks_ahead::make(preparer& by, std::size_t number) const
{
    const std::size_t first = number * calls_per_chunk;
    return by.prepare(std::span(calls_).subspan(first, std::min(calls_per_chunk, calls_.size() - first)));
}

void chunks_ahead::run(preparer& by)
{
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [&] { return stop_ || started_ == chunks() || may_start(); });
        if (stop_ || started_ == chunks()) return;
        const std::size_t number = started_++;
        lock.unlock();
        auto chunk = make(by, number);
        lock.lock();
        ready_.emplace(number, std::move(chunk));
        changed_.notify_all();
    }
}

std::optional<prepared_chunk> chunks_ahead::next()
{
    std::unique_lock lock(mutex_);
    if (wanted_ == chunks()) return std::nullopt;
    for (;;) {
        if (auto found = ready_.extract(wanted_); !found.empty()) {
            ++wanted_;
            changed_.notify_all();
            return std::move(found.mapped());
        }
        if (!may_start()) {
            changed_.wait(lock);
            continue;
        }
        const std::size_t number = started_++;
        lock.unlock();
        auto chunk = make(own_, number);
        lock.lock();
        ready_.emplace(number, std::move(chunk));
    }
}

}  // namespace lakeferry::identity
