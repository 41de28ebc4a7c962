#include "sync/profiles/landing_sql.hpp"

#include "sync/databricks/sql.hpp"

namespace lakeferry::profiles {

namespace {

using databricks::join;
using databricks::quote_identifier;
using databricks::quote_string;

// What it is for stands where the load's number would, when it is not a load.
std::string header(const statement_label& label, std::string_view kind, std::string_view table = {})
{
    std::string what(table.empty() ? kind : table);
    what += label.load != 0 ? "-" + std::to_string(label.load) : "";
    return databricks::comment_header(label.space, std::to_string(label.run), what);
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

std::string columns_as(const core::table& t, bool with_op, const char* (*type)(core::column_type))
{
    std::string out = with_op ? "_op STRING" : "";
    for (const auto& c : t.columns) {
        if (!out.empty()) out += ", ";
        out += quote_identifier(c.name) + " " + type(c.type);
    }
    return out;
}

// Files say nothing about which calendar the years before 1900 are of, and some readers would take them for the Julian
// one ("datetimeRebaseMode": https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options).
constexpr std::string_view calendar = "datetimeRebaseMode";
constexpr std::string_view gregorian = "CORRECTED";

}  // namespace

std::string typed_columns(const core::table& t) { return join(t.columns, ", ", cast); }

std::string rows_of_parameter(const core::table& t, bool with_op)
{
    // All as text: casts happen in the SELECT, where they are exact.
    const std::string columns = columns_as(t, with_op, [](core::column_type) { return "STRING"; });
    return "(SELECT inline(from_json(:rows, " + quote_string("array<struct<" + columns + ">>") + ")))";
}

std::string rows_of_files(const core::table& t, std::string_view path, bool with_op)
{
    return "read_files(" + quote_string(path) + ", format => 'parquet', schema => " +
           quote_string(columns_as(t, with_op, core::sql_name)) + ", " + std::string(calendar) + " => " +
           quote_string(gregorian) + ", schemaEvolutionMode => 'none')";
}

std::string insert_all(const core::table& t)
{
    const auto name = [](const core::column& c) { return quote_identifier(c.name); };
    const auto value = [](const core::column& c) { return "s." + quote_identifier(c.name); };
    return "INSERT (" + join(t.columns, ", ", name) + ") VALUES (" + join(t.columns, ", ", value) + ")";
}

std::string place::table(std::string_view name) const
{
    return databricks::qualified(catalog, schema, name);
}

std::string place::volume_path() const { return "/Volumes/" + catalog + "/" + schema + "/" + volume; }

std::string load_tag(std::string_view space, std::uint64_t load, std::size_t part)
{
    return std::string(space) + "/" + std::to_string(load) + "/" + std::to_string(part);
}

std::string schema_part(const place& at)
{
    return "CREATE SCHEMA IF NOT EXISTS " + quote_identifier(at.catalog) + "." +
           quote_identifier(at.schema) + " COMMENT 'Customer profiles and events, kept by Lakeferry'";
}

std::string create_schema(const place& at, const statement_label& label)
{
    return header(label, "create_schema") + schema_part(at);
}

std::string volume_part(const place& at)
{
    return "CREATE VOLUME IF NOT EXISTS " + at.table(at.volume) +
           " COMMENT 'Files that Lakeferry is loading; empty between runs'";
}

std::string create_volume(const place& at, const statement_label& label)
{
    return header(label, "create_volume") + volume_part(at);
}

namespace {

// Name, columns and all that follows.
std::string shape_of(const place& at, const core::table& t)
{
    std::string out = at.table(t.name) + " (" + join(t.columns, ", ", definition) + ")";
    if (!t.cluster_by.empty())
        out += " CLUSTER BY (" + join(t.cluster_by, ", ", [](const auto& c) { return quote_identifier(c); }) + ")";
    if (!t.comment.empty()) out += " COMMENT " + quote_string(t.comment);
    return out;
}

}  // namespace

std::string table_part(const place& at, const core::table& t)
{
    return "CREATE TABLE IF NOT EXISTS " + shape_of(at, t);
}

std::string create_table(const place& at, const core::table& t, const statement_label& label)
{
    return header(label, "create_table", t.name) + table_part(at, t);
}

std::string script(std::span<const std::string> parts)
{
    std::string out = "BEGIN\n";
    for (const auto& part : parts) out += part + ";\n";
    return out + "END";
}

bool is_script(std::string_view statement) noexcept { return statement.find("*/\nBEGIN\n") != std::string_view::npos; }

std::string set_up_script(std::span<const std::string> parts, const statement_label& label)
{
    return header(label, "set_up") + script(parts);
}

std::string add_columns(const place& at, std::string_view table, std::span<const core::column> columns,
                        const statement_label& label)
{
    return header(label, "add_columns", table) + "ALTER TABLE " + at.table(table) + " ADD COLUMNS (" +
           join(columns, ", ", definition) + ")";
}

core::table fence_table_definition()
{
    core::table t;
    t.name = fence_table;
    t.columns = {{"table_name", core::column_type::string,
                  "A table that Lakeferry updates, * for all of them; or run and its number."},
                 {"load_seq", core::column_type::bigint,
                  "The last load of the table that is complete: statements of this and earlier loads change nothing any "
                  "more. Of a run: its number."},
                 {"report", core::column_type::string, "What the run did, as JSON; _lakeferry_syncs shows it as columns."}};
    t.comment = "Bookkeeping of Lakeferry: keeps a late statement of an old load from undoing a newer one; its properties "
                "name the daemon that lands in this schema. Leave it alone.";
    return t;
}

std::string lease_property(std::string_view name) { return "lakeferry." + std::string(name); }

namespace {

std::string properties(const lease_holder& owner)
{
    const auto one = [](std::string_view name, std::string_view value) {
        return quote_string(lease_property(name)) + " = " + quote_string(value);
    };
    return "(" + one("owner", owner.id) + ", " + one("space", owner.space) + ", " + one("host", owner.host) + ", " +
           one("since", owner.since) + ", " + one("term", std::to_string(owner.term)) + ")";
}

}  // namespace

std::string create_fence_table(const place& at, const lease_holder& owner, const statement_label& label)
{
    return create_table(at, fence_table_definition(), label) + " TBLPROPERTIES " + properties(owner);
}

std::string fence_table_part(const place& at, const lease_holder& owner)
{
    return "CREATE TABLE " + shape_of(at, fence_table_definition()) + " TBLPROPERTIES " + properties(owner);
}

std::string set_holder(const place& at, const lease_holder& owner, const statement_label& label)
{
    return header(label, "lease") + "ALTER TABLE " + at.table(fence_table) + " SET TBLPROPERTIES " + properties(owner);
}

std::string read_fence(const place& at, std::string_view table, const statement_label& label)
{
    return header(label, "fence", table) + "SELECT coalesce(max(load_seq), 0) AS fence FROM " + at.table(fence_table) +
           " WHERE table_name IN (" + quote_string(table) + ", " + quote_string(every_table) + ")";
}

std::string copy_into(const place& at, const core::table& t, std::string_view folder,
                      std::span<const std::string> files, const statement_label& label)
{
    return header(label, "copy_into", t.name) + "COPY INTO " + at.table(t.name) + "\nFROM (SELECT " +
           join(t.columns, ", ", cast) + " FROM " + quote_string(folder) +
           ")\nFILEFORMAT = PARQUET\nFILES = (" + join(files, ", ", [](const auto& f) { return quote_string(f); }) +
           ")\nFORMAT_OPTIONS (" + quote_string(calendar) + " = " + quote_string(gregorian) + ")";
}

std::string_view row_key(const core::table& t) noexcept
{
    return t.find("id") != nullptr && t.find("received_at") != nullptr && t.find("seq") == nullptr ? "id" : "seq";
}

std::string_view since_column(const core::table& t) noexcept { return row_key(t) == "id" ? "received_at" : "seq"; }

namespace {

// A row of the table is the same as one of the source.
std::string same_row(const core::table& t, std::string_view since)
{
    const std::string key = quote_identifier(row_key(t));
    const auto bound = since_column(t);
    return "t." + key + " = s." + key + " AND t." + quote_identifier(bound) + " >= CAST(" + quote_string(since) + " AS " +
           core::sql_name(t.find(bound)->type) + ")";
}

}  // namespace

std::string merge_rows_part(const place& at, const core::table& t, const append_source& from)
{
    return "MERGE INTO " + at.table(t.name) + " AS t\nUSING (SELECT " + typed_columns(t) + " FROM " +
           (from.path.empty() ? rows_of_parameter(t, false) : rows_of_files(t, from.path, false)) + ") AS s\nON " +
           same_row(t, from.since) + "\nWHEN NOT MATCHED THEN " + insert_all(t);
}

std::string merge_rows(const place& at, const core::table& t, const append_source& from, const statement_label& label)
{
    return header(label, "merge_rows", t.name) + merge_rows_part(at, t, from);
}

std::string count_rows(const place& at, const core::table& t, const append_source& from)
{
    core::table keys;
    keys.columns = {*t.find(row_key(t))};
    return "SELECT count(*) FROM " + rows_of_files(keys, from.path, false) +
           " AS s LEFT SEMI JOIN " + at.table(t.name) + " AS t ON " + same_row(t, from.since);
}

std::string load_header(const statement_label& label, std::string_view table) { return header(label, "load", table); }

std::string fence_guard(const place& at, std::string_view table, std::uint64_t load)
{
    return "(SELECT coalesce(max(load_seq), 0) FROM " + at.table(fence_table) + " WHERE table_name IN (" +
           quote_string(table) + ", " + quote_string(every_table) + ")) < " + std::to_string(load);
}

std::string merge_keyed(const place& at, const core::table& t, const keyed_source& from,
                        const statement_label& label)
{
    const std::string rows = from.path.empty() ? rows_of_parameter(t, true) : rows_of_files(t, from.path, true);
    const auto on = [](const std::string& k) {
        return "t." + quote_identifier(k) + " = s." + quote_identifier(k);
    };
    const auto set = [](const core::column& c) {
        return quote_identifier(c.name) + " = s." + quote_identifier(c.name);
    };
    return header(label, "merge_keyed", t.name) + "MERGE INTO " + at.table(t.name) + " AS t\nUSING (SELECT _op, " +
           join(t.columns, ", ", cast) + " FROM " + rows + "\n  WHERE " + fence_guard(at, t.name, label.load) +
           ") AS s\nON " + join(t.key, " AND ", on) + " AND t." +
           quote_identifier(t.key.front()) + " BETWEEN " + quote_string(from.low) + " AND " + quote_string(from.high) +
           "\nWHEN MATCHED AND s._op = 'delete' AND t.seq < s.seq THEN DELETE"
           "\nWHEN MATCHED AND s._op <> 'delete' AND t.seq < s.seq THEN UPDATE SET " +
           join(t.columns, ", ", set) + "\nWHEN NOT MATCHED AND s._op <> 'delete' THEN " + insert_all(t);
}

namespace {

constexpr std::string_view counted = "lakeferry_rows";  // a variable of the closing script

// The report of a row behind VALUES, with the count in the place of the numbers that stand for it.
std::string with_count(const late_numbers& late)
{
    std::string report = "v.report";
    for (const auto& [stands, more] : late)
        report = "replace(" + report + ", " + quote_string(std::to_string(stands)) + ", CAST(" + std::string(counted) + " + " +
                 std::to_string(more) + " AS STRING))";
    return report;
}

}  // namespace

std::string fences_part(const place& at, std::span<const std::pair<std::string, std::uint64_t>> fences,
                        std::span<const report_row> reports, std::uint64_t forget_before, const late_numbers& late)
{
    std::string rows = join(fences, ", ", [](const auto& f) {
        return "(" + quote_string(f.first) + ", CAST(" + std::to_string(f.second) + " AS BIGINT), CAST(NULL AS STRING))";
    });
    const std::string of_runs = join(reports, ", ", [](const report_row& r) {
        return "(" + quote_string(r.key) + ", CAST(" + std::to_string(r.run) + " AS BIGINT), " + quote_string(r.report) + ")";
    });
    rows += (rows.empty() || of_runs.empty() ? "" : ", ") + of_runs;
    const std::string columns = late.empty() ? "*" : "v.table_name, v.load_seq, " + with_count(late) + " AS report";
    const std::string source = "SELECT " + columns + " FROM VALUES " + rows + " AS v(table_name, load_seq, report)";
    std::string out = "MERGE INTO " + at.table(fence_table) + " AS t\nUSING (" + source +
                      ") AS s\nON t.table_name = s.table_name"
                      "\nWHEN MATCHED AND t.load_seq < s.load_seq THEN UPDATE SET load_seq = s.load_seq"
                      "\nWHEN NOT MATCHED THEN INSERT (table_name, load_seq, report) "
                      "VALUES (s.table_name, s.load_seq, s.report)";
    if (forget_before != 0)
        out += "\nWHEN NOT MATCHED BY SOURCE AND t.report IS NOT NULL AND t.load_seq < " + std::to_string(forget_before) +
               " THEN DELETE";
    return out;
}

std::string closing_script(std::string load, std::string_view count, std::string fences)
{
    const std::string variable(counted);
    const std::vector<std::string> parts{"DECLARE " + variable + " BIGINT", std::move(load),
                                         "SET " + variable + " = (" + std::string(count) + ")", std::move(fences),
                                         "SELECT " + variable + " AS num_affected_rows"};
    return script(parts);
}

std::string move_fences(const place& at, std::span<const std::pair<std::string, std::uint64_t>> fences,
                        const statement_label& label, std::span<const report_row> reports, std::uint64_t forget_before)
{
    return header(label, "move_fences") + fences_part(at, fences, reports, forget_before);
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
