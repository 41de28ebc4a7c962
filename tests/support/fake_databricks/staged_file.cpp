#include "tests/support/fake_databricks/answers.hpp"
#include "tests/support/fake_databricks/fake_tables.hpp"
#include "tests/support/parquet_reader.hpp"

#include <algorithm>
#include <utility>

namespace lakeferry::fake_databricks {

namespace {

using detail::lower;
using test::parquet_column;
using test::parquet_table;

// The type that a warehouse sees in a column of a file.
std::string sql_type(const parquet_column& c)
{
    if (c.physical == "BYTE_ARRAY") return c.logical == "STRING" || c.converted == "UTF8" ? "STRING" : "BINARY";
    if (c.physical == "DOUBLE" || c.physical == "BOOLEAN") return c.physical;
    return c.logical.starts_with("TIMESTAMP") || c.converted == "TIMESTAMP_MICROS" ? "TIMESTAMP" : "BIGINT";
}

const parquet_column* find(const parquet_table& t, const std::string& name)
{
    const auto found = std::find_if(t.columns.begin(), t.columns.end(), [&](const auto& c) { return lower(c.name) == lower(name); });
    return found == t.columns.end() ? nullptr : &*found;
}

// Columns under the names by which the statement knows them.
using named_columns = std::vector<std::pair<std::string, const parquet_column*>>;

std::optional<named_columns> chosen(const parquet_table& t, const file_request& how, std::string& why)
{
    named_columns out;
    for (const auto& name : how.needs) {
        if (find(t, name) != nullptr || !how.schema.empty()) continue;
        why = "it has no column " + name;
        return std::nullopt;
    }
    if (how.schema.empty()) {
        for (const auto& c : t.columns) out.emplace_back(c.name, &c);
        return out;
    }
    for (const auto& wanted : how.schema) {
        const auto* c = find(t, wanted.name);
        if (c == nullptr) continue;
        if (lower(sql_type(*c)) != lower(wanted.type_text)) {
            why = "the column " + wanted.name + " is " + sql_type(*c) + ", the schema says " + wanted.type_text;
            return std::nullopt;
        }
        out.emplace_back(wanted.name, c);
    }
    return out;
}

std::optional<std::vector<row>> read_parquet_rows(std::string_view bytes, const file_request& how, std::string& why)
{
    const auto t = test::read_parquet(bytes, &why);
    if (!t) return std::nullopt;
    const auto columns = chosen(*t, how, why);
    if (!columns) return std::nullopt;
    std::vector<row> out(t->rows());
    for (const auto& [name, c] : *columns)
        for (std::size_t i = 0; i < out.size(); ++i) out[i].emplace(name, c->values[i]);
    return out;
}

}  // namespace

std::optional<std::vector<row>> read_staged(std::string_view bytes, const file_request& how, std::string& why)
{
    const std::string format = bytes.starts_with("PAR1") ? "parquet" : "json";
    if (!how.format.empty() && lower(how.format) != format) {
        why = "it is read as " + how.format + ", but it is " + format;
        return std::nullopt;
    }
    if (format == "parquet") return read_parquet_rows(bytes, how, why);
    auto rows = read_ndjson(bytes);
    if (!rows) why = "it is not newline-separated JSON, plain or gzip";
    return rows;
}

}  // namespace lakeferry::fake_databricks
