// The tables of a space: the ones that every space has, with their fixed columns and the data dictionary, and how
// those that events bring are made. Resolution fills them, landing creates them.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::store {
class store;
}

namespace lakeferry::identity {

// Numbers of the fixed tables in outbox keys; tables of events are numbered from first_event_table on.
enum class fixed_table : std::uint32_t {
    id_graph_updates = 1,
    external_id_mapping_updates,
    profile_traits_updates,
    user_traits,
    user_identifiers,
    profile_merges,
    identifies,
    tracks,
    pages,
    screens,
    groups,
    aliases,
    profile_traits,  // filled by landing from the update tables; resolution writes no rows of it
};
inline constexpr std::uint32_t first_event_table = 100;

// A table holds at most this many columns; values of further ones go into _rescued_data and are counted.
inline constexpr std::size_t columns_max = 1500;

// All fixed tables with their fixed columns, in the order of their numbers.
const std::vector<core::table>& fixed_tables();
// A new table for track events of this table name (its number is still 0).
core::table event_table(std::string_view name, std::string_view event_text);
// Comment of a column that appeared with its first value.
std::string dynamic_column_comment(std::string_view table, std::string_view column);

// Where resolution keeps the tables of a space, in the store's family schema: be32 space, "t", table name. The value is
// core::encode_table(). Only resolution writes these.
std::string table_key(std::uint32_t space, std::string_view table);

// A stored table as this version wants it: fixed columns that are new in this version come in.
core::table with_fixed_columns(const core::table& fixed, core::table stored);

// All tables of a space that exist so far, by number: the fixed ones from the start, with the columns that values
// have brought, and one per track event seen. profile_traits has the trait columns of profile_traits_updates. Failures: those of the store, "schema.damaged".
rt::outcome<std::vector<core::table>> known_tables(store::store& in, std::uint32_t space);

}  // namespace lakeferry::identity
