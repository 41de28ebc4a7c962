// Who the workspace takes us for. Databricks' public docs: REST API, SCIM "Me".
#pragma once

#include "sync/databricks/rest.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::databricks {

struct identity {
    std::string id{};
    std::string user_name{};  // application id of a service principal: what a GRANT names
    std::string display_name{};
    bool active = true;
    std::vector<std::string> groups{};
    std::vector<std::string> entitlements{};

    bool has_entitlement(std::string_view name) const noexcept;
    // databricks-sql-access, or workspace-access, which implies it.
    bool may_use_sql() const noexcept;
};

rt::outcome<identity> parse_identity(std::string_view body);

// Also tells the door whom a GRANT must name.
rt::awaitable<rt::outcome<identity>> me(workspace& door, rt::deadline limit);

}  // namespace lakeferry::databricks
