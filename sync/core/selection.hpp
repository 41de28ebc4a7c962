// Selective sync: which tables and columns of a space are landed (Segment's public docs, Profiles Sync: selective
// sync). What is off stops; what has landed stays. Pure and thread-safe.
#pragma once

#include "sync/core/space_config.hpp"
#include "sync/core/table.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::core {

// "*" stands for any characters, none included; every other character for itself.
bool matches_pattern(std::string_view pattern, std::string_view name) noexcept;

// Columns that a table cannot do without: its key, its order, its profile, its time. Never left out. For a name that is
// not one of Lakeferry's own tables: those of the tables of events.
std::span<const std::string_view> needed_columns(std::string_view table) noexcept;

// Why a pattern of select_settings cannot stand there, and what to write instead.
struct pattern_problem {
    std::string what{};
    std::string cure{};
};
std::optional<pattern_problem> check_table_pattern(std::string_view pattern);
std::optional<pattern_problem> check_column_pattern(std::string_view pattern);
// The list as a whole: it leaves nothing, or not what a table that it keeps is made from.
std::optional<pattern_problem> check_table_patterns(std::span<const std::string> patterns);

class selection {
public:
    // Everything.
    selection() = default;
    explicit selection(const select_settings& by) : by_(by) {}

    bool everything() const noexcept { return by_.tables.empty() && by_.columns.empty(); }
    bool all_columns() const noexcept { return by_.columns.empty(); }
    bool table(std::string_view name) const noexcept;
    // Columns that the table needs are always on, and so is _rescued_data: nothing is dropped in silence.
    bool column(std::string_view table, std::string_view column) const noexcept;
    // The table without the columns that are off.
    core::table narrowed(core::table t) const;

private:
    select_settings by_{};
};

}  // namespace lakeferry::core
