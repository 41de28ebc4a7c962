// Test Connection: every requirement of Profiles Sync, one by one, each with its state and what to do. Segment's public
// docs, "Profiles Sync: Databricks" for the requirements; Databricks' public docs, "Unity Catalog privileges".
#pragma once

#include "auth/token_source.hpp"
#include "sync/core/space_config.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/identity.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/databricks/warehouses.hpp"
#include "sync/profiles/landing_sql.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// missing: a run would fail. advice: it works, yet something is to be said. unknown: could not be looked at, the text
// says why.
enum class requirement_state { ok, missing, advice, unknown };
const char* to_string(requirement_state s) noexcept;

struct requirement {
    std::string id{};     // "host", "tls", "token", "entitlement", "http_path", "warehouse", "warehouse_size", …
    std::string title{};  // "USE CATALOG on main"
    requirement_state state = requirement_state::unknown;
    std::string text{};   // what was seen; where missing: cause and cure
    std::string grant{};  // the statement for an administrator; empty: none helps
};

struct connection_report {
    std::vector<requirement> lines{};
    std::string principal{};

    // Nothing is missing and nothing that a run needs is unknown.
    bool ready() const noexcept;
    // For an administrator to paste, in order, each once.
    std::vector<std::string> grants() const;
};

struct connection_parts {
    rt::time_source& time;
    auth::token_source& tokens;
    databricks::workspace& door;
    databricks::statements& statements;
    databricks::warehouse_registry& warehouses;
};

struct connection_options {
    bool wake = true;              // start a sleeping warehouse and run SELECT 1 on it
    rt::deadline limit{};          // of the whole test
    // Who asks: to be compared with the owner of the schema. Without an id (the store is not at hand) host and space
    // tell.
    lease_holder self{};
    std::string succession{};      // in words: a take-over that is not settled; empty: none
    // Called with every line as soon as it is decided. Optional.
    std::function<void(const requirement&)> on_line{};
};

// Changes nothing in the workspace but that the warehouse may wake. Never fails: what goes wrong is in the lines.
rt::awaitable<connection_report> test_connection(connection_parts with, core::space_config config,
                                                 connection_options options);

// ---- the decisions, without I/O --------------------------------------------------------------------------

// host, tls and token, from what asking for a token came to (nullopt: a token came).
std::vector<requirement> judge_token(const std::optional<rt::failure>& failed, const std::string& host);
// What is said about a warehouse besides that it runs: size, kind, clusters, sleep.
std::vector<requirement> judge_warehouse(const databricks::warehouse_info& w);

// What the catalog said about one object: nullopt of `info` is "not there, or hidden".
struct seen_object {
    std::optional<databricks::securable_info> info{};
    databricks::privileges rights{};
    std::optional<rt::failure> failed{};  // could not be looked at
};
struct seen_objects {
    seen_object catalog{};
    seen_object schema{};
    seen_object volume{};
};
// catalog, USE CATALOG, CREATE SCHEMA, USE SCHEMA, SELECT, MODIFY, CREATE TABLE, volume.
std::vector<requirement> judge_privileges(const seen_objects& seen, const core::space_config& config,
                                          const std::string& principal);
// Whose the schema is. nullopt: nobody's so far.
requirement judge_lease(const std::optional<lease_holder>& by, const lease_holder& self);

}  // namespace lakeferry::profiles
