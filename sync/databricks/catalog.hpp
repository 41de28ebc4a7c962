// Unity Catalog: what exists and who may do what. Databricks' public docs: REST API, Unity Catalog.
#pragma once

#include "sync/databricks/identity.hpp"
#include "sync/databricks/rest.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::databricks {

struct metastore_info {
    std::string id{};
    std::string workspace_id{};
    std::string default_catalog{};
};

struct securable_info {  // a catalog, a schema or a volume
    std::string full_name{};
    std::string owner{};
    std::string type{};  // catalog_type or volume_type
    std::string comment{};
};

struct column_info {
    std::string name{};
    std::string type_text{};  // "bigint", as the catalog writes it
    std::string comment{};
    bool nullable = true;
};

struct table_info {
    std::string full_name{};
    std::string name{};
    std::string type{};    // "MANAGED", "VIEW", …
    std::string format{};  // "DELTA"
    std::string owner{};
    std::string comment{};
    std::vector<column_info> columns{};
    std::map<std::string, std::string> properties{};  // those that begin with "lakeferry."
    // Databricks optimizes it by itself (effective_predictive_optimization_flag; inherited from schema, catalog, account).
    bool predictive_optimization = false;

    // Compared without case, as the catalog does.
    const column_info* find(std::string_view column_name) const noexcept;
};

// nullopt: it is the name of a catalog that Unity Catalog could hold; else "catalog.not_unity" (hive_metastore,
// spark_catalog) or "catalog.malformed".
std::optional<rt::failure> refuse_catalog_name(std::string_view catalog);

// Failure "catalog.not_unity" when the workspace has no metastore.
rt::awaitable<rt::outcome<metastore_info>> metastore_assignment(workspace& door, rt::deadline limit);

// nullopt: it does not exist, or it is hidden from the principal (which looks the same).
rt::awaitable<rt::outcome<std::optional<securable_info>>> get_catalog(workspace& door, std::string catalog, rt::deadline limit);
rt::awaitable<rt::outcome<std::optional<securable_info>>> get_schema(workspace& door, std::string catalog, std::string schema, rt::deadline limit);
rt::awaitable<rt::outcome<std::optional<securable_info>>> get_volume(workspace& door, std::string catalog, std::string schema, std::string volume, rt::deadline limit);
// Can lag behind an ALTER TABLE for a moment.
rt::awaitable<rt::outcome<std::optional<table_info>>> get_table(workspace& door, std::string catalog, std::string schema, std::string table, rt::deadline limit);

rt::awaitable<rt::outcome<std::vector<securable_info>>> list_schemas(workspace& door, std::string catalog, rt::deadline limit);
// All tables of a schema with their columns, all pages. Failure "schema.not_found".
rt::awaitable<rt::outcome<std::vector<table_info>>> list_tables(workspace& door, std::string catalog, std::string schema, rt::deadline limit);

// What a principal holds on one securable, inherited and by its groups.
struct privileges {
    std::set<std::string> held{};  // "USE CATALOG", with spaces
    bool owner = false;

    // Ownership and ALL PRIVILEGES imply it (ALL PRIVILEGES does not imply MANAGE).
    bool has(std::string_view privilege) const;
};

enum class securable { catalog, schema, table, volume };
const char* to_string(securable s) noexcept;  // "catalog", as in the path of the API

// Effective grants of `who` and of its groups. owner is left false: read it from get_*().
// A grant list that the principal may not read for a group is passed over.
rt::awaitable<rt::outcome<privileges>> effective_privileges(workspace& door, securable kind, std::string full_name, identity who, rt::deadline limit);

}  // namespace lakeferry::databricks
