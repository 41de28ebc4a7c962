#include "sync/profiles/views.hpp"

#include "sync/databricks/sql.hpp"

namespace lakeferry::profiles {

namespace {

using databricks::quote_identifier;
using databricks::quote_string;

// {name} becomes the table's quoted name.
std::string with_tables(const place& at, std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const auto open = text.find('{');
        out += text.substr(0, open);
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        out += at.table(text.substr(open + 1, close - open - 1));
        text.remove_prefix(close + 1);
    }
    return out;
}

const char* const seq_words = "Position of its newest change in the space's history.";
const char* const segment_words = "A profile that was ever created.";
const char* const canonical_words = "The profile that it resolves to now.";

view id_graph(bool materialized)
{
    view v{.name = "id_graph"};
    if (materialized) {
        v.columns = {{"segment_id", "segment_id", segment_words},
                     {"canonical_segment_id", "canonical_segment_id", canonical_words},
                     {"seq", "seq", seq_words},
                     {"timestamp", "`timestamp`", "When the call of that change happened."}};
        v.source = "{profile_merges}";
        v.needs = {"profile_merges"};
        v.comment = "Which profile each segment_id resolves to now: one row per segment_id ever created. A view of "
                    "profile_merges.";
        return v;
    }
    v.columns = {{"segment_id", "segment_id", segment_words},
                 {"canonical_segment_id", "max_by(canonical_segment_id, seq)", canonical_words},
                 {"seq", "max(seq)", seq_words},
                 {"timestamp", "max_by(`timestamp`, seq)", "When the call of that change happened."}};
    v.source = "{id_graph_updates} GROUP BY segment_id";
    v.needs = {"id_graph_updates"};
    v.comment =
        "Which profile each segment_id resolves to now: one row per segment_id ever created. A view of the newest "
        "rows of id_graph_updates.";
    return v;
}

view external_id_mapping(bool materialized)
{
    view v{.name = "external_id_mapping"};
    const char* const profile_words = "The profile that has the identifier now.";
    const char* const type_words = "Kind of identifier: user_id, email, anonymous_id, …";
    const char* const value_words = "The identifier as sent.";
    const char* const hash_words = "SHA-1 (hex) of external_id_type followed by external_id_value.";
    const char* const first_words = "When the call that carried it first happened.";
    if (materialized) {
        v.columns = {{"canonical_segment_id", "canonical_segment_id", profile_words},
                     {"external_id_type", "type", type_words},
                     {"external_id_value", "value", value_words},
                     {"external_id_hash", "lower(sha1(concat(type, value)))", hash_words},
                     {"timestamp", "`timestamp`", first_words}};
        v.source = "{user_identifiers}";
        v.needs = {"user_identifiers"};
        v.comment = "Current identifiers: one row per identifier that a profile has. A view of user_identifiers.";
        return v;
    }
    v.columns = {{"canonical_segment_id", "coalesce(g.canonical_segment_id, m.segment_id)", profile_words},
                 {"external_id_type", "m.external_id_type", type_words},
                 {"external_id_value", "m.external_id_value", value_words},
                 {"external_id_hash", "m.external_id_hash", hash_words},
                 {"timestamp", "m.`timestamp`", first_words}};
    v.source = "{external_id_mapping_updates} AS m LEFT JOIN (SELECT segment_id, max_by(canonical_segment_id, seq) AS "
               "canonical_segment_id FROM {id_graph_updates} GROUP BY segment_id) AS g ON g.segment_id = m.segment_id";
    v.needs = {"external_id_mapping_updates", "id_graph_updates"};
    v.comment =
        "Current identifiers: one row per identifier that a profile has. A view of external_id_mapping_updates and "
        "id_graph_updates.";
    return v;
}

// The JSON of a run's report, as far as the view shows it; the rest of it is passed over.
const char* const report_schema =
    "STRUCT<number BIGINT, host STRING, trigger STRING, status STRING, started_us BIGINT, ended_us BIGINT, rows "
    "BIGINT, "
    "rescued BIGINT, refused BIGINT, bytes BIGINT, files BIGINT, phases_us STRUCT<warehouse_wait BIGINT, structure "
    "BIGINT, "
    "stage BIGINT, load BIGINT>, warehouse_us BIGINT, lag_us BIGINT, statements BIGINT, adopted BIGINT, woke_warehouse "
    "BOOLEAN, "
    "families MAP<STRING, BIGINT>, tables MAP<STRING, STRUCT<rows BIGINT, bytes BIGINT, files BIGINT, loads BIGINT, "
    "rescued "
    "BIGINT, error STRUCT<id STRING, message STRING>>>, cause STRUCT<id STRING, message STRING>, next STRUCT<at_us "
    "BIGINT, why "
    "STRING>>";

std::string seconds(const char* field) { return std::string("r.") + field + " / 1e6D"; }

view runs()
{
    view v{.name = std::string(runs_view)};
    v.columns = {
        {"run", "r.number", "Number of the run."},
        {"host", "r.host", "Machine of the daemon."},
        {"trigger", "r.trigger", "What started it: schedule, manual, …"},
        {"status", "r.status",
         "success: all that was due has landed; partial: some tables failed; failed: nothing landed."},
        {"started_at", "timestamp_micros(r.started_us)", "When it began."},
        {"ended_at", "timestamp_micros(r.ended_us)", "When it ended."},
        {"seconds", "(r.ended_us - r.started_us) / 1e6D", "How long it took."},
        {"wait_seconds", seconds("phases_us.warehouse_wait"), "Of these: waiting for the warehouse."},
        {"structure_seconds", seconds("phases_us.structure"), "Looking at the schema and making what it needs."},
        {"stage_seconds", seconds("phases_us.stage"), "Reading, compressing and uploading rows."},
        {"load_seconds", seconds("phases_us.load"), "Loading rows; overlaps with stage_seconds."},
        {"lag_seconds", seconds("lag_us"), "Age of the oldest call that it landed, at its end."},
        {"rows", "r.rows", "Rows landed."},
        {"rows_by_family", "r.families", "The same by kind of table: updates, profiles, calls, events."},
        {"tables", "r.tables", "What it did with each table."},
        {"rescued", "r.rescued", "Rows with a value that did not fit its column (see _rescued_data)."},
        {"refused", "r.refused", "Calls refused since the run before."},
        {"bytes", "r.bytes", "Bytes of the landed rows, uncompressed."},
        {"files", "r.files", "Files staged."},
        {"statements", "r.statements", "Statements sent."},
        {"adopted", "r.adopted", "Loads of an earlier run that it finished."},
        {"warehouse_seconds", seconds("warehouse_us"), "How long it kept the warehouse busy."},
        {"woke_warehouse", "r.woke_warehouse", "Whether it was the one to start the warehouse."},
        {"error_id", "r.cause.id", "What went wrong, as a stable name; NULL if nothing did."},
        {"error", "r.cause.message", "The same as a sentence with cause and cure."},
        {"next_run_at", "timestamp_micros(r.`next`.at_us)", "When the next run was planned, at its end; NULL: none."},
        {"next_run_why", "r.`next`.why", "Why then."}};
    v.source = std::string("(SELECT from_json(report, ") + quote_string(report_schema) +
               ") AS r FROM {_lakeferry_loads} WHERE report IS NOT NULL)";
    v.needs = {std::string(fence_table)};
    v.comment =
        "What Lakeferry did in this schema: one row per run that had something to do. A run that could not report "
        "itself is reported by the next.";
    return v;
}

}  // namespace

std::vector<view> views(bool materialized)
{
    return {id_graph(materialized), external_id_mapping(materialized), runs()};
}

std::string view_part(const place& at, const view& v)
{
    std::string names;
    std::string values;
    for (const auto& c : v.columns) {
        const std::string between = names.empty() ? "" : ", ";
        names += between + quote_identifier(c.name) + " COMMENT " + quote_string(c.comment);
        // Permanent views want every expression named.
        values += between + with_tables(at, c.select) + " AS " + quote_identifier(c.name);
    }
    return "CREATE OR REPLACE VIEW " + at.table(v.name) + " (" + names + ")\nCOMMENT " +
           quote_string(v.comment) + "\nAS SELECT " + values + "\nFROM " + with_tables(at, v.source);
}

std::string create_view(const place& at, const view& v, const statement_label& label)
{
    return load_header(label, v.name) + view_part(at, v);
}

}  // namespace lakeferry::profiles
