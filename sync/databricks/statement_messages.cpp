#include "sync/databricks/statement_messages.hpp"

#include "net/http/message.hpp"
#include "sync/databricks/json_fields.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace lakeferry::databricks {

namespace json = boost::json;
using rt::failure;
using rt::retry_class;

namespace {

failure bad_answer(std::string_view why)
{
    return {retry_class::unknown_outcome, "statement.bad_answer",
            "The workspace's answer about a statement cannot be understood: " + std::string(why) + "."};
}

constexpr std::array<std::pair<std::string_view, statement_state>, 6> states{{
    {"PENDING", statement_state::pending}, {"RUNNING", statement_state::running},
    {"SUCCEEDED", statement_state::succeeded}, {"FAILED", statement_state::failed},
    {"CANCELED", statement_state::canceled}, {"CLOSED", statement_state::closed}}};

statement_state state_of(std::string_view text) noexcept
{
    for (const auto& [name, state] : states)
        if (name == text) return state;
    return statement_state::unknown;
}

// The history has words of its own.
statement_state history_state_of(std::string_view text) noexcept
{
    if (text == "QUEUED") return statement_state::pending;
    if (text == "STARTED" || text == "COMPILING" || text == "COMPILED" || text == "RUNNING") return statement_state::running;
    if (text == "FINISHED") return statement_state::succeeded;
    if (text == "CANCELED") return statement_state::canceled;
    if (text == "FAILED") return statement_state::failed;
    return statement_state::unknown;
}

json::string_view view(std::string_view text) noexcept
{
    return {text.data(), text.size()};
}

bool same_nocase(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

std::vector<result_column> read_columns(const json::object& manifest)
{
    std::vector<result_column> out;
    const auto* schema = fields::object(manifest, "schema");
    const auto* columns = schema == nullptr ? nullptr : fields::array(*schema, "columns");
    if (columns == nullptr) return out;  // DDL: column_count 0 and no columns
    for (const auto& one : *columns) {
        const auto* column = one.if_object();
        if (column == nullptr) continue;
        auto type = fields::text(*column, "type_text");
        if (type.empty()) type = fields::text(*column, "type_name");
        out.push_back({fields::text(*column, "name"), std::move(type)});
    }
    return out;
}

std::optional<result_chunk> read_chunk(const json::object& result)
{
    result_chunk out;
    out.next_link = fields::text(result, "next_chunk_internal_link");
    // An absolute path on the same host, nothing else: it is called with our token.
    if (!out.next_link.empty() && (!out.next_link.starts_with("/api/") || out.next_link.find("..") != std::string::npos))
        return std::nullopt;
    const auto* rows = fields::array(result, "data_array");
    if (rows == nullptr) return out;
    out.rows.reserve(rows->size());
    for (const auto& one : *rows) {
        const auto* cells = one.if_array();
        if (cells == nullptr) return std::nullopt;
        auto& row = out.rows.emplace_back();
        row.reserve(cells->size());
        for (const auto& value : *cells) {
            if (value.is_null())
                row.emplace_back(std::nullopt);
            else if (value.is_string())
                row.emplace_back(std::string(value.get_string().data(), value.get_string().size()));
            else  // never seen; its JSON text is the faithful reading
                row.emplace_back(json::serialize(value));
        }
    }
    return out;
}

}  // namespace

const char* to_string(statement_state s) noexcept
{
    for (const auto& [name, state] : states)
        if (state == s) return name.data();
    return "UNKNOWN";
}

std::optional<std::size_t> statement_result::column_index(std::string_view name) const noexcept
{
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (same_nocase(columns[i].name, name)) return i;
    return std::nullopt;
}

std::string submit_body(const statement& what)
{
    json::object body;
    body["warehouse_id"] = view(what.warehouse_id);
    body["statement"] = view(what.text);
    body["wait_timeout"] = "0s";
    body["disposition"] = what.external_links ? "EXTERNAL_LINKS" : "INLINE";
    body["format"] = "JSON_ARRAY";
    if (!what.catalog.empty()) body["catalog"] = view(what.catalog);
    if (!what.schema.empty()) body["schema"] = view(what.schema);
    if (!what.parameters.empty()) {
        auto& all = body["parameters"].emplace_array();
        for (const auto& p : what.parameters) {
            json::object one;
            one["name"] = view(p.name);
            one["type"] = view(p.type);
            if (p.value)
                one["value"] = view(*p.value);
            else
                one["value"] = nullptr;
            all.push_back(std::move(one));
        }
    }
    if (!what.tags.empty()) {
        auto& all = body["query_tags"].emplace_array();
        for (const auto& t : what.tags) all.push_back(json::object{{"key", view(t.key)}, {"value", view(t.value)}});
    }
    return json::serialize(body);
}

rt::outcome<statement_status> parse_statement_status(std::string_view body)
{
    const auto value = fields::parse(body);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) return bad_answer("it is not a JSON object");
    statement_status out;
    out.id = fields::text(*object, "statement_id");
    if (out.id.empty()) return bad_answer("it has no statement_id");
    const auto* status = fields::object(*object, "status");
    if (status == nullptr) return bad_answer("it has no status");
    out.state = state_of(fields::text(*status, "state"));
    if (out.state == statement_state::failed) {
        statement_error error;
        error.statement_id = out.id;
        error.sql_state = fields::text(*status, "sql_state");
        if (const auto* said = fields::object(*status, "error")) {
            error.error_code = fields::text(*said, "error_code");
            error.message = fields::text(*said, "message");
        }
        out.error = std::move(error);
    }
    if (const auto* manifest = fields::object(*object, "manifest")) {
        out.columns = read_columns(*manifest);
        out.truncated = fields::boolean(*manifest, "truncated");
    }
    if (const auto* result = fields::object(*object, "result")) {
        auto chunk = read_chunk(*result);
        if (!chunk) return bad_answer("its result is malformed");
        out.first = std::move(*chunk);
    }
    return out;
}

