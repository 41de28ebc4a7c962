#include "sync/databricks/catalog.hpp"

#include "sync/databricks/json_fields.hpp"

#include <algorithm>
#include <cctype>
#include <functional>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

constexpr unsigned pages_max = 2000;
const std::string root = "/api/2.1/unity-catalog/";

bool same_nocase(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
    });
}

call_options about(resource target, std::string name, rt::deadline limit)
{
    call_options out;
    out.limit = limit;
    out.target = target;
    out.name = std::move(name);
    return out;
}

std::string full(const std::string& a, const std::string& b)
{
    return a + "." + b;
}

securable_info read_securable(const boost::json::object& in)
{
    securable_info out;
    out.full_name = fields::text(in, "full_name");
    if (out.full_name.empty()) out.full_name = fields::text(in, "name");
    out.owner = fields::text(in, "owner");
    out.type = fields::text(in, "catalog_type");
    if (out.type.empty()) out.type = fields::text(in, "volume_type");
    out.comment = fields::text(in, "comment");
    return out;
}

table_info read_table(const boost::json::object& in)
{
    table_info out;
    out.full_name = fields::text(in, "full_name");
    out.name = fields::text(in, "name");
    out.type = fields::text(in, "table_type");
    out.format = fields::text(in, "data_source_format");
    out.owner = fields::text(in, "owner");
    out.comment = fields::text(in, "comment");
    if (const auto* found = in.if_contains("properties"); found != nullptr && found->is_object())
        for (const auto& [name, value] : found->get_object())
            if (name.starts_with("lakeferry.") && value.is_string()) out.properties.emplace(name, value.get_string());
    // A text, or an object that also says where it is inherited from.
    const auto* flag = in.if_contains("effective_predictive_optimization_flag");
    if (flag != nullptr && flag->is_object()) flag = flag->get_object().if_contains("value");
    out.predictive_optimization = flag != nullptr && flag->is_string() && flag->get_string() == "ENABLE";
    const auto* columns = fields::array(in, "columns");
    if (columns == nullptr) return out;
    for (const auto& one : *columns) {
        const auto* column = one.if_object();
        if (column == nullptr) continue;
        auto type = fields::text(*column, "type_text");
        if (type.empty()) type = fields::text(*column, "type_name");
        out.columns.push_back({fields::text(*column, "name"), std::move(type), fields::text(*column, "comment"),
                               fields::boolean(*column, "nullable", true)});
    }
    return out;
}

// One object, or nothing. What holds it being absent means that it is absent too.
rt::awaitable<rt::outcome<std::optional<boost::json::object>>> get_object(workspace& door, std::string path, call_options options)
{
    auto answer = co_await door.call_json("GET", std::move(path), {}, std::move(options));
    if (answer.has_error()) {
        if (is_not_found(answer.error())) co_return std::optional<boost::json::object>();
        co_return answer.error();
    }
    if (auto* object = answer->if_object()) co_return std::optional<boost::json::object>(std::move(*object));
    co_return failure{retry_class::transient, "workspace.cut", "The catalog's answer is not a JSON object."};
}

rt::awaitable<rt::outcome<std::optional<securable_info>>> get_securable(workspace& door, std::string path, call_options options)
{
    auto object = co_await get_object(door, std::move(path), std::move(options));
    if (object.has_error()) co_return object.error();
    if (!*object) co_return std::optional<securable_info>();
    co_return std::optional<securable_info>(read_securable(**object));
}

// Every element of a paged list. Pages may be empty and still have a next one.
rt::awaitable<std::optional<failure>> each(workspace& door,
                                           std::string path,
                                           std::string_view list,
                                           call_options options,
                                           std::function<void(const boost::json::object&)> take)
{
    std::string token;
    for (unsigned page = 0; page < pages_max; ++page) {
        auto target = path;
        if (!token.empty()) target += "&page_token=" + http::encode_component(token);
        auto answer = co_await door.call_json("GET", std::move(target), {}, options);
        if (answer.has_error()) co_return answer.error();
        const auto* object = answer->if_object();
        if (object == nullptr) break;
        if (const auto* all = fields::array(*object, list)) {
            for (const auto& one : *all)
                if (const auto* element = one.if_object()) take(*element);
        }
        token = fields::text(*object, "next_page_token");
        if (token.empty()) break;
    }
    co_return std::nullopt;
}

}  // namespace

const column_info* table_info::find(std::string_view column_name) const noexcept
{
    for (const auto& one : columns)
        if (same_nocase(one.name, column_name)) return &one;
    return nullptr;
}

bool privileges::has(std::string_view privilege) const
{
    if (owner || held.contains(std::string(privilege))) return true;
    return privilege != "MANAGE" && held.contains("ALL PRIVILEGES");
}

const char* to_string(securable s) noexcept
{
    switch (s) {
        case securable::catalog: return "catalog";
        case securable::schema: return "schema";
        case securable::table: return "table";
        case securable::volume: return "volume";
    }
    return "table";
}

std::optional<failure> refuse_catalog_name(std::string_view catalog)
{
    if (same_nocase(catalog, "hive_metastore") || same_nocase(catalog, "spark_catalog"))
        return failure{retry_class::never, "catalog.not_unity",
                       "The catalog " + std::string(catalog) + " is not part of Unity Catalog, which Lakeferry needs: name a "
                       "Unity Catalog catalog, e.g. main."};
    const bool odd = catalog.empty() || catalog.size() > 255 || std::any_of(catalog.begin(), catalog.end(), [](char c) {
        return c == '.' || c == '/' || static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    });
    if (odd)
        return failure{retry_class::never, "catalog.malformed",
                       "\"" + std::string(catalog.substr(0, 100)) + "\" cannot be the name of a catalog: 1 to 255 characters "
                       "without dots, slashes, spaces and control characters."};
    return std::nullopt;
}

