// Invariants that stay on in release builds. Never for input of a peer: that is validated.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace lakeferry::rt {

[[noreturn]] inline void fail(const char* what,
                              std::source_location at = std::source_location::current())
{
    std::fprintf(stderr, "<2>check failed: %s (%s:%u)\n", what, at.file_name(),
                 static_cast<unsigned>(at.line()));
    std::abort();
}

// Stays on in release builds: a broken invariant ends the process, never the data.
inline void check(bool ok,
                  const char* what,
                  std::source_location at = std::source_location::current())
{
    if (!ok) fail(what, at);
}

}  // namespace lakeferry::rt
