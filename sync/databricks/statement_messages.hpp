// Messages of the Statement Execution API: building and parsing, no I/O.
// Databricks' public docs: REST API, Statement Execution, "Execute a SQL statement".
#pragma once

#include "net/rt/failure.hpp"
#include "sync/databricks/errors.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::databricks {

// Referred to as :name in the text. No value is NULL. type is any scalar SQL type text.
struct parameter {
    std::string name{};
    std::string type{"STRING"};
    std::optional<std::string> value{};
};

// By which a statement is found again in the query history; at most 20, one value a key.
struct query_tag {
    std::string key{};
    std::string value{};
};

struct statement {
    std::string text{};  // exactly one statement, at most 16 MiB
    std::vector<parameter> parameters{};
    std::string catalog{};  // defaults for names without one; may be empty
    std::string schema{};
    std::vector<query_tag> tags{};
    std::string warehouse_id{};
    bool external_links = false;  // the result is not in the answer: read it with result_stream.hpp
};

enum class statement_state { pending, running, succeeded, failed, canceled, closed, unknown };
const char* to_string(statement_state s) noexcept;
// Nothing will change any more. closed is success whose result is gone.
constexpr bool is_final(statement_state s) noexcept
{
    return s != statement_state::pending && s != statement_state::running &&
           s != statement_state::unknown;
}

struct result_column {
    std::string name{};
    std::string type_text{};  // "BIGINT", "DECIMAL(7,2)", unknown ones as they came
};

using cell = std::optional<std::string>;  // nullopt: NULL; an empty string is an empty string
using result_row = std::vector<cell>;

// Some of a result, and where the next part is.
struct result_chunk {
    std::vector<result_row> rows{};
    std::string next_link{};  // absolute path on the same host; empty: the last one
};

struct statement_status {
    std::string id{};
    statement_state state = statement_state::unknown;
    std::optional<statement_error> error{};  // failed
    std::vector<result_column> columns{};
    result_chunk first{};
    bool truncated = false;
};

// Counts of a data-changing statement, read by column name; absent where the answer has none.
struct statement_counts {
    std::optional<std::int64_t> affected{};
    std::optional<std::int64_t> inserted{};
    std::optional<std::int64_t> updated{};
    std::optional<std::int64_t> deleted{};
    std::optional<std::int64_t> skipped_corrupt_files{};
};

struct statement_result {
    std::string id{};
    std::vector<result_column> columns{};
    std::vector<result_row> rows{};
    statement_counts counts{};
    // The statement succeeded, its result is not available (CLOSED, or 2DKD0: a step after the commit
    // failed). rows and counts say nothing then.
    bool result_lost = false;

    // Position of a column, compared without case; nullopt: no such column.
    std::optional<std::size_t> column_index(std::string_view name) const noexcept;
};

// The body of a submit; wait_timeout is "0s", so that the answer holds the id at once.
std::string submit_body(const statement& what);
// Answer of submit and poll. Failure "statement.bad_answer" (unknown_outcome).
rt::outcome<statement_status> parse_statement_status(std::string_view body);
// Answer of a chunk call.
rt::outcome<result_chunk> parse_result_chunk(std::string_view body);
statement_counts read_counts(const std::vector<result_column>& columns,
                             const std::vector<result_row>& rows);

// A statement as the query history knows it.
struct found_statement {
    std::string id{};
    statement_state state = statement_state::unknown;
    std::int64_t started_ms = 0;
};
struct history_page {
    std::vector<found_statement> matching{};  // carry the tag
    std::string next_page_token{};
};
std::string history_path(std::string_view warehouse_id,
                         std::int64_t since_ms,
                         std::string_view page_token);
rt::outcome<history_page> parse_history(std::string_view body, const query_tag& tag);

}  // namespace lakeferry::databricks