rt::awaitable<rt::outcome<metastore_info>> metastore_assignment(workspace& door, rt::deadline limit)
{
    auto answer = co_await door.call_json("GET", root + "current-metastore-assignment", {}, about(resource::none, {}, limit));
    if (answer.has_error()) {
        auto why = answer.error();
        if (is_not_found(why)) why.id = "catalog.not_unity";
        co_return why;
    }
    const auto* in = answer->if_object();
    if (in == nullptr || fields::text(*in, "metastore_id").empty())
        co_return failure{retry_class::never, "catalog.not_unity",
                          "This workspace has no Unity Catalog: an account admin assigns it a metastore."};
    metastore_info out;
    out.id = fields::text(*in, "metastore_id");
    out.workspace_id = fields::text(*in, "workspace_id");
    if (out.workspace_id.empty())
        if (const auto number = fields::integer(*in, "workspace_id", -1); number >= 0) out.workspace_id = std::to_string(number);
    out.default_catalog = fields::text(*in, "default_catalog_name");
    co_return out;
}

rt::awaitable<rt::outcome<std::optional<securable_info>>> get_catalog(workspace& door, std::string catalog, rt::deadline limit)
{
    if (auto bad = refuse_catalog_name(catalog)) co_return *bad;
    co_return co_await get_securable(door, root + "catalogs/" + http::encode_component(catalog),
                                     about(resource::catalog, catalog, limit));
}

rt::awaitable<rt::outcome<std::optional<securable_info>>> get_schema(workspace& door, std::string catalog, std::string schema, rt::deadline limit)
{
    const auto name = full(catalog, schema);
    co_return co_await get_securable(door, root + "schemas/" + http::encode_component(name), about(resource::schema, name, limit));
}

rt::awaitable<rt::outcome<std::optional<securable_info>>> get_volume(workspace& door, std::string catalog, std::string schema, std::string volume, rt::deadline limit)
{
    const auto name = full(full(catalog, schema), volume);
    co_return co_await get_securable(door, root + "volumes/" + http::encode_component(name), about(resource::volume, name, limit));
}

rt::awaitable<rt::outcome<std::optional<table_info>>> get_table(workspace& door, std::string catalog, std::string schema, std::string table, rt::deadline limit)
{
    const auto name = full(full(catalog, schema), table);
    auto object = co_await get_object(door, root + "tables/" + http::encode_component(name), about(resource::table, name, limit));
    if (object.has_error()) co_return object.error();
    if (!*object) co_return std::optional<table_info>();
    co_return std::optional<table_info>(read_table(**object));
}

rt::awaitable<rt::outcome<std::vector<securable_info>>> list_schemas(workspace& door, std::string catalog, rt::deadline limit)
{
    std::vector<securable_info> out;
    const auto bad = co_await each(door, root + "schemas?max_results=0&catalog_name=" + http::encode_component(catalog), "schemas",
                                   about(resource::catalog, catalog, limit),
                                   [&out](const boost::json::object& one) { out.push_back(read_securable(one)); });
    if (bad) co_return *bad;
    co_return out;
}

rt::awaitable<rt::outcome<std::vector<table_info>>> list_tables(workspace& door, std::string catalog, std::string schema, rt::deadline limit)
{
    std::vector<table_info> out;
    const auto bad = co_await each(door, root + "tables?max_results=0&catalog_name=" + http::encode_component(catalog) +
                                             "&schema_name=" + http::encode_component(schema),
                                   "tables", about(resource::schema, full(catalog, schema), limit),
                                   [&out](const boost::json::object& one) { out.push_back(read_table(one)); });
    if (bad) co_return *bad;
    co_return out;
}

rt::awaitable<rt::outcome<privileges>> effective_privileges(workspace& door, securable kind, std::string full_name, identity who, rt::deadline limit)
{
    privileges out;
    std::vector<std::string> principals{who.user_name};
    principals.insert(principals.end(), who.groups.begin(), who.groups.end());
    principals.emplace_back("account users");  // everybody's group, which Me does not list
    for (std::size_t i = 0; i < principals.size(); ++i) {
        const auto path = root + "effective-permissions/" + to_string(kind) + "/" + http::encode_component(full_name) +
                          "?max_results=0&principal=" + http::encode_component(principals[i]);
        const auto target = kind == securable::catalog  ? resource::catalog
                            : kind == securable::schema ? resource::schema
                            : kind == securable::volume ? resource::volume
                                                        : resource::table;
        const auto bad = co_await each(door, path, "privilege_assignments", about(target, full_name, limit),
                                       [&out](const boost::json::object& one) {
            const auto* list = fields::array(one, "privileges");
            if (list == nullptr) return;
            for (const auto& p : *list) {
                const auto* object = p.if_object();
                auto name = object != nullptr ? fields::text(*object, "privilege") : std::string();
                std::replace(name.begin(), name.end(), '_', ' ');
                if (!name.empty()) out.held.insert(std::move(name));
            }
        });
        if (!bad) continue;
        // One's own grants can always be read; a group's may be closed, or the group a workspace-local one.
        const bool about_group = i > 0 && bad->retry == retry_class::never;
        if (!about_group) co_return *bad;
    }
    co_return out;
}

}  // namespace lakeferry::databricks