rt::outcome<result_chunk> parse_result_chunk(std::string_view body)
{
    const auto value = fields::parse(body);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) return bad_answer("a chunk is not a JSON object");
    auto chunk = read_chunk(*object);
    if (!chunk) return bad_answer("a chunk is malformed");
    return std::move(*chunk);
}

statement_counts read_counts(const std::vector<result_column>& columns, const std::vector<result_row>& rows)
{
    statement_counts out;
    if (rows.size() != 1) return out;
    const auto& row = rows.front();
    const std::array<std::pair<std::string_view, std::optional<std::int64_t>*>, 5> wanted{{
        {"num_affected_rows", &out.affected}, {"num_inserted_rows", &out.inserted}, {"num_updated_rows", &out.updated},
        {"num_deleted_rows", &out.deleted}, {"num_skipped_corrupt_files", &out.skipped_corrupt_files}}};
    for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i) {
        if (!row[i]) continue;
        for (const auto& [name, slot] : wanted)
            if (same_nocase(columns[i].name, name)) *slot = fields::integer(json::value(view(*row[i])));
    }
    return out;
}

std::string history_path(std::string_view warehouse_id, std::int64_t since_ms, std::string_view page_token)
{
    std::string out = "/api/2.0/sql/history/queries?max_results=100&filter_by.warehouse_ids=" +
                      http::encode_component(warehouse_id) +
                      "&filter_by.query_start_time_range.start_time_ms=" + std::to_string(since_ms);
    if (!page_token.empty()) out += "&page_token=" + http::encode_component(page_token);
    return out;
}

namespace {

// Tags come back as a list of pairs; an object is understood too.
bool carries(const json::object& item, const query_tag& tag)
{
    if (const auto* list = fields::array(item, "query_tags")) {
        for (const auto& one : *list) {
            const auto* pair = one.if_object();
            if (pair != nullptr && fields::text(*pair, "key") == tag.key && fields::text(*pair, "value") == tag.value)
                return true;
        }
        return false;
    }
    if (const auto* map = fields::object(item, "query_tags")) return fields::text(*map, tag.key) == tag.value;
    return false;
}

}  // namespace

rt::outcome<history_page> parse_history(std::string_view body, const query_tag& tag)
{
    const auto value = fields::parse(body);
    const auto* object = value ? value->if_object() : nullptr;
    if (object == nullptr) return bad_answer("the query history is not a JSON object");
    history_page out;
    out.next_page_token = fields::text(*object, "next_page_token");
    if (const auto* items = fields::array(*object, "res")) {
        for (const auto& one : *items) {
            const auto* item = one.if_object();
            if (item == nullptr || !carries(*item, tag)) continue;
            out.matching.push_back({fields::text(*item, "query_id"), history_state_of(fields::text(*item, "status")),
                                    fields::integer(*item, "query_start_time_ms")});
        }
    }
    return out;
}

}  // namespace lakeferry::databricks
