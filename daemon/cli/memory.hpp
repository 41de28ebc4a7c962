// How the process gets memory from the system, and gives it back. glibc's allocator; with another one nothing happens.
#pragma once

namespace lakeferry::daemon {

// Before the first thread.
void set_up_memory() noexcept;

// Gives back what is free between blocks that are in use, if it is worth it. Takes milliseconds and lets other threads
// wait meanwhile: every few seconds at most.
void return_memory() noexcept;

}  // namespace lakeferry::daemon
