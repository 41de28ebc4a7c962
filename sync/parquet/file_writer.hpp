// Rows of flat, nullable columns as a Parquet file in memory: what the warehouse reads with the least work.
// Source: https://parquet.apache.org/docs/file-format/ (data pages of version 1, dictionaries for texts, zstd)
#pragma once

#include "sync/parquet/column.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::parquet {

struct column_schema {
    std::string name{};
    value_type type = value_type::text;
};

// Worker threads; one file at a time. Memory: the file so far, and the values of one row group.
class file_writer {
public:
    // `group_bytes_max`: values held before they are compressed, at least one row. `file_bytes`: how large a file may
    // become; one of several groups gets that much address space at once, so that it is never copied to grow.
    file_writer(std::vector<column_schema> schema, std::size_t group_bytes_max, std::size_t file_bytes = 0);
    ~file_writer();
    file_writer(const file_writer&) = delete;
    file_writer& operator=(const file_writer&) = delete;

    // Values of the row that is being written: at most one a column, none is null. Columns by their place in the schema.
    void text(std::size_t at, std::string_view value)
    {
        columns_[at].add_text(row_, value);
        added_ += value.size();
    }
    void integer(std::size_t at, std::int64_t value) { columns_[at].add_int(row_, value); }
    void number(std::size_t at, double value) { columns_[at].add_double(row_, value); }
    void boolean(std::size_t at, bool value) { columns_[at].add_boolean(row_, value); }
    bool has(std::size_t at) const noexcept { return columns_[at].has(row_); }
    void end_row();

    const std::vector<column_schema>& schema() const noexcept { return schema_; }
    // Compressed bytes so far, without the row group that is open.
    std::size_t written() const noexcept { return out_.size(); }
    std::uint64_t rows() const noexcept { return rows_ + row_; }
    // Ends the file and hands it over; the object starts a new one.
    std::string take();

private:
    struct chunk {
        std::int64_t begins = 0;
        std::int64_t data_page = 0;
        std::int64_t plain_bytes = 0;
        std::int64_t bytes = 0;
        bool dictionary = false;
    };
    struct group {
        std::vector<chunk> chunks{};
        std::uint32_t rows = 0;
    };
    class compressor;

    void end_group();
    chunk write(column_pages pages);
    void page(chunk& of, std::string_view plain, bool dictionary, std::uint32_t values, bool indexed);
    std::string footer() const;

    std::vector<column_schema> schema_;
    std::size_t group_bytes_max_;
    std::size_t file_bytes_;
    std::deque<column> columns_{};
    std::unique_ptr<compressor> compressor_;
    std::string out_{};
    std::vector<group> groups_{};
    std::uint64_t rows_ = 0;  // of the groups that are written
    std::uint32_t row_ = 0;   // in the open one
    std::size_t added_ = 0;   // bytes since the open group's size was looked at
};

}  // namespace lakeferry::parquet
