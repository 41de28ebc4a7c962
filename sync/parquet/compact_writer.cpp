#include "sync/parquet/compact_writer.hpp"

namespace lakeferry::parquet {

namespace {

std::uint64_t zigzag(std::int64_t value) noexcept
{
    return (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace

void append_varint(std::string& to, std::uint64_t value)
{
    for (; value >= 0x80; value >>= 7U) to.push_back(static_cast<char>((value & 0x7FU) | 0x80U));
    to.push_back(static_cast<char>(value));
}

void compact_writer::head(int field, std::uint8_t type)
{
    const int step = field - last_.back();
    last_.back() = field;
    if (step > 0 && step <= 15) {
        out_.push_back(static_cast<char>((static_cast<unsigned>(step) << 4U) | type));
        return;
    }
    out_.push_back(static_cast<char>(type));
    append_varint(out_, zigzag(field));
}

void compact_writer::number(int field, std::uint8_t type, std::int64_t value)
{
    head(field, type);
    append_varint(out_, zigzag(value));
}

void compact_writer::bytes(std::string_view value)
{
    append_varint(out_, value.size());
    out_ += value;
}

void compact_writer::text(int field, std::string_view value)
{
    head(field, type_binary);
    bytes(value);
}

void compact_writer::list(int field, std::uint8_t type, std::size_t count)
{
    head(field, type_list);
    if (count < 15) {
        out_.push_back(static_cast<char>((count << 4U) | type));
        return;
    }
    out_.push_back(static_cast<char>(0xF0U | type));
    append_varint(out_, count);
}

void compact_writer::i32_list(int field, const std::vector<std::int32_t>& values)
{
    list(field, type_i32, values.size());
    for (const auto v : values) append_varint(out_, zigzag(v));
}

void compact_writer::text_list(int field, const std::vector<std::string_view>& values)
{
    list(field, type_binary, values.size());
    for (const auto v : values) bytes(v);
}

void compact_writer::begin(int field)
{
    head(field, type_struct);
    last_.push_back(0);
}

void compact_writer::end()
{
    out_.push_back('\0');
    last_.pop_back();
}

}  // namespace lakeferry::parquet
