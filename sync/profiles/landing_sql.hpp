// Every statement that Profiles Sync sends, as text. Pure. The properties that make them safe to repeat stand
// with each; tests/workspace runs them on a real engine.
#pragma once

#include "sync/core/table.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::profiles {

// Where a space lands, and the names of the two helpers that live in its schema.
struct place {
    std::string catalog{};
    std::string schema{};
    std::string volume{};  // staging volume, in the schema

    std::string table(std::string_view name) const;  // quoted `catalog`.`schema`.`name`
    std::string volume_path() const;                 // "/Volumes/catalog/schema/volume"
};

inline constexpr std::string_view fence_table = "_lakeferry_loads";
// Its row for all tables at once: moved when another daemon takes the schema over.
inline constexpr std::string_view every_table = "*";

// Who lands in the schema; stands in the properties of the fence table.
struct lease_holder {
    std::string id{};     // of the state directory
    std::string space{};
    std::string host{};
    std::string since{};  // a time, as text
    std::uint64_t term = 1;  // one more with every take-over
};
std::string lease_property(std::string_view name);  // "lakeferry.owner", …

// Who sends a statement and for which load: the comment that begins the text, by which a lost statement is found.
struct statement_label {
    std::string space{};
    std::uint64_t run = 0;
    std::uint64_t load = 0;  // 0: not a load
};

// The value of the query tag "lakeferry_load" of a load's statement; part counts from 0.
std::string load_tag(std::string_view space, std::uint64_t load, std::size_t part);

std::string create_schema(const place& at, const statement_label& label);
std::string create_volume(const place& at, const statement_label& label);
// IF NOT EXISTS; with comments and clustering.
std::string create_table(const place& at, const core::table& t, const statement_label& label);
// One statement for all columns: every ALTER aborts whoever writes the table at that moment.
std::string add_columns(const place& at, std::string_view table, std::span<const core::column> columns,
                        const statement_label& label);
// Bookkeeping: fences, the owner, and the reports of runs.
core::table fence_table_definition();
std::string create_fence_table(const place& at, const lease_holder& owner, const statement_label& label);
// The same texts as parts of a script, without the comment that begins a statement. The fence table's fails where it
// exists: who makes it has the lease, and nobody else goes on to the parts behind it.
std::string schema_part(const place& at);
std::string volume_part(const place& at);
std::string table_part(const place& at, const core::table& t);
std::string fence_table_part(const place& at, const lease_holder& owner);
// SQL scripting: https://docs.databricks.com/aws/en/sql/language-manual/control-flow/compound-stmt. Not atomic: the
// first part that fails ends it, and what was made stays.
std::string script(std::span<const std::string> parts);
// A whole statement, with its header.
bool is_script(std::string_view statement) noexcept;
// A script of its own, that makes what a schema lacks.
std::string set_up_script(std::span<const std::string> parts, const statement_label& label);
std::string set_holder(const place& at, const lease_holder& owner, const statement_label& label);
// One column, "fence": the number at which loads of the table are stopped.
std::string read_fence(const place& at, std::string_view table, const statement_label& label);

// Append-only, from staged files. Idempotent by file name: sent twice, the second loads nothing.
std::string copy_into(const place& at, const core::table& t, std::string_view folder,
                      std::span<const std::string> files, const statement_label& label);

// Append-only, rows in the parameter :rows (a JSON array of objects with every column as text), or in staged files (path: of
// one, or a pattern). Insert-only by the table's row key (id with received_at where the table has them, else seq); sent
// twice, the second inserts nothing.
struct append_source {
    std::string since{};  // the smallest received_at (or seq) of the rows, which prunes old files
    std::string path{};
};
std::string merge_rows(const place& at, const core::table& t, const append_source& from, const statement_label& label);
// The same as the part of a script; and a count of the rows of staged files that the table has by then.
std::string merge_rows_part(const place& at, const core::table& t, const append_source& from);
std::string count_rows(const place& at, const core::table& t, const append_source& from);

// Keyed tables: guarded by seq, fenced by the load number. Sent twice it changes nothing, and an old load
// that commits after its successor changes nothing. The source is staged files, or the parameter :rows.
struct keyed_source {
    std::string path{};  // of one file, or a pattern; empty: rows travel in :rows
    std::string low{};     // smallest and greatest value of the first key column, for pruning
    std::string high{};
};
std::string merge_keyed(const place& at, const core::table& t, const keyed_source& from,
                        const statement_label& label);
// Parts of such statements: the SELECT list with a cast a column; rows out of the parameter :rows,
// all columns as text, or out of staged files, typed; the INSERT of every column of `s`.
std::string typed_columns(const core::table& t);
std::string rows_of_parameter(const core::table& t, bool with_op);
std::string rows_of_files(const core::table& t, std::string_view path, bool with_op);
std::string insert_all(const core::table& t);
// The comment that begins the statement of a load.
std::string load_header(const statement_label& label, std::string_view table);
// True while no newer load of the table, and no other owner of the schema, has moved the fence to this load or beyond.
std::string fence_guard(const place& at, std::string_view table, std::uint64_t load);

// The report of a run, as a row of the fence table.
struct report_row {
    std::string key{};        // "run 3f2a… 17": of which state directory, and which run
    std::uint64_t run = 0;
    std::string report{};     // JSON
};
// Numbers in reports that only the statement itself can fill in, when it runs behind what it counts in a closing script: as the
// reports have them, and what is to be added to the count for the true one.
using late_numbers = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
// Moves the fences of all these tables, {table, load}, never backwards, and adds reports; a report that is there already
// stays as it is. forget_before: removes reports of runs before this one; 0: none.
std::string move_fences(const place& at, std::span<const std::pair<std::string, std::uint64_t>> fences,
                        const statement_label& label, std::span<const report_row> reports = {},
                        std::uint64_t forget_before = 0);
// The same as the part of a script.
std::string fences_part(const place& at, std::span<const std::pair<std::string, std::uint64_t>> fences,
                        std::span<const report_row> reports, std::uint64_t forget_before, const late_numbers& late = {});
// A load as one script with the fences and reports behind it. It answers the count, a SELECT of one number, as
// num_affected_rows.
std::string closing_script(std::string load, std::string_view count, std::string fences);

// Did a load of an append-only table commit? One row of it is enough, since a load is one statement. Parameters
// :key and, where the table has received_at, :at. One column, "found".
std::string probe(const place& at, const core::table& t, const statement_label& label);
// The column that tells rows of an append-only table apart: "id" or "seq".
std::string_view row_key(const core::table& t) noexcept;
// The column whose smallest value prunes what rows with that key are looked for in: "received_at" or "seq".
std::string_view since_column(const core::table& t) noexcept;

}  // namespace lakeferry::profiles
