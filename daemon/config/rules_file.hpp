// Identity rules on their own, for `lakeferry identity preview`.
#pragma once

#include "daemon/config/problem.hpp"
#include "sync/core/space_config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::daemon {

// The rules in a space's file, or in a file that holds only its [identity] part; what else a space's file says is not
// looked at, but for names that nobody knows. nullopt: there are findings in `out`; also where the file has neither
// [identity] nor anything else of a space.
std::optional<core::identity_settings> parse_rules_file(std::string_view text, const std::string& file, problems& out);

}  // namespace lakeferry::daemon
