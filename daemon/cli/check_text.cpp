#include "daemon/cli/check_text.hpp"

#include "daemon/cli/text.hpp"

#include <iostream>

namespace lakeferry::daemon {

using profiles::requirement_state;

void print_requirement(const profiles::requirement& r)
{
    const char* mark = r.state == requirement_state::ok        ? "ok      "
                       : r.state == requirement_state::missing ? "MISSING "
                       : r.state == requirement_state::advice  ? "advice  "
                                                               : "unknown ";
    std::cout << "  " << mark << printable(r.title);
    if (!r.text.empty()) std::cout << ": " << printable(r.text);
    std::cout << std::endl;
}

void print_verdict(const std::string& space, const profiles::connection_report& r)
{
    const auto grants = r.grants();
    if (!grants.empty()) {
        std::cout << "\nFor an administrator, to paste into a SQL editor:\n\n";
        for (const auto& one : grants) std::cout << one << (one.ends_with(';') ? "\n" : ";\n");
    }
    std::cout << (r.ready() ? "\n" + space + " is ready.\n" : "\n" + space + " is not ready: see the lines above.\n");
}

}  // namespace lakeferry::daemon
