#include "tests/support/parquet_reader.hpp"

#include "tests/support/parquet_chunk.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::test {

using namespace parquet_format;

namespace {

// More rows than a test stages; a damaged file may claim any number of nulls in a few bytes.
constexpr std::int64_t rows_max = std::int64_t{1} << 24;

// ---- the schema -----------------------------------------------------------------------------------------------

std::string converted_name(std::int32_t n)
{
    static constexpr std::array<const char*, 21> names{
        "UTF8", "MAP", "MAP_KEY_VALUE", "LIST", "ENUM", "DECIMAL", "DATE", "TIME_MILLIS", "TIME_MICROS", "TIMESTAMP_MILLIS",
        "TIMESTAMP_MICROS", "UINT_8", "UINT_16", "UINT_32", "UINT_64", "INT_8", "INT_16", "INT_32", "INT_64", "JSON", "BSON"};
    return n >= 0 && static_cast<std::size_t>(n) < names.size() ? names.at(static_cast<std::size_t>(n)) : std::to_string(n);
}

// The logical type and the older converted type say the same, or one says nothing.
bool annotations_fit(const parquet_column& c)
{
    const auto one_of = [](const std::string& s, std::initializer_list<const char*> of) {
        return s.empty() || std::find(of.begin(), of.end(), s) != of.end();
    };
    if (c.physical == "INT64" && is_timestamp(c))
        return one_of(c.logical, {"TIMESTAMP(MICROS, UTC)"}) && one_of(c.converted, {"TIMESTAMP_MICROS"});
    if (c.physical == "INT64") return c.logical.empty() && one_of(c.converted, {"INT_64"});
    if (c.physical == "BYTE_ARRAY") {
        if (c.logical == "STRING" && !one_of(c.converted, {"UTF8"})) return false;
        return one_of(c.logical, {"STRING", "ENUM", "JSON"}) && one_of(c.converted, {"UTF8", "ENUM", "JSON"});
    }
    return c.logical.empty() && c.converted.empty();
}

parquet_column read_column(const schema_element& e)
{
    parquet_column out;
    out.name = required(e.name, "the name of a column");
    const std::string of = "the column " + out.name + ": ";
    if (e.children) throw unreadable(of + "nested columns are not supported");
    const auto type = required(e.type, "the type of a column");
    out.physical = physical_name(type);
    if (e.converted) out.converted = converted_name(*e.converted);
    out.logical = e.logical;
    const auto known = {physical::boolean, physical::int64, physical::double_, physical::byte_array};
    if (std::find(known.begin(), known.end(), static_cast<physical>(type)) == known.end())
        throw unreadable(of + "the type " + out.physical + " is not supported");
    if (!annotations_fit(out))
        throw unreadable(of + out.physical + " with the logical type '" + out.logical + "' and the converted type '" +
                         out.converted + "' is not supported");
    const auto repetition = required(e.repetition, "the repetition_type of a column");
    if (repetition != 0 && repetition != 1) throw unreadable(of + "repeated columns are not supported");
    out.optional = repetition == 1;
    return out;
}

void read_schema(const file_metadata& meta, parquet_table& out)
{
    if (meta.schema.empty()) throw unreadable("the schema has no root");
    agree(meta.schema.size() - 1, static_cast<std::uint64_t>(required(meta.schema.front().children, "num_children of the root")),
          "num_children of the schema's root");
    for (std::size_t i = 1; i < meta.schema.size(); ++i) {
        auto column = read_column(meta.schema[i]);
        if (out.find(column.name) != nullptr) throw unreadable("two columns are called " + column.name);
        out.columns.push_back(std::move(column));
    }
    if (meta.column_orders != 0) agree(out.columns.size(), meta.column_orders, "the number of column_orders");
}

// ---- the file --------------------------------------------------------------------------------------------------

void read_row_group(std::string_view body, const row_group& meta, parquet_table& out)
{
    agree(out.columns.size(), meta.columns.size(), "the number of column chunks");
    const auto rows = size_of(meta.rows, "num_rows of a row group");
    std::uint64_t unpacked = 0;
    std::uint64_t packed = 0;
    for (std::size_t i = 0; i < meta.columns.size(); ++i) {
        const auto& chunk = meta.columns[i];
        if (chunk.elsewhere) throw unreadable("columns in other files and encrypted columns are not supported");
        if (!chunk.has_metadata) throw unreadable("a column chunk has no metadata");
        try {
            if (i == 0 && meta.file_offset) agree(start_of(chunk), size_of(meta.file_offset, "file_offset"), "file_offset");
            unpacked += read_chunk(body, chunk, rows, out.columns[i]);
            packed += size_of(chunk.compressed_size, "total_compressed_size");
        } catch (const unreadable& e) {
            throw unreadable("the column " + out.columns[i].name + ": " + e.what());
        }
    }
    agree(unpacked, size_of(meta.total_byte_size, "total_byte_size"), "total_byte_size");
    if (meta.compressed_size) agree(packed, size_of(meta.compressed_size, "total_compressed_size"), "total_compressed_size");
    out.row_groups.push_back(rows);
}

parquet_table read_file(std::string_view file)
{
    if (file.size() < 2 * magic.size() + 4 || !file.starts_with(magic)) throw unreadable("the file does not begin with PAR1");
    if (!file.ends_with(magic)) throw unreadable("the file does not end with PAR1: it is cut or encrypted");
    byte_cursor tail(file.substr(file.size() - 8));
    const auto footer_size = tail.le32();
    if (footer_size > file.size() - 2 * magic.size() - 4) throw unreadable("the footer is longer than the file");
    const auto body = file.substr(0, file.size() - 8 - footer_size);
    const auto meta = read_footer(file.substr(body.size(), footer_size));
    if (meta.encrypted) throw unreadable("encrypted files are not supported");
    required(meta.version, "the version");
    if (required(meta.rows, "num_rows") > rows_max) throw unreadable("num_rows is above what the reader takes");
    if (!meta.row_groups) throw unreadable("row_groups are missing, which are required");
    parquet_table out;
    out.created_by = meta.created_by;
    read_schema(meta, out);
    std::uint64_t rows = 0;
    for (const auto& g : *meta.row_groups) rows += size_of(g.rows, "num_rows of a row group");
    agree(rows, size_of(meta.rows, "num_rows"), "num_rows of the file");
    for (std::size_t i = 0; i < meta.row_groups->size(); ++i) {
        try {
            read_row_group(body, (*meta.row_groups)[i], out);
        } catch (const unreadable& e) {
            throw unreadable("row group " + std::to_string(i + 1) + ": " + e.what());
        }
    }
    return out;
}

}  // namespace

const parquet_column* parquet_table::find(std::string_view name) const noexcept
{
    const auto found = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == name; });
    return found == columns.end() ? nullptr : &*found;
}

std::optional<parquet_table> read_parquet(std::string_view file, std::string* why)
{
    try {
        return read_file(file);
    } catch (const unreadable& e) {
        if (why != nullptr) *why = e.what();
        return std::nullopt;
    }
}

}  // namespace lakeferry::test
