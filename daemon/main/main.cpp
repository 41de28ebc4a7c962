#include "daemon/cli/commands.hpp"
#include "daemon/cli/memory.hpp"

#include <csignal>
#include <exception>
#include <iostream>

int main(int argc, char** argv)
{
    lakeferry::daemon::set_up_memory();
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
