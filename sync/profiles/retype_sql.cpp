#include "sync/profiles/retype_sql.hpp"

#include "sync/core/row.hpp"
#include "sync/databricks/sql.hpp"

namespace lakeferry::profiles {

namespace {

using core::column_type;
using databricks::quote_identifier;
using databricks::quote_string;

// Doubles hold whole numbers exactly up to 2^53.
constexpr std::string_view whole_max = "9007199254740992";

// `from`: lower case, as DESCRIBE writes types.
bool same_type(std::string_view from, column_type to)
{
    std::string name = core::sql_name(to);
    for (char& c : name) c = static_cast<char>(c - 'A' + 'a');
    return from == name;
}

std::string when(const std::string& condition, const std::string& value)
{
    return "CASE WHEN " + condition + " THEN " + value + " END";
}

std::string like(const std::string& expression, std::string_view pattern)
{
    return expression + " RLIKE " + quote_string(pattern);
}

std::string from_text(const std::string& e, column_type to)
{
    switch (to) {
        case column_type::boolean: return "CASE " + e + " WHEN 'true' THEN true WHEN 'false' THEN false END";
        case column_type::bigint: return when(like(e, "^(0|-?[1-9][0-9]{0,18})$"), "try_cast(" + e + " AS BIGINT)");
        case column_type::double_:
            return when(like(e, "^-?(0|[1-9][0-9]*)([.][0-9]+)?$") + " AND length(regexp_replace(" + e +
                            ", '[^0-9]', '')) <= 15",
                        "try_cast(" + e + " AS DOUBLE)");
        case column_type::timestamp:
            return when(like(e, "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?"
                                "(Z|[+-][0-9]{2}:[0-9]{2})$"),
                        "try_cast(" + e + " AS TIMESTAMP)");
        case column_type::string: break;
    }
    return e;
}

std::string as_text(const std::string& e, std::string_view from)
{
    // As resolution prints them: 12, not 12.0; times in UTC.
    if (from == "double")
        return "CASE WHEN " + e + " = floor(" + e + ") AND abs(" + e + ") < 1e15 THEN CAST(CAST(" + e +
               " AS BIGINT) AS STRING) ELSE CAST(" + e + " AS STRING) END";
    if (from == "timestamp")
        return "date_format(to_utc_timestamp(" + e + ", current_timezone()), " +
               quote_string("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'") + ")";
    return "CAST(" + e + " AS STRING)";
}

std::string rescued_value(std::string_view column)
{
    return "get_json_object(" + quote_identifier(core::rescued_column) + ", " +
           quote_string("$." + std::string(column)) + ")";
}

// {"column": value} as text, with times as they travel.
std::string as_object(std::string_view column, const std::string& e, std::string_view from)
{
    return "to_json(named_struct(" + quote_string(column) + ", " + (from == "timestamp" ? as_text(e, from) : e) + "))";
}

// _rescued_data without the column: its members are scalars, and no name can stand inside a text unescaped.
std::string without(std::string_view column)
{
    const std::string pattern =
        "\"" + std::string(column) + "\":(\"([^\"\\\\]|\\\\.)*\"|[^,}\"]*),?";
    return "nullif(regexp_replace(regexp_replace(" + quote_identifier(core::rescued_column) + ", " +
           quote_string(pattern) + ", ''), ',[}]$', '}'), '{}')";
}

}  // namespace

std::string exact_cast(const std::string& e, std::string_view from, column_type to)
{
    const std::string type = core::sql_name(to);
    if (same_type(from, to)) return e;
    if (to == column_type::string) return as_text(e, from);
    if (from == "string") return from_text(e, to);
    if (from == "double" && to == column_type::bigint)
        return when(e + " = floor(" + e + ") AND abs(" + e + ") <= " + std::string(whole_max), "CAST(" + e + " AS BIGINT)");
    if (from == "bigint" && to == column_type::double_)
        return when(e + " BETWEEN -" + std::string(whole_max) + " AND " + std::string(whole_max), "CAST(" + e + " AS DOUBLE)");
    return "CAST(NULL AS " + type + ")";
}

std::string retype_check(const place& at, std::string_view table, const landed_column& column, column_type to,
                         const statement_label& label)
{
    const std::string name = quote_identifier(column.name);
    return load_header(label, table) + "SELECT count_if(" + name + " IS NOT NULL AND " +
           exact_cast(name, column.type, to) + " IS NULL) AS lost, count_if(" + name + " IS NULL AND " +
           exact_cast(rescued_value(column.name), "string", to) + " IS NOT NULL) AS back FROM " + at.table(table);
}

std::string retype_table(const place& at, const core::table& t, std::span<const landed_column> columns,
                         std::string_view column, column_type to, const statement_label& label)
{
    const std::string rescued(core::rescued_column);
    std::string list;
    std::string made;  // of the column, out of what it was and what was rescued
    std::string data;
    for (const auto& c : columns)
        if (c.name == column) {
            const std::string name = quote_identifier(c.name);
            const std::string back = exact_cast(rescued_value(column), "string", to);
            made = "coalesce(" + exact_cast(name, c.type, to) + ", " +
                   "CASE WHEN " + name + " IS NULL THEN " + back + " END)";
            const std::string rest = "CASE WHEN " + name + " IS NULL AND " + back + " IS NOT NULL THEN " + without(column) +
                                     " ELSE " + quote_identifier(rescued) + " END";
            const std::string object = as_object(column, name, c.type);
            data = "CASE WHEN " + name + " IS NOT NULL AND " + exact_cast(name, c.type, to) +
                   " IS NULL THEN CASE WHEN " + quote_identifier(rescued) + " IS NULL THEN " + object + " ELSE concat(substring(" +
                   object + ", 1, length(" + object + ") - 1), ',', substring(" + quote_identifier(rescued) +
                   ", 2)) END ELSE " + rest + " END";
        }
    for (const auto& c : columns) {
        const std::string name = quote_identifier(c.name);
        list += list.empty() ? "" : ",\n  ";
        if (c.name == column) list += "CAST(" + made + " AS " + core::sql_name(to) + ") AS " + name;
        else if (c.name == rescued) list += data + " AS " + name;
        else list += name;
    }
    std::string out = load_header(label, t.name) + "CREATE OR REPLACE TABLE " + at.table(t.name);
    if (!t.cluster_by.empty()) {
        std::string by;
        for (const auto& c : t.cluster_by) by += (by.empty() ? "" : ", ") + quote_identifier(c);
        out += " CLUSTER BY (" + by + ")";
    }
    if (!t.comment.empty()) out += " COMMENT " + quote_string(t.comment);
    return out + " AS\nSELECT " + list + "\nFROM " + at.table(t.name);
}

std::string comment_on_column(const place& at, std::string_view table, std::string_view column, std::string_view comment,
                              const statement_label& label)
{
    return load_header(label, table) + "ALTER TABLE " + at.table(table) + " ALTER COLUMN " + quote_identifier(column) +
           " COMMENT " + quote_string(comment);
}

}  // namespace lakeferry::profiles
