// Prepares chunk after chunk ahead of the one who takes them, on a thread of its own or, if that is not wanted, when
// one is asked for. The chunks are the same.
#pragma once

#include "sync/identity/prepare.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace lakeferry::identity {

class chunks_ahead {
public:
    // Takes the calls in pieces. preparer and blocks outlive this.
    chunks_ahead(preparer& from, std::vector<call_ref> calls, bool own_thread);
    ~chunks_ahead();
    chunks_ahead(const chunks_ahead&) = delete;
    chunks_ahead& operator=(const chunks_ahead&) = delete;

    // In order; nullopt: that was all.
    std::optional<prepared_chunk> next();

    static constexpr std::size_t calls_per_chunk = 512;

private:
    std::optional<prepared_chunk> make();
    void run();

    static constexpr std::size_t waiting_max = 3;

    preparer& from_;
    std::vector<call_ref> calls_;
    std::size_t taken_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<prepared_chunk> ready_;
    bool finished_ = false;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace lakeferry::identity
