#include "tests/support/parquet_chunk.hpp"

#include "sync/core/timestamps.hpp"
#include "tests/support/parquet_pages.hpp"

#include <boost/json/serialize.hpp>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace lakeferry::test::parquet_format {

namespace {

std::string double_text(double v)
{
    if (std::isnan(v)) return "NaN";
    if (std::isinf(v)) return v < 0 ? "-Infinity" : "Infinity";
    if (v == std::trunc(v) && std::abs(v) < 1e18) return std::to_string(static_cast<std::int64_t>(v));
    return boost::json::serialize(boost::json::value(v));
}

std::string text_of(const parquet_column& c, physical type, std::string&& plain)
{
    switch (type) {
        case physical::boolean: return plain.front() != 0 ? "true" : "false";
        case physical::double_: return double_text(double_of(plain));
        case physical::int64: break;
        default: return std::move(plain);
    }
    const auto number = int64_of(plain);
    if (!is_timestamp(c)) return std::to_string(number);
    if (number < core::timestamp_min_us || number > core::timestamp_max_us)
        throw unreadable("the timestamp " + std::to_string(number) + " lies outside the years 0001 to 9999");
    return core::format_timestamp(number);
}

class chunk_reader {
public:
    chunk_reader(std::string_view body, const column_chunk& meta, parquet_column& column)
        : body_(body), meta_(meta), column_(column), type_(static_cast<physical>(required(meta.type, "the type of a column chunk")))
    {
    }

    // Appends to the column's values. Returns the unpacked bytes with headers.
    std::uint64_t read(std::uint64_t rows)
    {
        if (physical_name(static_cast<std::int32_t>(type_)) != column_.physical)
            throw unreadable("the column chunk has another type than the schema");
        if (meta_.path != std::vector{column_.name}) throw unreadable("path_in_schema is not the column's name");
        chunk_.codec = codec_name(required(meta_.codec, "the codec"));
        agree(rows, size_of(meta_.values, "num_values"), "num_values");
        const auto data_offset = size_of(meta_.data_page_offset, "data_page_offset");
        const auto begin = start_of(meta_);
        const auto size = size_of(meta_.compressed_size, "total_compressed_size");
        if (begin < magic.size() || begin > body_.size() || size > body_.size() - begin)
            throw unreadable("the column chunk lies outside of the file");
        const auto pages = body_.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
        byte_cursor at(pages);
        std::uint64_t unpacked = 0;
        bool first_data = true;
        while (at.left() > 0) {
            const auto offset = begin + (size - at.left());
            const auto left = at.left();
            const auto header = read_page_header(at);
            unpacked += left - at.left();
            const bool is_data = required(header.type, "the type of a page") == static_cast<std::int32_t>(page_type::data);
            if (is_data && std::exchange(first_data, false)) agree(offset, data_offset, "data_page_offset");
            unpacked += read_page(header, at, rows);
        }
        agree(values_.size(), rows, "the rows of the row group");
        agree(unpacked, size_of(meta_.uncompressed_size, "total_uncompressed_size"), "total_uncompressed_size");
        chunk_.all_from_dictionary = chunk_.data_pages > 0 && !fell_back_;
        check_statistics(meta_.stats, 0);
        chunk_.null_count = meta_.stats.null_count;
        chunk_.has_bounds = meta_.stats.min_value && meta_.stats.max_value;
        for (auto& v : values_) {
            if (v)
                column_.values.emplace_back(text_of(column_, type_, std::move(*v)));
            else
                column_.values.emplace_back();
        }
        column_.chunks.push_back(chunk_);
        return unpacked;
    }

private:
    std::uint64_t read_page(const page_header& header, byte_cursor& at, std::uint64_t rows)
    {
        const auto packed = at.take(size_of(header.compressed_size, "compressed_page_size"));
        const auto size = size_of(header.uncompressed_size, "uncompressed_page_size");
        const auto sum = crc32(0, reinterpret_cast<const Bytef*>(packed.data()), static_cast<uInt>(packed.size()));
        if (header.crc && static_cast<std::uint32_t>(*header.crc) != sum) throw unreadable("the checksum of a page does not fit");
        const auto page = unpack(*meta_.codec, packed, static_cast<std::size_t>(size));
        switch (static_cast<page_type>(*header.type)) {
            case page_type::dictionary: read_dictionary(header, page); break;
            case page_type::data: read_data(header, page, rows); break;
            case page_type::data_v2: throw unreadable("data pages of version 2 are not supported");
            default: throw unreadable("a page of type " + std::to_string(*header.type) + " is not supported");
        }
        return size;
    }

    void read_dictionary(const page_header& header, std::string_view page)
    {
        if (!header.has_dictionary) throw unreadable("a dictionary page lacks its header");
        const auto count = size_of(header.values, "num_values of a page");
        if (dictionary_ || chunk_.data_pages > 0) throw unreadable("a dictionary page is not the first page of its chunk");
        if (!meta_.dictionary_page_offset) throw unreadable("there is a dictionary page, but no dictionary_page_offset");
        const auto how = required(header.encoding, "the encoding of a dictionary page");
        if (how != static_cast<std::int32_t>(encoding::plain) && how != static_cast<std::int32_t>(encoding::plain_dictionary))
            throw unreadable("a dictionary page with encoding " + std::to_string(how) + " is not supported");
        used(how);
        if (type_ == physical::boolean) throw unreadable("a dictionary of BOOLEAN is not supported");
        if (count > page.size()) throw unreadable("a dictionary claims more values than it has bytes");
        dictionary_ = plain_values(page, type_, static_cast<std::size_t>(count));
        chunk_.dictionary_values = dictionary_->size();
    }

