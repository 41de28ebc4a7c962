// Reads a whole configuration: lakeferry.toml and every file of spaces.d. Blocks on the disk.
#pragma once

#include "daemon/config/settings.hpp"

#include <memory>
#include <optional>
#include <string>

namespace lakeferry::daemon {

struct load_options {
    std::string file{"/etc/lakeferry/lakeferry.toml"};
    // systemd's $CREDENTIALS_DIRECTORY; empty: the process was not given any.
    std::string credentials_directory{};
    // Without a credentials directory nothing can be said about credentials: a notice (checking by hand) or a
    // finding (about to run).
    bool credentials_needed = true;
};

struct load_result {
    std::shared_ptr<const snapshot> config{};  // null if there are findings
    problems found{};                          // all of them, by file and line
    problems notices{};                        // worth knowing, no reason to refuse
};

load_result load_configuration(const load_options& options);

// The text of one of its files; nullopt: it cannot be read, and why stands in `out`.
std::optional<std::string> read_configuration_file(const std::string& file, const std::string& cure, problems& out);

}  // namespace lakeferry::daemon
