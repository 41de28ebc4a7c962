// The configuration as it is in effect, defaults included. Secrets appear as references, write keys shortened.
#pragma once

#include "daemon/config/settings.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lakeferry::daemon {

// One setting: its dotted key and its value as TOML writes it.
using setting = std::pair<std::string, std::string>;
std::vector<setting> effective_settings(const daemon_settings& global);

// As one TOML text: lakeferry.toml, then each space's file under a comment that names it.
std::string effective_toml(const snapshot& s);
std::string effective_json(const snapshot& s);

}  // namespace lakeferry::daemon
