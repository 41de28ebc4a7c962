// Files, Unity Catalog and identity of the scripted workspace.
#include "net/http/message.hpp"
#include "tests/support/fake_databricks/answers.hpp"
#include "tests/support/fake_databricks/fake_workspace.hpp"

#include <algorithm>
#include <utility>

namespace lakeferry::fake_databricks {

namespace json = boost::json;
using detail::error_answer;
using detail::json_answer;
using detail::lower;

namespace {

constexpr std::string_view files_prefix = "/api/2.0/fs/files";
constexpr std::string_view directories_prefix = "/api/2.0/fs/directories";

http::response empty(unsigned status)
{
    http::response out;
    out.status = status;
    return out;
}

// "/Volumes/c/s/v/…" → "c.s.v"
std::string volume_of(const std::string& path)
{
    const auto parts = detail::split(std::string_view(path).substr(1), '/');
    if (parts.size() < 4 || parts[0] != "Volumes") return {};
    return lower(parts[1] + "." + parts[2] + "." + parts[3]);
}

http::response no_volume(const std::string& name)
{
    json::object info{{"@type", "type.googleapis.com/google.rpc.ErrorInfo"}, {"reason", "FILES_API_RESOURCE_NOT_FOUND"},
                      {"domain", "filesystem.databricks.com"}};
    return json_answer({{"error_code", "NOT_FOUND"}, {"message", "Volume '" + name + "' does not exist."},
                        {"details", json::array{std::move(info)}}},
                       404);
}

http::response no_privilege(const std::string& privilege, const std::string& kind, const std::string& name)
{
    return error_answer(403, "PERMISSION_DENIED", "User does not have " + privilege + " on " + kind + " '" + name + "'.");
}

json::object table_json(const fake_table& t)
{
    json::array columns;
    for (const auto& c : t.columns)
        columns.push_back(json::object{{"name", c.name}, {"type_text", lower(c.type_text)}, {"comment", c.comment},
                                       {"nullable", c.nullable}});
    json::object properties;
    for (const auto& [name, value] : t.properties) properties[name] = value;
    const auto predictive = t.properties.find("predictive");
    const json::object flag{{"value", predictive == t.properties.end() ? "DISABLE" : predictive->second},
                            {"inherited_from_type", "CATALOG"}};
    return {{"effective_predictive_optimization_flag", flag},
            {"full_name", t.full_name}, {"name", t.full_name.substr(t.full_name.rfind('.') + 1)}, {"table_type", t.type},
            {"data_source_format", "DELTA"}, {"owner", "5f2c"}, {"comment", t.comment}, {"columns", std::move(columns)},
            {"properties", std::move(properties)}};
}

}  // namespace

http::response fake_workspace::file_call(const http::request& what)
{
    const auto path = detail::decode(http::split_target(what.target).first.substr(files_prefix.size()));
    const auto volume = volume_of(path);
    if (!volumes.contains(volume)) return no_volume(volume);
    const bool writes = what.method == "PUT" || what.method == "DELETE";
    const std::string needed = writes ? "WRITE VOLUME" : "READ VOLUME";
    if (!allowed("volume", volume, needed)) return no_privilege(needed, "Volume", volume);
    const auto found = files.find(path);
    if (what.method == "PUT") {
        if (found != files.end() && http::query_parameter(what.target, "overwrite").value_or("") != "true")
            return error_answer(409, "ALREADY_EXISTS", "The file being created already exists.");
        files[path] = what.body;
        return empty(204);
    }
    if (found == files.end()) return error_answer(404, "NOT_FOUND", "The file being accessed is not found.");
    if (what.method == "DELETE") {
        files.erase(found);
        return empty(204);
    }
    auto out = empty(200);
    out.fields.set("Content-Type", "application/octet-stream");
    if (what.method == "GET") out.body = found->second;
    return out;
}

http::response fake_workspace::directory_call(const http::request& what)
{
    auto path = detail::decode(http::split_target(what.target).first.substr(directories_prefix.size()));
    while (!path.empty() && path.back() == '/') path.pop_back();
    const auto volume = volume_of(path);
    if (!volumes.contains(volume)) return no_volume(volume);
    const auto below = path + "/";
    const auto is_below = [&](const std::string& name) { return name.starts_with(below); };
    if (what.method == "PUT") {
        if (files.contains(path))
            return error_answer(409, "ALREADY_EXISTS", "The given path points to an existing file. This API does not support operations on files.");
        directories_.insert(path);
        return empty(204);
    }
    const bool root = std::count(path.begin(), path.end(), '/') == 4;
    const bool known = root || directories_.contains(path) ||
                       std::any_of(files.begin(), files.end(), [&](const auto& f) { return is_below(f.first); }) ||
                       std::any_of(directories_.begin(), directories_.end(), is_below);
    if (!known) return error_answer(404, "NOT_FOUND", "The directory being accessed is not found.");
    if (what.method == "HEAD") return empty(200);
    if (what.method == "DELETE") {
        directories_.erase(path);
        return empty(204);
    }
    std::map<std::string, json::object> entries;
    for (const auto& [name, bytes] : files) {
        if (!is_below(name)) continue;
        const auto rest = name.substr(below.size());
        const auto slash = rest.find('/');
        const auto first = rest.substr(0, slash);
        json::object entry{{"path", below + first}, {"name", first}, {"is_directory", slash != std::string::npos}};
        if (slash == std::string::npos) entry["file_size"] = bytes.size();
        entries[first] = std::move(entry);
    }
    const auto from = static_cast<std::size_t>(std::stoul(http::query_parameter(what.target, "page_token").value_or("0")));
    json::array page;
    std::size_t i = 0;
    for (auto& [name, entry] : entries) {
        if (i++ < from || page.size() >= settings_.list_page_size) continue;
        page.push_back(std::move(entry));
    }
    const auto next = from + page.size();
    json::object out{{"contents", std::move(page)}};
    if (next < entries.size()) out["next_page_token"] = std::to_string(next);
    return json_answer(out);
}

http::response fake_workspace::unity(const http::request& what)
{
    const auto path = detail::decode(http::split_target(what.target).first);
    const auto parts = detail::split(std::string_view(path).substr(1), '/');  // api 2.1 unity-catalog <kind> …
    const auto& kind = parts[3];
    if (!settings_.has_metastore) return error_answer(404, "FEATURE_DISABLED", "Unity Catalog is not enabled for this workspace.");
    if (kind == "current-metastore-assignment")
        return json_answer({{"metastore_id", "m-1"}, {"workspace_id", 1234567890}, {"default_catalog_name", "main"}});
    if (kind == "effective-permissions") return effective_permissions(what);
    if (parts.size() == 4) return unity_list(what, kind == "tables");
    const auto name = lower(parts[4]);
    const auto catalog = name.substr(0, name.find('.'));
    const bool has_catalog = std::find(settings_.catalogs.begin(), settings_.catalogs.end(), catalog) != settings_.catalogs.end();
    if (!has_catalog) return error_answer(404, "CATALOG_DOES_NOT_EXIST", "Catalog '" + catalog + "' does not exist.");
    if (kind == "catalogs") return json_answer({{"name", name}, {"owner", "admin"}, {"catalog_type", "MANAGED_CATALOG"}});
    const auto schema = name.substr(0, name.find('.', catalog.size() + 1));
    if (!tables.has_schema(schema)) return error_answer(404, "SCHEMA_DOES_NOT_EXIST", "Schema '" + schema + "' does not exist.");
    if (kind == "schemas") return json_answer({{"name", schema.substr(catalog.size() + 1)}, {"full_name", schema}, {"owner", "admin"}});
    if (kind == "volumes") {
        if (!volumes.contains(name)) return error_answer(404, "VOLUME_DOES_NOT_EXIST", "Volume '" + name + "' does not exist.");
        return json_answer({{"full_name", name}, {"owner", "admin"}, {"volume_type", "MANAGED"}});
    }
    const auto* t = tables.find(name);
    if (t == nullptr) return error_answer(404, "TABLE_DOES_NOT_EXIST", "Table '" + name + "' does not exist.");
    return json_answer(table_json(*t));
}

http::response fake_workspace::unity_list(const http::request& what, bool of_tables)
{
    const auto catalog = lower(http::query_parameter(what.target, "catalog_name").value_or(""));
    const auto schema = catalog + "." + lower(http::query_parameter(what.target, "schema_name").value_or(""));
    const auto from = static_cast<std::size_t>(std::stoul(http::query_parameter(what.target, "page_token").value_or("0")));
    if (of_tables && !tables.has_schema(schema))
        return error_answer(404, "SCHEMA_DOES_NOT_EXIST", "Schema '" + schema + "' does not exist.");
    json::array all;
    if (of_tables) {
        for (const auto& name : tables.names())
            if (name.starts_with(schema + ".")) all.push_back(table_json(*tables.find(name)));
    } else {
        for (const auto& name : tables.schemas())
            if (name.starts_with(catalog + ".")) all.push_back(json::object{{"full_name", name}, {"owner", "admin"}});
    }
    json::array page;
    for (std::size_t i = from; i < all.size() && page.size() < settings_.list_page_size; ++i) page.push_back(all[i]);
    const auto next = from + page.size();
    json::object out;
    out[of_tables ? "tables" : "schemas"] = std::move(page);
    if (next < all.size()) out["next_page_token"] = std::to_string(next);
    return json_answer(out);
}

http::response fake_workspace::effective_permissions(const http::request& what)
{
    const auto path = detail::decode(http::split_target(what.target).first);
    const auto parts = detail::split(std::string_view(path).substr(1), '/');
    const auto principal = http::query_parameter(what.target, "principal").value_or("");
    // An empty page with a token comes first: readers must go on.
    if (!http::query_parameter(what.target, "page_token"))
        return json_answer({{"privilege_assignments", json::array{}}, {"next_page_token", "1"}});
    json::array held;
    if (principal == settings_.client_id) {
        if (settings_.all_privileges) held.push_back(json::object{{"privilege", "ALL_PRIVILEGES"}});
        for (const std::string name : {"USE CATALOG", "USE SCHEMA", "CREATE SCHEMA", "CREATE TABLE", "CREATE VOLUME", "SELECT",
                                       "MODIFY", "READ VOLUME", "WRITE VOLUME"}) {
            if (settings_.all_privileges || !allowed(parts[4], parts[5], name)) continue;
            auto wire = name;
            std::replace(wire.begin(), wire.end(), ' ', '_');
            held.push_back(json::object{{"privilege", wire}});
        }
    }
    return json_answer({{"privilege_assignments",
                         json::array{json::object{{"principal", principal}, {"privileges", std::move(held)}}}}});
}

http::response fake_workspace::me() const
{
    json::array groups;
    for (const auto& g : settings_.groups) groups.push_back(json::object{{"display", g}});
    json::array entitlements;
    for (const auto& e : settings_.entitlements) entitlements.push_back(json::object{{"value", e}});
    return json_answer({{"id", "42"}, {"userName", settings_.client_id}, {"displayName", "lakeferry"}, {"active", true},
                        {"groups", std::move(groups)}, {"entitlements", std::move(entitlements)}});
}

}  // namespace lakeferry::fake_databricks
