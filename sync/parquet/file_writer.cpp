#include "sync/parquet/file_writer.hpp"

#include "net/rt/check.hpp"
#include "sync/parquet/compact_writer.hpp"

#include <zstd.h>

#include <cstring>
#include <utility>

namespace lakeferry::parquet {

namespace {

// Numbers of parquet.thrift: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
constexpr std::string_view magic = "PAR1";
constexpr std::int32_t physical_boolean = 0;
constexpr std::int32_t physical_int64 = 2;
constexpr std::int32_t physical_double = 5;
constexpr std::int32_t physical_bytes = 6;
constexpr std::int32_t repetition_optional = 1;
constexpr std::int32_t converted_utf8 = 0;
constexpr std::int32_t converted_timestamp_micros = 10;
constexpr std::int32_t encoding_plain = 0;
constexpr std::int32_t encoding_rle = 3;
constexpr std::int32_t encoding_rle_dictionary = 8;
constexpr std::int32_t codec_zstd = 6;
constexpr std::int32_t page_data = 0;
constexpr std::int32_t page_dictionary = 2;

constexpr int level = 3;
// Besides its texts, a value takes about so much.
constexpr std::size_t value_bytes = 4;
// Texts that repeat are held once, so the true size of a group is looked at again and again.
constexpr std::size_t looks_a_group = 8;

std::int32_t physical(value_type type) noexcept
{
    switch (type) {
        case value_type::boolean: return physical_boolean;
        case value_type::int64:
        case value_type::timestamp: return physical_int64;
        case value_type::float64: return physical_double;
        case value_type::text: return physical_bytes;
    }
    return physical_bytes;
}

void describe(compact_writer& to, const column_schema& c)
{
    to.begin_item();
    to.i32(1, physical(c.type));
    to.i32(3, repetition_optional);
    to.text(4, c.name);
    if (c.type == value_type::text) {
        to.i32(6, converted_utf8);
        to.begin(10);  // LogicalType
        to.begin(1);   // STRING
        to.end();
        to.end();
    } else if (c.type == value_type::timestamp) {
        to.i32(6, converted_timestamp_micros);
        to.begin(10);
        to.begin(8);  // TIMESTAMP
        to.boolean(1, true);  // of UTC
        to.begin(2);  // unit
        to.begin(2);  // MICROS
        to.end();
        to.end();
        to.end();
        to.end();
    }
    to.end();
}

}  // namespace

class file_writer::compressor {
public:
    compressor() : context_(ZSTD_createCCtx()) { rt::check(context_ != nullptr, "no memory for the compressor"); }
    ~compressor() { ZSTD_freeCCtx(context_); }
    compressor(const compressor&) = delete;
    compressor& operator=(const compressor&) = delete;

