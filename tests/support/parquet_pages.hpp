// The bodies of Parquet's pages: codecs, the hybrid of run lengths and bit packing, plain values
// (https://parquet.apache.org/docs/file-format/data-pages/encodings/). Of the tests' Parquet reader. All throw unreadable.
#pragma once

#include "tests/support/parquet_meta.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::test::parquet_format {

// "UNCOMPRESSED", "GZIP", "ZSTD"; the others are refused by name.
std::string codec_name(std::int32_t codec);

// Of exactly `size` bytes when unpacked.
std::string unpack(std::int32_t codec, std::string_view packed, std::size_t size);

// Exactly `count` numbers of `width` bits (0 to 32) that fill all of `bytes`.
std::vector<std::uint32_t> hybrid_numbers(std::string_view bytes, unsigned width, std::size_t count);

// Exactly `count` values that fill all of `bytes`. A value is kept as its plain bytes, BYTE_ARRAY without its length,
// BOOLEAN as one byte.
std::vector<std::string> plain_values(std::string_view bytes, physical type, std::size_t count);

std::int64_t int64_of(std::string_view plain);
double double_of(std::string_view plain);

// Whether a is before b in the order of the type (ColumnOrder TypeDefinedOrder).
bool before(physical type, std::string_view a, std::string_view b);

}  // namespace lakeferry::test::parquet_format
