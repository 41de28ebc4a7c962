// SIGINT, SIGTERM and SIGHUP for commands that must leave nothing behind: first a request that the command looks at, and
// where it does not come to look in time (it waits for a file or a network), the end.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace lakeferry::daemon {

// Construct before any other thread is started, so that all of them leave these signals to this one. One a process.
class interruption {
public:
    // clean_up: runs on a thread of its own when the command did not end within three seconds of a signal; then the
    // process ends with status 1. It must not need what the command holds.
    explicit interruption(std::function<void()> clean_up);
    ~interruption();
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;

    bool asked() const noexcept { return asked_; }

private:
    std::atomic<bool> asked_{false};
    std::atomic<bool> ended_{false};
    std::function<void()> clean_up_;
    std::thread waiter_;
};

}  // namespace lakeferry::daemon
