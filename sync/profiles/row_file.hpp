// Rows of a table, as the outbox has them, into the columns of a Parquet file.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/parquet/file_writer.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lakeferry::profiles {

// Columns have the types of the table, so that nothing is left to cast; keyed tables have the operation, `_op`, first.
// What a row has besides is left out. Worker threads; one file at a time.
class row_file {
public:
    row_file(const core::table& t, std::size_t group_bytes_max, std::size_t file_bytes = 0);
    ~row_file();
    row_file(const row_file&) = delete;
    row_file& operator=(const row_file&) = delete;

    // JSON objects, one a line. "outbox.damaged" (never) where a line is none, or a value is not of its column's type.
    rt::outcome<void> add(std::string_view lines);

    std::size_t written() const noexcept { return file_.written(); }
    std::uint64_t rows() const noexcept { return file_.rows(); }
    std::string take() { return file_.take(); }

private:
    class reader;
    struct parser;

    std::string table_;
    parquet::file_writer file_;
    std::unordered_map<std::string_view, std::size_t> places_{};  // of the writer's schema
    std::unique_ptr<parser> parser_;
};

}  // namespace lakeferry::profiles
