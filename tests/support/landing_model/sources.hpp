// Where the landing's statements take columns and rows from. Knows the shapes of those statements alone.
#pragma once

#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/landing_model/sql_words.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lakeferry::test {

// "`a` STRING COMMENT 'x', `b` BIGINT" → columns.
std::vector<databricks::column_info> definitions(const std::vector<sql_word>& words);

// The names after AS in "CAST(`a` AS STRING) AS `a`, …".
std::vector<std::string> selected(const std::vector<sql_word>& words);

// `read_files('path', format => 'parquet', schema => '…')` in a source; an empty path: the rows are passed.
struct files_read {
    std::string path{};
    fake_databricks::file_request how{};
};
files_read read_files_of(const std::vector<sql_word>& source);
// Nullopt: there is no such file. The path may hold one "*".
std::optional<std::vector<fake_databricks::row>> staged_rows(fake_databricks::fake_workspace& on, const files_read& from);

}  // namespace lakeferry::test
