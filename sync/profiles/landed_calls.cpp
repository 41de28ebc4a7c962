#include "sync/profiles/landed_calls.hpp"

#include "sync/core/json.hpp"
#include "sync/core/names.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/databricks/sql.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace lakeferry::profiles {

namespace json = boost::json;
using databricks::quote_identifier;
using databricks::quote_string;

namespace {

struct call_table {
    const char* name;
    const char* type;
};
constexpr std::array<call_table, 6> call_tables{{{"identifies", "identify"},
                                                 {"tracks", "track"},
                                                 {"pages", "page"},
                                                 {"screens", "screen"},
                                                 {"groups", "group"},
                                                 {"aliases", "alias"}}};

// Where a value goes in the call: a path, and the column that holds it.
struct place {
    std::string path{};  // "traits.email", parts joined with the unit separator
    std::string column{};
};
constexpr char separator = '\x1f';

std::string path(std::initializer_list<std::string_view> parts)
{
    std::string joined;
    for (const auto part : parts) {
        if (!joined.empty()) joined += separator;
        joined += part;
    }
    return joined;
}

// In the form that every way of writing a key is looked for in, too: the one that its column has.
std::vector<std::string> configured_keys(const core::identity_settings& current, const core::identity_settings& changed)
{
    std::vector<std::string> keys;
    for (const auto* rules : {&current, &changed})
        for (const auto& rule : rules->identifiers)
            for (const auto& key : rule.keys) {
                auto form = core::snake_case(key);
                if (form.empty()) form = key;
                if (std::find(keys.begin(), keys.end(), form) == keys.end()) keys.push_back(std::move(form));
            }
    return keys;
}

void add(std::vector<place>& to, std::string where, std::string column)
{
    const auto same = [&](const place& p) { return p.column == column; };
    if (std::none_of(to.begin(), to.end(), same)) to.push_back({std::move(where), std::move(column)});
}

std::vector<place> context_places(const std::vector<std::string>& keys)
{
    std::vector<place> all;
    add(all, path({"context", "traits", "email"}), "context_traits_email");
    for (const auto& [key, column] : {std::pair{"type", "type"}, {"id", "id"}, {"advertisingId", "advertising_id"},
                                      {"adTrackingEnabled", "ad_tracking_enabled"}, {"token", "token"}})
        add(all, path({"context", "device", key}), std::string("context_device_") + column);
    add(all, path({"context", "integrations", "Google Analytics", "clientId"}), "context_integrations_google_analytics_client_id");
    add(all, path({"context", "externalIds"}), "context_external_ids");
    for (const auto& key : keys) {
        const std::array<std::string_view, 2> below{"traits", key};
        add(all, path({"context", "traits", key}), core::context_column_name(below));
    }
    return all;
}

std::vector<place> places_of(std::string_view type, const std::vector<std::string>& keys)
{
    auto all = context_places(keys);
    if (type == "identify") {
        add(all, path({"traits", "email"}), "email");
        for (const auto& key : keys) add(all, path({"traits", key}), core::column_name(key));
    }
    if (type == "track" || type == "page" || type == "screen")
        for (const auto& key : keys) add(all, path({"properties", key}), core::column_name(key));
    return all;
}

std::string column_or_null(const databricks::table_info& table, std::string_view column)
{
    return table.find(column) == nullptr ? "CAST(NULL AS STRING)" : "CAST(t." + quote_identifier(column) + " AS STRING)";
}

// All values in one JSON text with the columns' names; those that are NULL are left out of it.
std::string values(const databricks::table_info& table, const std::vector<place>& places)
{
    std::string members;
    const auto member = [&](const std::string& name) {
        const auto* column = table.find(name);
        if (column == nullptr) return;
        members += (members.empty() ? "" : ", ") + quote_string(name) + ", t." + quote_identifier(column->name);
    };
    for (const auto& one : places) member(one.column);
    member("_rescued_data");
    return members.empty() ? "'{}'" : "to_json(named_struct(" + members + "))";
}

std::string select(const databricks::table_info& table, const std::string& full_name, std::string_view type,
                   const std::vector<std::string>& keys)
{
    std::string paths;
    const auto places = places_of(type, keys);
    for (const auto& one : places) {
        if (table.find(one.column) == nullptr && table.find("_rescued_data") == nullptr) continue;
        paths += (paths.empty() ? "" : "\n") + one.column + "=" + one.path;
    }
    return "SELECT " + quote_string(type) + " AS kind, " + column_or_null(table, "id") + " AS id, " +
           column_or_null(table, "user_id") + " AS user_id, " + column_or_null(table, "anonymous_id") + " AS anonymous_id, " +
           column_or_null(table, "previous_id") + " AS previous_id, " + column_or_null(table, "group_id") + " AS group_id, " +
           column_or_null(table, "event_source_id") + " AS source, unix_micros(t.`received_at`) AS received, " +
           (table.find("timestamp") == nullptr ? "CAST(NULL AS BIGINT)" : "unix_micros(t.`timestamp`)") + " AS happened, " +
           values(table, places) + " AS vals, " + quote_string(paths) + " AS places FROM " + full_name + " t";
}

bool is_event_table(const databricks::table_info& table)
{
    const auto fixed = std::any_of(call_tables.begin(), call_tables.end(), [&](const auto& one) { return table.name == one.name; });
    return !fixed && table.find("event_text") != nullptr && table.find("id") != nullptr && table.find("received_at") != nullptr;
}

bool has_a_key(const databricks::table_info& table, const std::vector<std::string>& keys)
{
    return std::any_of(keys.begin(), keys.end(), [&](const auto& key) { return table.find(core::column_name(key)) != nullptr; });
}

// ---- back to calls ---------------------------------------------------------------------------------------------

std::optional<std::int64_t> number(const databricks::cell& text)
{
    if (!text) return std::nullopt;
    std::int64_t n = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), n);
    return error == std::errc() && end == text->data() + text->size() ? std::optional(n) : std::nullopt;
}

