// Another type for a column of a landed table, as SQL. Pure; tests/workspace runs the statements on a real engine.
#pragma once

#include "sync/core/table.hpp"
#include "sync/profiles/landing_sql.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

// A column as the warehouse has it.
struct landed_column {
    std::string name{};
    std::string type{};  // as DESCRIBE writes it: "bigint"
    std::string comment{};
};

// The value of `expression` (of type `from`) as `to`, NULL where something would be lost: numbers that are not whole or
// have too many digits, texts that are not exactly what the value is printed as.
std::string exact_cast(const std::string& expression, std::string_view from, core::column_type to);

// One row: how many values of the column do not fit the new type ("lost"), how many rescued ones do ("back").
std::string retype_check(const place& at, std::string_view table, const landed_column& column, core::column_type to,
                         const statement_label& label);

// CREATE OR REPLACE TABLE … AS SELECT from itself: readers see the table before or after, never between. Values that do
// not fit go to _rescued_data, rescued values that fit come back. Sent again on its own result it changes nothing.
std::string retype_table(const place& at, const core::table& t, std::span<const landed_column> columns,
                         std::string_view column, core::column_type to, const statement_label& label);

// Comments that a table lost when it was replaced, one statement each.
std::string comment_on_column(const place& at, std::string_view table, std::string_view column, std::string_view comment,
                              const statement_label& label);

}  // namespace lakeferry::profiles
