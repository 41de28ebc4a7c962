#include "daemon/cli/memory.hpp"

#include <malloc.h>

#include <cstddef>

namespace lakeferry::daemon {

namespace {

constexpr int mib = 1 << 20;

}  // namespace

void set_up_memory() noexcept
{
#ifdef M_ARENA_MAX
    // glibc gives each thread an arena of its own, and what one thread frees another cannot use: blocks of calls and rows
    // wander from thread to thread, so the peak is 40 % higher with many arenas, and no work is done faster.
    (void)::mallopt(M_ARENA_MAX, 1);
    // Without this glibc raises the threshold to the largest block that was ever freed: staged files would come from the
    // heap, between small blocks that stay, and their memory would never go back to the system. Not lower: bodies of
    // requests and chunks of imports, which come and go all the time, would be mapped anew each time (imports take 60 %
    // longer with 512 KiB).
    (void)::mallopt(M_MMAP_THRESHOLD, mib);
    (void)::mallopt(M_TRIM_THRESHOLD, 4 * mib);
#endif
}

void return_memory() noexcept
{
#ifdef M_ARENA_MAX
    constexpr std::size_t worth_it = std::size_t{8} * mib;
    if (::mallinfo2().fordblks >= worth_it) (void)::malloc_trim(0);
#endif
}

}  // namespace lakeferry::daemon
