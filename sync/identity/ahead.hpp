// Prepares chunk after chunk for the one who takes them in order. With a second thread both prepare: the thread ahead
// of the taker, the taker whenever the next chunk is not ready. The chunks are the same either way.
#pragma once

#include "sync/identity/prepare.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace lakeferry::identity {

class chunks_ahead {
public:
    // Takes the calls in pieces. Preparers and blocks outlive this; without `other` there is no second thread.
    chunks_ahead(preparer& own, preparer* other, std::vector<call_ref> calls);
    ~chunks_ahead();
    chunks_ahead(const chunks_ahead&) = delete;
    chunks_ahead& operator=(const chunks_ahead&) = delete;

    // In order; nullopt: that was all.
    std::optional<prepared_chunk> next();

    static constexpr std::size_t calls_per_chunk = 256;

private:
    std::size_t chunks() const noexcept { return (calls_.size() + calls_per_chunk - 1) / calls_per_chunk; }
    prepared_chunk make(preparer& by, std::size_t number) const;
    bool may_start() const noexcept { return started_ < chunks() && started_ < wanted_ + ahead_max; }
    void run(preparer& by);

    static constexpr std::size_t ahead_max = 6;  // chunks in memory

    preparer& own_;
    const std::vector<call_ref> calls_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::size_t, prepared_chunk> ready_;
    std::size_t started_ = 0;  // chunks that somebody prepares or has prepared
    std::size_t wanted_ = 0;   // the next one to be handed out
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace lakeferry::identity
