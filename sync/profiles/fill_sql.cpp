#include "sync/profiles/fill_sql.hpp"

#include "sync/core/row.hpp"
#include "sync/core/selection.hpp"
#include "sync/databricks/sql.hpp"

#include <algorithm>

namespace lakeferry::profiles {

namespace {

std::string same(std::string_view column)
{
    const std::string name = databricks::quote_identifier(column);
    return "t." + name + " = s." + name;
}

std::string is_there(const core::table& t)
{
    if (t.name == "id_graph_updates") return same("segment_id") + " AND " + same("canonical_segment_id");
    if (t.name == "external_id_mapping_updates") return same("external_id_hash");
    if (t.name == "profile_traits_updates") {
        // A filled snapshot was caused by no call. Without that column every snapshot is told by its seq alone.
        if (t.find("triggering_event_id") == nullptr) return same("segment_id") + " AND " + same("seq");
        return same("segment_id") + " AND (" + same("seq") + " OR (s.`triggering_event_id` IS NULL AND " +
               same("received_at") + "))";
    }
    return same("id");
}

// What tells the rows of one load apart: the same file may have been read twice.
std::string one_row(const core::table& t)
{
    if (t.name == "id_graph_updates") return "`segment_id`, `canonical_segment_id`";
    if (t.name == "external_id_mapping_updates") return "`external_id_hash`";
    if (t.name == "profile_traits_updates") {
        if (t.find("triggering_event_id") == nullptr) return "`segment_id`, `seq`";
        return "`segment_id`, CASE WHEN `triggering_event_id` IS NULL THEN CAST(`received_at` AS STRING) ELSE CAST(`seq` AS STRING) END";
    }
    return "`id`";
}

// A column that was left out is NULL in rows that are there. The two other logs have no such columns.
bool can_be_lacking(std::string_view table, std::string_view column)
{
    if (table == "id_graph_updates" || table == "external_id_mapping_updates") return false;
    if (column == "uuid_ts" || column == core::rescued_column) return false;
    const auto needed = core::needed_columns(table);
    return std::find(needed.begin(), needed.end(), column) == needed.end();
}

}  // namespace

std::string merge_missing(const place& at, const core::table& t, const std::string& path, const statement_label& label)
{
    std::string names;
    std::string lacking;
    std::string set;
    for (const auto& c : t.columns) {
        const std::string name = databricks::quote_identifier(c.name);
        names += (names.empty() ? "" : ", ") + name;
        if (!can_be_lacking(t.name, c.name)) continue;
        lacking += (lacking.empty() ? "" : " OR ") + ("t." + name) + " IS NULL AND s." + name + " IS NOT NULL";
        set += (set.empty() ? "" : ", ") + name + " = coalesce(t." + name + ", s." + name + ")";
    }
    std::string out = load_header(label, t.name) + "MERGE INTO " + at.table(t.name) + " AS t\nUSING (SELECT " + names +
                      " FROM (SELECT *, row_number() OVER (PARTITION BY " + one_row(t) + " ORDER BY `uuid_ts`) AS _copy FROM (SELECT " +
                      typed_columns(t) + " FROM " + (path.empty() ? rows_of_parameter(t, false) : rows_of_files(t, path, false)) +
                      ")) WHERE _copy = 1) AS s\nON " + is_there(t);
    if (!lacking.empty()) out += "\nWHEN MATCHED AND (" + lacking + ") THEN UPDATE SET " + set;
    return out + "\nWHEN NOT MATCHED THEN " + insert_all(t);
}

std::string sweep_stale(const place& at, const core::table& t, std::uint64_t below, const statement_label& label)
{
    return load_header(label, t.name) + "DELETE FROM " + at.table(t.name) + " WHERE `seq` < CAST(" +
           std::to_string(below) + " AS BIGINT)";
}

}  // namespace lakeferry::profiles
