// What is wrong with a configuration, in words for the person who must mend it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

// One finding. line 0: the whole file. key: "profiles_sync.every", empty where no key is to blame.
// what: what is wrong; cure: what to do about it. Never a secret.
struct problem {
    std::string file{};
    unsigned line = 0;
    std::string key{};
    std::string what{};
    std::string cure{};

    friend bool operator==(const problem&, const problem&) = default;
};

using problems = std::vector<problem>;

// "/etc/lakeferry/spaces.d/acme.toml:12: profiles_sync.every: is shorter than a minute; write "1m" or more".
std::string to_text(const problem& p);
// One line each.
std::string to_text(const problems& all);

// The known name that a typing error most likely meant; empty if none is near.
std::string nearest_name(std::string_view written, const std::vector<std::string>& known);

}  // namespace lakeferry::daemon
