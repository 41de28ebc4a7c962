// Another type for a column that values brought: in the tables as resolution knows them, and in the rows that wait.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <string>

namespace lakeferry::identity {

// Why a column cannot have another type: "retype.unknown" (no such table or column), "retype.fixed" (one of Lakeferry's
// own columns, or one that follows another table's). Blocking.
rt::outcome<core::column> retypable_column(store::store& in, std::uint32_t space, const std::string& table,
                                           const std::string& column);

// From now on rows are encoded for the new type. Blocking, and only while nothing is being resolved. Durable.
rt::outcome<void> change_column_type(store::store& in, std::uint32_t space, const std::string& table,
                                     const std::string& column, core::column_type to);

struct rewritten {
    std::uint64_t rows = 0;        // that had the column, or a rescued value of it
    std::uint64_t taken_back = 0;  // out of _rescued_data
    std::uint64_t rescued = 0;     // into it: they do not fit the new type
};
// Rows of the table that wait in the outbox, both lanes, as the column's present type wants them. Repeating it changes
// nothing more, so a crash half-way does no harm. Blocking; nothing may be staged from the table meanwhile.
rt::outcome<rewritten> rewrite_waiting_rows(store::store& in, std::uint32_t space, const std::string& table,
                                            const std::string& column);

// One row of ours with the column as `to` wants it; for rewrite_waiting_rows and tests. The line has no line feed.
std::string retype_row(std::string_view line, const std::string& column, core::column_type to, rewritten& counts);

}  // namespace lakeferry::identity
