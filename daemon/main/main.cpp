#include "daemon/cli/commands.hpp"

#include <csignal>
#include <exception>
#include <iostream>

#include <malloc.h>

int main(int argc, char** argv)
{
#ifdef M_ARENA_MAX
    // glibc gives each thread an arena of its own, and what one thread frees another cannot use: blocks of calls and rows
    // wander from thread to thread, so the peak is 40 % higher with many arenas, and no work is done faster.
    (void)::mallopt(M_ARENA_MAX, 1);
#endif
    std::signal(SIGPIPE, SIG_IGN);  // a peer that hangs up is an error of that write, not the end of the process
    try {
        int status = 0;
        const auto options = lakeferry::daemon::parse_command_line(argc, argv, status);
        return options ? lakeferry::daemon::main_command(*options) : status;
    } catch (const std::exception& e) {
        std::cerr << "lakeferry: " << e.what() << "\n";
        return lakeferry::daemon::exit_status::failed;
    }
}
