// Tables and columns as Lakeferry wants them, and rows on their way from identity resolution to the warehouse.
#pragma once

#include "net/rt/failure.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::core {

// A column takes the type of its first value and keeps it.
enum class column_type : std::uint8_t { boolean, bigint, double_, timestamp, string };
const char* sql_name(column_type t) noexcept;  // "BOOLEAN", "BIGINT", "DOUBLE", "TIMESTAMP", "STRING"
std::optional<column_type> column_type_of(std::string_view sql) noexcept;

struct column {
    std::string name{};
    column_type type = column_type::string;
    std::string comment{};

    friend bool operator==(const column&, const column&) = default;
};

// append: rows are only added (update logs, event tables). keyed: one current row a key; the rows on the way
// carry an operation.
enum class table_kind : std::uint8_t { append, keyed };

struct table {
    std::string name{};
    table_kind kind = table_kind::append;
    std::vector<column> columns{};           // in the order in which they came up
    std::vector<std::string> key{};          // keyed tables
    std::vector<std::string> cluster_by{};   // at most four, among the first columns
    std::string comment{};
    std::uint32_t number = 0;                // in the outbox keys of its space

    const column* find(std::string_view column_name) const noexcept;
    friend bool operator==(const table&, const table&) = default;
};

// Text form for the store's family `schema`.
std::string encode_table(const table& t);
rt::outcome<table> decode_table(std::string_view stored);

}  // namespace lakeferry::core
