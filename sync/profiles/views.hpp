// Views in a space's schema: the same facts as the tables, in the shape that people ask for. They cost no statement in
// a run and cannot be out of date.
#pragma once

#include "sync/profiles/landing_sql.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

struct view_column {
    std::string name{};
    std::string select{};  // expression over the view's source
    std::string comment{};
};

struct view {
    std::string name{};
    std::vector<view_column> columns{};
    std::string source{};             // behind FROM, where the schema's tables are named by {table}
    std::vector<std::string> needs{};  // tables that must be there
    std::string comment{};
};

inline constexpr std::string_view runs_view = "_lakeferry_syncs";

// id_graph and external_id_mapping (over the current tables if there are any, else over the update tables), and
// _lakeferry_syncs.
std::vector<view> views(bool materialized);
std::string create_view(const place& at, const view& v, const statement_label& label);
// The same as part of a script.
std::string view_part(const place& at, const view& v);

}  // namespace lakeferry::profiles
