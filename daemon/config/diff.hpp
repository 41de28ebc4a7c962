// What changed between two configurations.
#pragma once

#include "daemon/config/settings.hpp"

#include <string>
#include <vector>

namespace lakeferry::daemon {

// A setting that cannot change while the daemon runs.
struct restart_change {
    std::string key{};
    std::string old_value{};
    std::string new_value{};

    friend bool operator==(const restart_change&, const restart_change&) = default;
};

struct config_diff {
    std::vector<std::string> added{};
    std::vector<std::string> removed{};
    std::vector<std::string> changed{};
    std::vector<std::string> same{};
    bool log_changed = false;  // the level; applied at once
    std::vector<restart_change> needs_restart{};

    bool nothing() const noexcept
    {
        return added.empty() && removed.empty() && changed.empty() && !log_changed && needs_restart.empty();
    }
};

config_diff compare(const snapshot& old_one, const snapshot& new_one);

// "2 added (a, b), 1 changed (c), 7 untouched".
std::string to_text(const config_diff& d);

}  // namespace lakeferry::daemon
