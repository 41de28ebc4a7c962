// A column of one row group of a Parquet file: its pages, one after the other. Of the tests' Parquet reader.
#pragma once

#include "tests/support/parquet_meta.hpp"
#include "tests/support/parquet_reader.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::test::parquet_format {

// At both ends of a file.
inline constexpr std::string_view magic = "PAR1";

template <class T>
T required(const std::optional<T>& v, const char* name)
{
    if (!v) throw unreadable(std::string(name) + " is missing, which is required");
    return *v;
}

inline std::uint64_t size_of(const std::optional<std::int64_t>& v, const char* name)
{
    if (required(v, name) < 0) throw unreadable(std::string(name) + " is negative");
    return static_cast<std::uint64_t>(*v);
}

inline void agree(std::uint64_t found, std::uint64_t said, const std::string& name)
{
    if (found != said) throw unreadable(name + " is " + std::to_string(said) + ", but there are " + std::to_string(found));
}

std::string physical_name(std::int32_t type);
bool is_timestamp(const parquet_column& c);

// Byte of the file at which the chunk begins.
std::uint64_t start_of(const column_chunk& meta);
// Appends the chunk's values to the column. `body`: the file without its footer. Returns the chunk's bytes with page
// headers, its pages counted as they are when unpacked. Throws unreadable.
std::uint64_t read_chunk(std::string_view body, const column_chunk& meta, std::uint64_t rows, parquet_column& to);

}  // namespace lakeferry::test::parquet_format