    void read_data(const page_header& header, std::string_view page, std::uint64_t rows)
    {
        if (!header.has_data) throw unreadable("a data page lacks its header");
        const auto count = size_of(header.values, "num_values of a page");
        if (count == 0) throw unreadable("a data page has no rows");
        if (count > rows - values_.size()) throw unreadable("the pages have more rows than the row group");
        ++chunk_.data_pages;
        const auto how = required(header.encoding, "the encoding of a data page");
        const auto levels = required(header.definition_encoding, "definition_level_encoding");
        required(header.repetition_encoding, "repetition_level_encoding");
        used(how);
        byte_cursor at(page);
        std::vector<std::uint32_t> defined(static_cast<std::size_t>(count), 1);
        if (column_.optional) {
            if (levels != static_cast<std::int32_t>(encoding::rle))
                throw unreadable("definition levels with encoding " + std::to_string(levels) + " are not supported");
            used(levels);
            defined = hybrid_numbers(at.take(at.le32()), 1, static_cast<std::size_t>(count));
        }
        const auto there = static_cast<std::size_t>(std::count(defined.begin(), defined.end(), 1U));
        auto values = page_values(how, at.take(at.left()), there);
        const auto first = values_.size();
        std::size_t next = 0;
        for (const auto d : defined) {
            if (d == 1)
                values_.emplace_back(std::move(values[next++]));
            else
                values_.emplace_back();
        }
        check_statistics(header.stats, first);
    }

    std::vector<std::string> page_values(std::int32_t how, std::string_view bytes, std::size_t count)
    {
        if (how == static_cast<std::int32_t>(encoding::plain)) {
            fell_back_ = true;
            return plain_values(bytes, type_, count);
        }
        if (how != static_cast<std::int32_t>(encoding::rle_dictionary) && how != static_cast<std::int32_t>(encoding::plain_dictionary))
            throw unreadable("a data page with encoding " + std::to_string(how) + " is not supported");
        if (!dictionary_) throw unreadable("a data page refers to a dictionary that is not there");
        std::vector<std::string> out;
        if (count == 0 && bytes.empty()) return out;
        byte_cursor at(bytes);
        const unsigned width = at.byte();
        for (const auto index : hybrid_numbers(at.take(at.left()), width, count)) {
            if (index >= dictionary_->size()) throw unreadable("a value refers beyond the end of its dictionary");
            out.push_back((*dictionary_)[index]);
        }
        return out;
    }

    void used(std::int32_t how) const
    {
        if (std::find(meta_.encodings.begin(), meta_.encodings.end(), how) == meta_.encodings.end())
            throw unreadable("a page uses encoding " + std::to_string(how) + ", which the column chunk does not name");
    }

    // Engines skip files and row groups by these, so a wrong one loses rows.
    void check_statistics(const statistics& s, std::size_t first) const
    {
        std::size_t nulls = 0;
        bool min_met = false;
        bool max_met = false;
        for (std::size_t i = first; i < values_.size(); ++i) {
            const auto& v = values_[i];
            if (!v) {
                ++nulls;
                continue;
            }
            if (s.min_value && before(type_, *v, bound(*s.min_value))) throw unreadable("a value is below min_value");
            if (s.max_value && before(type_, bound(*s.max_value), *v)) throw unreadable("a value is above max_value");
            min_met = min_met || (s.min_value && !before(type_, *s.min_value, *v));
            max_met = max_met || (s.max_value && !before(type_, *v, *s.max_value));
        }
        if (s.null_count) agree(nulls, size_of(s.null_count, "null_count"), "null_count");
        const bool none = nulls == values_.size() - first;
        if (none && (s.min_value || s.max_value)) throw unreadable("there are bounds, but no values");
        if ((s.min_is_exact && !min_met) || (s.max_is_exact && !max_met)) throw unreadable("a bound that is called exact is no value");
    }

    std::string_view bound(const std::string& s) const
    {
        const std::size_t wanted = type_ == physical::boolean ? 1 : type_ == physical::byte_array ? s.size() : 8;
        if (s.size() != wanted) throw unreadable("a bound of the statistics has the wrong size");
        return s;
    }

    std::string_view body_;
    const column_chunk& meta_;
    parquet_column& column_;
    physical type_;
    parquet_chunk chunk_{};
    std::optional<std::vector<std::string>> dictionary_{};
    std::vector<std::optional<std::string>> values_{};
    bool fell_back_ = false;
};

}  // namespace

std::string physical_name(std::int32_t n)
{
    static constexpr std::array<const char*, 8> names{"BOOLEAN", "INT32", "INT64", "INT96",
                                                      "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
    return n >= 0 && static_cast<std::size_t>(n) < names.size() ? names.at(static_cast<std::size_t>(n)) : std::to_string(n);
}

bool is_timestamp(const parquet_column& c) { return c.logical.starts_with("TIMESTAMP") || c.converted == "TIMESTAMP_MICROS"; }

std::uint64_t start_of(const column_chunk& meta)
{
    return size_of(meta.dictionary_page_offset ? meta.dictionary_page_offset : meta.data_page_offset, "data_page_offset");
}

std::uint64_t read_chunk(std::string_view body, const column_chunk& meta, std::uint64_t rows, parquet_column& to)
{
    return chunk_reader(body, meta, to).read(rows);
}

}  // namespace lakeferry::test::parquet_format
