// The command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::daemon {

enum class command { run, check, config_check, config_show, import, sync, status, refused, reload, pause, resume };

struct cli_options {
    command what = command::run;
    std::string config{"/etc/lakeferry/lakeferry.toml"};
    std::string socket{};  // empty: as configured
    bool json = false;
    std::string space{};
    std::vector<std::string> files{};
    std::string source{};
    std::string rejected{};
    bool again = false;
    bool wait = false;
    bool wake = true;
    unsigned most = 20;
};

// Exit statuses, as documented.
namespace exit_status {
inline constexpr int ok = 0;
inline constexpr int failed = 1;            // it was tried and did not succeed
inline constexpr int usage = 64;            // wrong command line
inline constexpr int unavailable = 69;      // no daemon answers
inline constexpr int locked = 75;           // another daemon uses the state directory
inline constexpr int configuration = 78;    // wrong configuration
}  // namespace exit_status

// nullopt: exit with `status` (help and version: 0, a wrong command line: exit_status::usage); what there was to say
// has been printed.
std::optional<cli_options> parse_command_line(int argc, const char* const* argv, int& status);

}  // namespace lakeferry::daemon
