// Thrift's compact protocol, as far as Parquet's headers and footers need it.
// Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::parquet {

// Unsigned, seven bits a byte, the lowest first.
void append_varint(std::string& to, std::uint64_t value);

// One structure and what is in it, appended to `out`. Fields of a structure come in the order of their ids.
class compact_writer {
public:
    explicit compact_writer(std::string& out) : out_(out) {}

    void i32(int field, std::int32_t value) { number(field, type_i32, value); }
    void i64(int field, std::int64_t value) { number(field, type_i64, value); }
    void boolean(int field, bool value) { head(field, value ? type_true : type_false); }
    void text(int field, std::string_view value);
    void i32_list(int field, const std::vector<std::int32_t>& values);
    void text_list(int field, const std::vector<std::string_view>& values);
    // So many structures follow, each between begin_item() and end().
    void struct_list(int field, std::size_t count) { list(field, type_struct, count); }
    void begin_item() { last_.push_back(0); }
    void begin(int field);
    // Of a structure, an item of a list, or (once, at last) the whole.
    void end();

private:
    static constexpr std::uint8_t type_true = 1;
    static constexpr std::uint8_t type_false = 2;
    static constexpr std::uint8_t type_i32 = 5;
    static constexpr std::uint8_t type_i64 = 6;
    static constexpr std::uint8_t type_binary = 8;
    static constexpr std::uint8_t type_list = 9;
    static constexpr std::uint8_t type_struct = 12;

    void head(int field, std::uint8_t type);
    void number(int field, std::uint8_t type, std::int64_t value);
    void list(int field, std::uint8_t type, std::size_t count);
    void bytes(std::string_view value);

    std::string& out_;
    std::vector<int> last_{0};  // last field id of each open structure
};

}  // namespace lakeferry::parquet
