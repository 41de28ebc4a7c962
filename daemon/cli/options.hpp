// The command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::daemon {

enum class command { run, check, config_check, config_show, import, sync, status, refused, reload, pause, resume,
                     why, identity_observations, identity_preview, erase, erasures, suppress,
                     backfill, retype, optimize, jobs, loads, takeover, init };

// What table commands take.
struct table_options {
    std::vector<std::string> names{};
    std::string column{};    // "table.column"
    std::string type{};
    bool rescue = false;
    bool wait = true;
    std::uint64_t accept = 0;  // number of a load
    std::uint64_t resend = 0;
};

// What init takes; empty: to be asked for.
struct init_options {
    bool interactive = true;
    bool check = true;  // look at the workspace while the answers come
    std::string name{};
    std::string workspace_url{};
    std::string port{};
    std::string client_id{};
    std::string client_secret_file{};
    std::string http_path{};
    std::string catalog{};
    std::string schema{};
    std::string source{"website"};
    std::string every{"1h"};
};

struct cli_options {
    command what = command::run;
    std::string config{"/etc/lakeferry/lakeferry.toml"};
    bool config_named = false;  // by --config: then it must be there
    std::string socket{};  // empty: as configured
    bool json = false;
    std::string space{};
    std::vector<std::string> files{};
    std::string source{};
    std::string rejected{};
    std::string refill{};  // import: the table that alone is to be filled
    std::string reason{};  // pause
    table_options table{};
    init_options init{};
    bool again = false;
    bool wait = false;
    bool all = false;  // sync: every space that is not paused
    bool wake = true;
    bool settled = false;  // takeover: only end the notice about the profiles of the other daemon
    unsigned most = 20;
    std::vector<std::string> persons{};  // why: one, or two
    std::string rules{};                 // identity preview: the file with the changed rules
    bool landed = false;                 // … over what stands in the event tables
    std::string profiles_out{};          // … where the profiles go
    std::string reference{};   // erase: the caller's own name for the request
    bool suppress = false;
    bool vacuum = false;
    bool dry_run = false;
    bool erase_wait = true;
    bool lift = false;         // suppress: the opposite
    std::uint64_t number = 0;  // erasures: one of them
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
