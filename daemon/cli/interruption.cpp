#include "daemon/cli/interruption.hpp"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <iostream>

namespace lakeferry::daemon {

namespace {

sigset_t watched()
{
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, number);
    return set;
}

bool wait_for_signal(const sigset_t& set, long milliseconds)
{
    const timespec limit{.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1'000'000};
    return ::sigtimedwait(&set, nullptr, &limit) > 0;
}

}  // namespace

interruption::interruption(std::function<void()> clean_up) : clean_up_(std::move(clean_up))
{
    const sigset_t set = watched();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    waiter_ = std::thread([this] {
        const sigset_t mine = watched();
        while (!ended_ && !wait_for_signal(mine, 200)) {
        }
        if (ended_) return;
        asked_ = true;
        // A second signal hurries.
        for (int i = 0; i < 15 && !ended_; ++i)
            if (wait_for_signal(mine, 200)) break;
        if (ended_) return;
        clean_up_();
        std::cerr << "lakeferry: interrupted\n";
        ::_exit(1);
    });
}

interruption::~interruption()
{
    ended_ = true;
    waiter_.join();
    const sigset_t set = watched();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace lakeferry::daemon
