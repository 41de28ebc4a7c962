// What Test Connection says at a terminal.
#pragma once

#include "sync/profiles/connection_test.hpp"

#include <string>

namespace lakeferry::daemon {

void print_requirement(const profiles::requirement& r);
// The GRANTs that are missing, as one block to paste, and whether the space is ready.
void print_verdict(const std::string& space, const profiles::connection_report& r);

}  // namespace lakeferry::daemon
