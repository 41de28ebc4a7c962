// The metadata structures of Parquet (parquet.thrift) in Thrift's compact protocol
// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md). Of the tests' Parquet reader.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::test::parquet_format {

// Thrown by every read that would leave the input, and for all that is refused; read_parquet() catches it. An exception,
// so that no bounds check can be forgotten on the way up.
struct unreadable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Steps over bytes; never beyond their end.
class byte_cursor {
public:
    explicit byte_cursor(std::string_view bytes) : rest_(bytes) {}

    std::size_t left() const noexcept { return rest_.size(); }
    std::string_view take(std::uint64_t bytes);
    std::uint8_t byte();
    std::uint32_t le32();
    std::uint64_t varint();  // ULEB128 of at most 64 bits

private:
    std::string_view rest_;
};

enum class physical : std::int32_t { boolean = 0, int32, int64, int96, float_, double_, byte_array, fixed_len_byte_array };
enum class encoding : std::int32_t { plain = 0, plain_dictionary = 2, rle = 3, bit_packed = 4, rle_dictionary = 8 };
enum class page_type : std::int32_t { data = 0, index, dictionary, data_v2 };

struct schema_element {
    std::optional<std::int32_t> type{};
    std::optional<std::int32_t> repetition{};  // 0 REQUIRED, 1 OPTIONAL, 2 REPEATED
    std::optional<std::string> name{};
    std::optional<std::int32_t> children{};
    std::optional<std::int32_t> converted{};
    std::string logical{};  // "STRING", "TIMESTAMP(MICROS, UTC)"; empty: none
};

struct statistics {
    std::optional<std::int64_t> null_count{};
    std::optional<std::string> max_value{};
    std::optional<std::string> min_value{};
    bool max_is_exact = false;
    bool min_is_exact = false;
};

struct column_chunk {
    bool elsewhere = false;  // in another file, or encrypted
    bool has_metadata = false;
    std::optional<std::int32_t> type{};
    std::vector<std::int32_t> encodings{};
    std::vector<std::string> path{};
    std::optional<std::int32_t> codec{};
    std::optional<std::int64_t> values{};
    std::optional<std::int64_t> uncompressed_size{};
    std::optional<std::int64_t> compressed_size{};
    std::optional<std::int64_t> data_page_offset{};
    std::optional<std::int64_t> dictionary_page_offset{};
    statistics stats{};
};

struct row_group {
    std::vector<column_chunk> columns{};
    std::optional<std::int64_t> total_byte_size{};
    std::optional<std::int64_t> rows{};
    std::optional<std::int64_t> file_offset{};
    std::optional<std::int64_t> compressed_size{};
};

struct file_metadata {
    std::optional<std::int32_t> version{};
    std::vector<schema_element> schema{};
    std::optional<std::int64_t> rows{};
    std::optional<std::vector<row_group>> row_groups{};
    std::string created_by{};
    bool encrypted = false;
    std::size_t column_orders = 0;
};

struct page_header {
    std::optional<std::int32_t> type{};
    std::optional<std::int32_t> uncompressed_size{};
    std::optional<std::int32_t> compressed_size{};
    std::optional<std::int32_t> crc{};
    bool has_data = false;
    bool has_dictionary = false;
    std::optional<std::int32_t> values{};  // of the data or dictionary page
    std::optional<std::int32_t> encoding{};
    std::optional<std::int32_t> definition_encoding{};
    std::optional<std::int32_t> repetition_encoding{};
    statistics stats{};
};

// Throws unreadable unless the structure ends exactly where the footer does.
file_metadata read_footer(std::string_view footer);
// Leaves the cursor behind the header.
page_header read_page_header(byte_cursor& at);

}  // namespace lakeferry::test::parquet_format
