// A loop of its own with everything that a command needs to reach a workspace without a daemon.
#pragma once

#include "auth/credential_store.hpp"
#include "sync/core/space_config.hpp"
#include "sync/profiles/connection_test.hpp"

#include <functional>
#include <memory>
#include <string>

namespace lakeferry::daemon {

auth::credential_ref to_auth(const core::secret_ref& ref);

// Blocks its caller until each call has ended; not for a program that has a loop already. Waits for a warehouse are
// told on stderr.
class workspace_bench {
public:
    workspace_bench();
    ~workspace_bench();
    workspace_bench(const workspace_bench&) = delete;
    workspace_bench& operator=(const workspace_bench&) = delete;

    // Test Connection.
    profiles::connection_report test(const core::space_config& config,
                                     bool wake,
                                     const std::function<void(const profiles::requirement&)>& on_line);

    // One look at a time, for settings that are being made. What was seen, in words, or why it does not do.
    // host: the address belongs to a Databricks workspace (its OAuth discovery); needs no principal. Failure
    // "auth.not_databricks".
    rt::outcome<std::string> look_at_host(const core::space_config& config);
    // principal: a token is given out and accepted, and SQL may be used. Failure "entitlement.missing".
    rt::outcome<std::string> look_at_principal(const core::space_config& config);
    // Names and HTTP paths of the SQL warehouses that the principal may see.
    rt::outcome<std::vector<databricks::warehouse_info>> list_warehouses(const core::space_config& config);
    rt::outcome<std::string> look_at_warehouse(const core::space_config& config);
    // The workspace has Unity Catalog, and the catalog is there. Failure "catalog.missing".
    rt::outcome<std::string> look_at_catalog(const core::space_config& config);

private:
    struct body;
    std::unique_ptr<body> body_;
};

}  // namespace lakeferry::daemon
