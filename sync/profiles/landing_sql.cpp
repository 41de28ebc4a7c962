#include "sync/profiles/landing_sql.hpp"

#include "sync/databricks/sql.hpp"

namespace lakeferry::profiles {

namespace {

using databricks::quote_identifier;
using databricks::quote_string;

// What it is for stands where the load's number would, when it is not a load.
std::string header(const statement_label& label, std::string_view kind, std::string_view table = {})
{
    std::string what(table.empty() ? kind : table);
    what += label.load != 0 ? "-" + std::to_string(label.load) : "";
    return databricks::comment_header(label.space, std::to_string(label.run), what);
}

// "a, b, c" of what `each` makes of every item.
template <class Items, class F>
std::string join(const Items& items, std::string_view between, F&& each)
{
    std::string out;
    for (const auto& item : items) {
        if (!out.empty()) out += between;
        out += each(item);
    }
    return out;
}

std::string cast(const core::column& c)
{
    const std::string name = quote_identifier(c.name);
    return "CAST(" + name + " AS " + core::sql_name(c.type) + ") AS " + name;
}

std::string definition(const core::column& c)
{
    std::string out = quote_identifier(c.name) + " " + core::sql_name(c.type);
    if (!c.comment.empty()) out += " COMMENT " + quote_string(c.comment);
    return out;
}

// The columns of staged or passed rows, all as text: casts happen in the SELECT, where they are exact.
std::string text_columns(const core::table& t, bool with_op)
{
    std::string out = with_op ? "_op STRING" : "";
    for (const auto& c : t.columns) {
        if (!out.empty()) out += ", ";
        out += quote_identifier(c.name) + " STRING";
    }
    return out;
}

std::string rows_source(const core::table& t, bool with_op)
{
    return "(SELECT inline(from_json(:rows, " + quote_string("array<struct<" + text_columns(t, with_op) + ">>") +
           ")))";
}

std::string insert_of(const core::table& t)
{
    const auto name = [](const core::column& c) { return quote_identifier(c.name); };
    const auto value = [](const core::column& c) { return "s." + quote_identifier(c.name); };
    return "INSERT (" + join(t.columns, ", ", name) + ") VALUES (" + join(t.columns, ", ", value) + ")";
}

}  // namespace

std::string place::table(std::string_view name) const
{
    return databricks::qualified(catalog, schema, name);
}

std::string place::volume_path() const { return "/Volumes/" + catalog + "/" + schema + "/" + volume; }

std::string load_tag(std::string_view space, std::uint64_t load, std::size_t part)
{
    return std::string(space) + "/" + std::to_string(load) + "/" + std::to_string(part);
}

std::string create_schema(const place& at, const statement_label& label)
{
    return header(label, "create_schema") + "CREATE SCHEMA IF NOT EXISTS " + quote_identifier(at.catalog) + "." +
           quote_identifier(at.schema) + " COMMENT 'Customer profiles and events, kept by Lakeferry'";
}

std::string create_volume(const place& at, const statement_label& label)
{
    return header(label, "create_volume") + "CREATE VOLUME IF NOT EXISTS " + at.table(at.volume) +
           " COMMENT 'Files that Lakeferry is loading; empty between runs'";
}

std::string create_table(const place& at, const core::table& t, const statement_label& label)
{
    std::string out = header(label, "create_table", t.name) + "CREATE TABLE IF NOT EXISTS " + at.table(t.name) + " (" +
                      join(t.columns, ", ", definition) + ")";
    if (!t.cluster_by.empty())
        out += " CLUSTER BY (" + join(t.cluster_by, ", ", [](const auto& c) { return quote_identifier(c); }) + ")";
    if (!t.comment.empty()) out += " COMMENT " + quote_string(t.comment);
    return out;
}

std::string add_columns(const place& at, std::string_view table, std::span<const core::column> columns,
                        const statement_label& label)
{
    return header(label, "add_columns", table) + "ALTER TABLE " + at.table(table) + " ADD COLUMNS (" +
           join(columns, ", ", definition) + ")";
}

std::string create_fence_table(const place& at, const statement_label& label)
{
    return header(label, "create_table", fence_table) + "CREATE TABLE IF NOT EXISTS " + at.table(fence_table) +
           " (table_name STRING COMMENT 'A table that Lakeferry updates', load_seq BIGINT COMMENT 'The last load of "
           "it that is complete; statements of this and earlier loads change nothing any more') COMMENT "
           "'Bookkeeping of Lakeferry: keeps a late statement of an old load from undoing a newer one'";
}

std::string copy_into(const place& at, const core::table& t, std::string_view folder,
                      std::span<const std::string> files, const statement_label& label)
{
    return header(label, "copy_into", t.name) + "COPY INTO " + at.table(t.name) + "\nFROM (SELECT " +
           join(t.columns, ", ", cast) + " FROM " + quote_string(folder) +
           ")\nFILEFORMAT = JSON\nFILES = (" + join(files, ", ", [](const auto& f) { return quote_string(f); }) +
           ")\nFORMAT_OPTIONS ('mode' = 'FAILFAST', 'primitivesAsString' = 'true')";
}

std::string_view row_key(const core::table& t) noexcept
{
    return t.find("id") != nullptr && t.find("received_at") != nullptr && t.find("seq") == nullptr ? "id" : "seq";
}

std::string merge_rows(const place& at, const core::table& t, std::string_view since, const statement_label& label)
{
    const std::string key(row_key(t));
    const std::string bound =
        key == "id" ? "t.`received_at` >= CAST(" + quote_string(since) + " AS TIMESTAMP)"
                    : "t.`seq` >= CAST(" + quote_string(since) + " AS " + core::sql_name(t.find("seq")->type) + ")";
    return header(label, "merge_rows", t.name) + "MERGE INTO " + at.table(t.name) + " AS t\nUSING (SELECT " +
           join(t.columns, ", ", cast) + " FROM " + rows_source(t, false) + ") AS s\nON t." + quote_identifier(key) +
           " = s." + quote_identifier(key) + " AND " + bound + "\nWHEN NOT MATCHED THEN " + insert_of(t);
}

std::string merge_keyed(const place& at, const core::table& t, const keyed_source& from,
                        const statement_label& label)
{
    const std::string rows =
        from.path.empty()
            ? rows_source(t, true)
            : "read_files(" + quote_string(from.path) + ", format => 'json', mode => 'FAILFAST', schema => " +
                  quote_string(text_columns(t, true)) + ", schemaEvolutionMode => 'none')";
    const auto on = [](const std::string& k) {
        return "t." + quote_identifier(k) + " = s." + quote_identifier(k);
    };
    const auto set = [](const core::column& c) {
        return quote_identifier(c.name) + " = s." + quote_identifier(c.name);
    };
    return header(label, "merge_keyed", t.name) + "MERGE INTO " + at.table(t.name) + " AS t\nUSING (SELECT _op, " +
           join(t.columns, ", ", cast) + " FROM " + rows + "\n  WHERE (SELECT coalesce(max(load_seq), 0) FROM " +
           at.table(fence_table) + " WHERE table_name = " + quote_string(t.name) +
           ") < " + std::to_string(label.load) + ") AS s\nON " + join(t.key, " AND ", on) + " AND t." +
           quote_identifier(t.key.front()) + " BETWEEN " + quote_string(from.low) + " AND " + quote_string(from.high) +
           "\nWHEN MATCHED AND s._op = 'delete' AND t.seq < s.seq THEN DELETE"
           "\nWHEN MATCHED AND s._op <> 'delete' AND t.seq < s.seq THEN UPDATE SET " +
           join(t.columns, ", ", set) + "\nWHEN NOT MATCHED AND s._op <> 'delete' THEN " + insert_of(t);
}

std::string move_fences(const place& at, std::span<const std::pair<std::string, std::uint64_t>> fences,
                        const statement_label& label)
{
    const auto row = [](const auto& f) {
        return "(" + quote_string(f.first) + ", CAST(" + std::to_string(f.second) + " AS BIGINT))";
    };
    return header(label, "move_fences") + "MERGE INTO " + at.table(fence_table) + " AS t\nUSING (SELECT * FROM VALUES " +
           join(fences, ", ", row) +
           " AS v(table_name, load_seq)) AS s\nON t.table_name = s.table_name"
           "\nWHEN MATCHED AND t.load_seq < s.load_seq THEN UPDATE SET load_seq = s.load_seq"
           "\nWHEN NOT MATCHED THEN INSERT (table_name, load_seq) VALUES (s.table_name, s.load_seq)";
}

std::string probe(const place& at, const core::table& t, const statement_label& label)
{
    const std::string key(row_key(t));
    std::string out = header(label, "probe", t.name) + "SELECT count(*) AS found FROM " + at.table(t.name) + " WHERE " +
                      quote_identifier(key) + " = CAST(:key AS " + core::sql_name(t.find(key)->type) + ")";
    if (key == "id") out += " AND `received_at` = CAST(:at AS TIMESTAMP)";
    return out;
}

}  // namespace lakeferry::profiles
