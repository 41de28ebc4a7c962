// Which identifiers a call carries.
#pragma once

#include "sync/core/call.hpp"
#include "sync/identity/rules.hpp"

#include <string>
#include <vector>

namespace lakeferry::identity {

struct found_identifier {
    std::string type{};
    std::string value{};

    friend bool operator==(const found_identifier&, const found_identifier&) = default;
};

struct found_identifiers {
    std::vector<found_identifier> left{};     // in priority order, blocked ones taken off
    std::vector<found_identifier> blocked{};  // in the order of their places, as sent
};

found_identifiers find_identifiers(const core::call& call, const rules& by);

}  // namespace lakeferry::identity