    // Valid until the next call.
    std::string_view operator()(std::string_view plain)
    {
        buffer_.resize(ZSTD_compressBound(plain.size()));
        const std::size_t size =
            ZSTD_compressCCtx(context_, buffer_.data(), buffer_.size(), plain.data(), plain.size(), level);
        rt::check(ZSTD_isError(size) == 0, "zstd refuses a buffer of its own size");
        return {buffer_.data(), size};
    }

private:
    ZSTD_CCtx* context_;
    std::string buffer_{};
};

file_writer::file_writer(std::vector<column_schema> schema, std::size_t group_bytes_max, std::size_t file_bytes)
    : schema_(std::move(schema)),
      group_bytes_max_(group_bytes_max),
      file_bytes_(file_bytes),
      compressor_(std::make_unique<compressor>())
{
    for (const auto& c : schema_) columns_.emplace_back(c.type);
}

file_writer::~file_writer() = default;

void file_writer::end_row()
{
    ++row_;
    added_ += value_bytes * schema_.size();
    if (added_ < group_bytes_max_ / looks_a_group) return;
    added_ = 0;
    std::size_t held = 0;
    for (const auto& c : columns_) held += c.bytes();
    if (held >= group_bytes_max_) end_group();
}

void file_writer::page(chunk& of, std::string_view plain, bool dictionary, std::uint32_t values, bool indexed)
{
    const std::string_view packed = (*compressor_)(plain);
    std::string head;
    compact_writer to(head);
    to.i32(1, dictionary ? page_dictionary : page_data);
    to.i32(2, static_cast<std::int32_t>(plain.size()));
    to.i32(3, static_cast<std::int32_t>(packed.size()));
    to.begin(dictionary ? 7 : 5);
    to.i32(1, static_cast<std::int32_t>(values));
    to.i32(2, indexed ? encoding_rle_dictionary : encoding_plain);
    if (!dictionary) {
        to.i32(3, encoding_rle);
        to.i32(4, encoding_rle);
    }
    to.end();
    to.end();
    out_ += head;
    out_ += packed;
    of.plain_bytes += static_cast<std::int64_t>(head.size() + plain.size());
    of.bytes += static_cast<std::int64_t>(head.size() + packed.size());
}

file_writer::chunk file_writer::write(column_pages pages)
{
    chunk out;
    out.begins = static_cast<std::int64_t>(out_.size());
    out.dictionary = pages.dictionary_entries > 0;
    if (out.dictionary) page(out, pages.dictionary, true, pages.dictionary_entries, false);
    out.data_page = static_cast<std::int64_t>(out_.size());
    page(out, pages.data, false, pages.values, out.dictionary);
    return out;
}

void file_writer::end_group()
{
    if (row_ == 0) return;
    added_ = 0;
    if (out_.empty()) out_ = magic;
    if (!groups_.empty()) out_.reserve(file_bytes_ + group_bytes_max_);
    group one;
    one.rows = row_;
    for (auto& c : columns_) one.chunks.push_back(write(c.take(row_)));
    groups_.push_back(std::move(one));
    rows_ += std::exchange(row_, 0);
}

std::string file_writer::footer() const
{
    std::string out;
    compact_writer to(out);
    to.i32(1, 1);
    to.struct_list(2, schema_.size() + 1);
    to.begin_item();
    to.text(4, "rows");
    to.i32(5, static_cast<std::int32_t>(schema_.size()));
    to.end();
    for (const auto& c : schema_) describe(to, c);
    to.i64(3, static_cast<std::int64_t>(rows_));
    to.struct_list(4, groups_.size());
    for (const auto& g : groups_) {
        to.begin_item();
        to.struct_list(1, g.chunks.size());
        std::int64_t bytes = 0;
        for (std::size_t i = 0; i < g.chunks.size(); ++i) {
            const chunk& c = g.chunks[i];
            bytes += c.plain_bytes;
            to.begin_item();
            to.i64(2, c.begins);
            to.begin(3);
            to.i32(1, physical(schema_[i].type));
            to.i32_list(2, {encoding_plain, encoding_rle, c.dictionary ? encoding_rle_dictionary : encoding_plain});
            to.text_list(3, {schema_[i].name});
            to.i32(4, codec_zstd);
            to.i64(5, g.rows);
            to.i64(6, c.plain_bytes);
            to.i64(7, c.bytes);
            to.i64(9, c.data_page);
            if (c.dictionary) to.i64(11, c.begins);
            to.end();
            to.end();
        }
        to.i64(2, bytes);
        to.i64(3, g.rows);
        to.end();
    }
    to.text(6, "lakeferry");
    to.end();
    return out;
}

std::string file_writer::take()
{
    end_group();
    if (out_.empty()) out_ = magic;
    const std::string end = footer();
    const auto length = static_cast<std::uint32_t>(end.size());
    char size[sizeof length];
    std::memcpy(size, &length, sizeof length);
    out_ += end;
    out_.append(size, sizeof size);
    out_ += magic;
    groups_.clear();
    rows_ = 0;
    return std::exchange(out_, {});
}

}  // namespace lakeferry::parquet
