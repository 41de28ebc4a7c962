// lakeferry.toml as typed settings.
#pragma once

#include "daemon/config/settings.hpp"

#include <string>
#include <string_view>

namespace lakeferry::daemon {

// Findings are added to `out`; what is wrong keeps its default in the result. file: its absolute path; relative
// paths inside are taken from its folder.
daemon_settings parse_daemon_file(std::string_view text, const std::string& file, problems& out);

}  // namespace lakeferry::daemon