void put(json::object& to, std::string_view where, json::value value)
{
    const auto cut = where.find(separator);
    const auto name = where.substr(0, cut);
    if (cut == std::string_view::npos) {
        to[name] = std::move(value);
        return;
    }
    auto& below = to[name];
    if (!below.is_object()) below = json::object();
    put(below.as_object(), where.substr(cut + 1), std::move(value));
}

std::optional<json::object> object_in(std::string_view text)
{
    boost::system::error_code error;
    auto value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

// An array travels as text in its column.
json::value restored(std::string_view column, json::value value)
{
    if (column != "context_external_ids" || !value.is_string()) return value;
    boost::system::error_code error;
    auto array = json::parse(value.get_string(), error);
    return error ? std::move(value) : std::move(array);
}

void put_values(json::object& call, std::string_view values, std::string_view places)
{
    auto held = object_in(values);
    if (!held) return;
    if (const auto* rescued = held->if_contains("_rescued_data"); rescued != nullptr && rescued->is_string())
        if (auto more = object_in(rescued->get_string()))
            for (auto& member : *more) held->insert_or_assign(member.key(), std::move(member.value()));
    while (!places.empty()) {
        const auto end = places.find('\n');
        const auto line = places.substr(0, end);
        places = end == std::string_view::npos ? std::string_view() : places.substr(end + 1);
        const auto equals = line.find('=');
        if (equals == std::string_view::npos) continue;
        const auto column = line.substr(0, equals);
        if (const auto* value = held->if_contains(column)) put(call, line.substr(equals + 1), restored(column, *value));
    }
}

}  // namespace

rt::outcome<landed_query> query_landed(const std::vector<databricks::table_info>& tables, const std::string& catalog,
                                       const std::string& schema, const core::identity_settings& current,
                                       const core::identity_settings& changed)
{
    const auto keys = configured_keys(current, changed);
    landed_query query;
    std::vector<std::string> parts;
    std::vector<std::string> own_events;  // tracks that are read from the table of their event
    const auto full = [&](const std::string& name) { return databricks::qualified(catalog, schema, name); };
    for (const auto& table : tables) {
        if (!is_event_table(table) || !has_a_key(table, keys)) continue;
        parts.push_back(select(table, full(table.name), "track", keys));
        query.tables.push_back(table.name);
        own_events.push_back(table.name);
    }
    for (const auto& [name, type] : call_tables) {
        const auto found = std::find_if(tables.begin(), tables.end(), [&, wanted = name](const auto& t) { return t.name == wanted; });
        if (found == tables.end() || found->find("received_at") == nullptr) {
            query.missing.emplace_back(name);
            continue;
        }
        auto part = select(*found, full(found->name), type, keys);
        if (found->name == "tracks" && !own_events.empty() && found->find("event") != nullptr) {
            part += " WHERE t.`event` IS NULL OR t.`event` NOT IN (";
            for (std::size_t i = 0; i < own_events.size(); ++i) part += (i == 0 ? "" : ", ") + quote_string(own_events[i]);
            part += ")";
        }
        parts.push_back(std::move(part));
        query.tables.emplace_back(name);
    }
    if (parts.empty())
        return rt::failure{.retry = rt::retry_class::never,
                           .id = "preview.nothing_landed",
                           .detail = databricks::qualified(catalog, schema) +
                                     " has no table of calls (identifies, tracks, pages, …): run a sync first, or name files with --calls"};
    query.text = "SELECT * FROM (\n";
    for (std::size_t i = 0; i < parts.size(); ++i) query.text += (i == 0 ? "" : "\nUNION ALL\n") + parts[i];
    query.text += "\n) ORDER BY received, happened, id, kind";
    return query;
}

std::optional<landed_call> read_landed(const databricks::result_row& row)
{
    constexpr std::size_t columns = 11;
    if (row.size() != columns || !row[0]) return std::nullopt;
    const auto received = number(row[7]);
    if (!received) return std::nullopt;
    json::object call{{"type", *row[0]}};
    const std::array<const char*, 5> names{"messageId", "userId", "anonymousId", "previousId", "groupId"};
    for (std::size_t i = 0; i < names.size(); ++i)
        if (row[i + 1]) call[names.at(i)] = *row[i + 1];
    if (*row[0] == "track") call["event"] = "landed";  // its name means nothing to identity rules
    if (const auto happened = number(row[8])) call["timestamp"] = core::format_timestamp(*happened);
    if (row[9] && row[10]) put_values(call, *row[9], *row[10]);
    return landed_call{.source = row[6].value_or(""), .received_us = *received, .text = core::compact(call)};
}

}  // namespace lakeferry::profiles
