// A small model of Delta tables: what the landing's statements do to them, without SQL. A test's executor reads
// the statement texts and calls these; errors come as a warehouse would say them.
#pragma once

#include "sync/databricks/catalog.hpp"
#include "sync/databricks/statement_messages.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::fake_databricks {

using databricks::cell;
using row = std::map<std::string, cell>;  // by column name; a column that is not there is NULL

struct fake_table {
    std::string full_name{};  // "main.acme.tracks"
    std::vector<databricks::column_info> columns{};
    std::vector<row> rows{};
    std::set<std::string> loaded_files{};  // COPY INTO's memory
    std::uint64_t version = 0;             // commits
    std::string comment{};
    std::string type{"MANAGED"};
    std::map<std::string, std::string> properties{};
};

// What a statement comes to: counts, or an error.
struct change {
    std::optional<databricks::statement_error> error{};
    std::int64_t inserted = 0;
    std::int64_t updated = 0;
    std::int64_t deleted = 0;
    std::int64_t skipped_files = 0;

    std::int64_t affected() const noexcept { return inserted + updated + deleted; }
};

databricks::statement_error sql_error(std::string sql_state, std::string error_class, std::string text);

// Names are "catalog.schema.table", compared without case.
class fake_tables {
public:
    // What a scan of a staged file gives, or nullopt: no such file.
    using file_reader = std::function<std::optional<std::vector<row>>(const std::string& path)>;

    std::optional<databricks::statement_error> create_schema(const std::string& full_name, bool if_not_exists);
    std::optional<databricks::statement_error> drop_schema(const std::string& full_name);  // with its tables
    bool has_schema(const std::string& full_name) const;
    std::vector<std::string> schemas() const;

    std::optional<databricks::statement_error> create(const std::string& full_name,
                                                      std::vector<databricks::column_info> columns,
                                                      bool if_not_exists,
                                                      std::string comment = {});
    std::optional<databricks::statement_error> drop(const std::string& full_name, bool if_exists);
    std::optional<databricks::statement_error> add_columns(const std::string& full_name,
                                                           std::vector<databricks::column_info> columns);
    fake_table* find(const std::string& full_name);
    const fake_table* find(const std::string& full_name) const;
    std::vector<std::string> names() const;  // in order

    // COPY INTO … FILES: every path once in the table's life. A file that is gone, or a selected column that the table
    // lacks, is an error and nothing changes. `selected`: the columns of the SELECT.
    change copy_into(const std::string& full_name,
                     const std::vector<std::string>& selected,
                     const std::vector<std::string>& paths,
                     const file_reader& read);

    // MERGE … WHEN NOT MATCHED THEN INSERT on `key`.
    change insert_new(const std::string& full_name, const std::vector<std::string>& key, const std::vector<row>& rows);

    // The guarded MERGE: `op` column 'delete' or anything else, only where t.seq < s.seq (as numbers); matched
    // on `key`; two source rows for one key are SQLSTATE 21506. `update`: columns set and inserted.
    // fence: {table_name, load}: nothing happens unless the fence of table_name is below load.
    struct fence_guard {
        std::string fence_table{};
        std::string table_name{};
        std::int64_t load = 0;
    };
    change merge_keyed(const std::string& full_name,
                       const std::vector<std::string>& key,
                       const std::vector<std::string>& update,
                       const std::vector<row>& rows,
                       const std::optional<fence_guard>& fence,
                       const std::string& seq_column = "seq",
                       const std::string& op_column = "_op");

    // load_seq of a table, or of "*", in the fence table (columns table_name, load_seq), whichever is greater; 0: none.
    std::int64_t fence_of(const std::string& fence_table, const std::string& table_name) const;
    // Never moves backwards.
    change move_fence(const std::string& fence_table, const std::string& table_name, std::int64_t load);

    // All rows as sorted text, one line a row, for comparing two runs. `without`: columns to leave out.
    std::vector<std::string> dump(const std::string& full_name, const std::set<std::string>& without = {}) const;

private:
    std::optional<databricks::statement_error> check_columns(const fake_table& t,
                                                             const std::vector<std::string>& names) const;

    std::set<std::string> schemas_;
    std::map<std::string, fake_table> tables_;
};

// Rows of newline-separated JSON objects, gzip or plain. Scalars become text as `primitivesAsString` reads them,
// objects and arrays become JSON text; nullopt: malformed.
std::optional<std::vector<row>> read_ndjson(std::string_view bytes);
// Of a JSON array of objects (the `:rows` of from_json).
std::optional<std::vector<row>> read_json_rows(std::string_view json);

// How a statement wants a staged file read.
struct file_request {
    std::string format{};  // "json" or "parquet"; empty: whichever the file is
    std::vector<std::string> needs{};  // columns that are selected by name; a Parquet file without one is an error
    // The schema of read_files. A Parquet file's column of another type is an error, one that it lacks is NULL, and one
    // that the schema lacks is not read. Rows of JSON are read as they are.
    std::vector<databricks::column_info> schema{};
};
// Rows of a staged file: Parquet where its bytes are ("PAR1" in front), else newline-separated JSON. nullopt, with the
// reason in `why`: malformed, not of the format, or not of the schema.
std::optional<std::vector<row>> read_staged(std::string_view bytes, const file_request& how, std::string& why);

}  // namespace lakeferry::fake_databricks
