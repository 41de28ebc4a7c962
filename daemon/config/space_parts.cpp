#include "daemon/config/space_parts.hpp"

#include "daemon/config/units.hpp"
#include "daemon/config/url.hpp"
#include "daemon/schedule/cron.hpp"
#include "sync/core/selection.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/warehouses.hpp"

#include <algorithm>
#include <filesystem>

namespace lakeferry::daemon {

namespace {

using std::chrono::seconds;

// Unity Catalog's rule for names (Databricks' public docs, "Names": object names).
bool is_object_name(std::string_view name)
{
    if (name.empty() || name.size() > 255) return false;
    return std::none_of(name.begin(), name.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return c == '.' || c == ' ' || c == '/' || byte < 0x20U || byte == 0x7FU;
    });
}

std::string lower(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

void object_name(const reader& from, const std::string& key, std::string& to)
{
    from.text(key, to);
    if (from.has(key) && !is_object_name(to))
        from.complain(key, "is not a valid name",
                      "Unity Catalog allows up to 255 characters without period, space and slash");
}

void read_workspace(const reader& from, core::databricks_settings& to)
{
    std::string url;
    from.text("workspace_url", url);
    std::optional<workspace_address> address;
    if (from.require("workspace_url", "write the address of the workspace, https://...") && !url.empty()) {
        std::string why;
        address = parse_workspace_url(url, why);
        if (!address)
            from.complain("workspace_url", why,
                          "write https://<host of the workspace>; http:// is for loopback hosts only");
    }
    if (address) {
        const bool v6 = address->host.find(':') != std::string::npos;
        to.workspace_url = address->scheme + "://" + (v6 ? "[" + address->host + "]" : address->host);
        if (address->scheme == "http") to.port = 80;
        if (address->port) to.port = *address->port;
    }
    std::uint16_t port = to.port;
    from.integer("port", 1, 65535, port);
    if (from.has("port") && address && address->port && *address->port != port)
        from.complain("port", "differs from the port in workspace_url", "write one of them");
    to.port = port;
}

void read_principal(const reader& from, core::databricks_settings& to)
{
    from.text("client_id", to.client_id);
    from.secret("client_secret", to.client_secret);
    from.secret("access_token", to.access_token);
    const std::filesystem::path base = std::filesystem::path(from.in().file).parent_path();
    for (core::secret_ref* ref : {&to.client_secret, &to.access_token})
        if (ref->from == core::secret_ref::kind::file) ref->name = (base / ref->name).lexically_normal().string();

    if (from.has("access_token")) {
        for (const char* other : {"client_id", "client_secret"})
            if (from.has(other))
                from.complain(other, "stands beside access_token", "write client_id and client_secret, or access_token");
        return;
    }
    from.require("client_id", "write the application id of the service principal");
    from.require("client_secret", "write { credential = \"name\" } or { file = \"/path\" }");
    if (from.has("client_id") && to.client_id.empty())
        from.complain("client_id", "is empty", "write the application id of the service principal");
}

}  // namespace

void read_databricks(const reader& from, core::databricks_settings& to)
{
    read_workspace(from, to);
    std::string http_path;
    from.text("http_path", http_path);
    if (from.require("http_path", "copy it from the warehouse's page, Connection details")) {
        const auto id = databricks::parse_http_path(http_path);
        if (id.has_value()) {
            to.warehouse_id = *id;
            to.http_path = "/sql/1.0/warehouses/" + *id;
        } else {
            from.complain("http_path",
                          id.error().id == "http_path.cluster"
                              ? "is the HTTP path of an all-purpose cluster, not of a SQL warehouse"
                              : "is not the HTTP path of a SQL warehouse",
                          "copy \"/sql/1.0/warehouses/...\" from the page of a SQL warehouse, Connection details");
        }
    }
    object_name(from, "catalog", to.catalog);
    if (from.require("catalog", "write the name of a Unity Catalog catalog")) {
        const std::string name = lower(to.catalog);
        const auto refused = databricks::refuse_catalog_name(to.catalog);
        if (refused && refused->id == "catalog.not_unity")
            from.complain("catalog", "\"" + to.catalog + "\" is not part of Unity Catalog",
                          "write a Unity Catalog catalog; Profiles Sync needs managed tables");
        else if (name == "system" || name == "samples")
            from.complain("catalog", "\"" + to.catalog + "\" belongs to Databricks and cannot be written",
                          "write a catalog of your own");
    }
    read_principal(from, to);
}

core::source_settings read_source(const reader& from, const std::vector<core::source_settings>& earlier)
{
    core::source_settings to;
    from.text("name", to.name);
    if (from.require("name", "write a name") && to.name.empty()) from.complain("name", "is empty", "write a name");
    from.text("slug", to.slug);
    if (to.slug.empty()) {
        for (const char c : lower(to.name)) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
            if (plain) to.slug += c;
            else if (!to.slug.empty() && to.slug.back() != '-') to.slug += '-';
        }
        while (to.slug.ends_with('-')) to.slug.pop_back();
    }
    to.id = to.slug;
    from.text("id", to.id);
    from.text("write_key", to.write_key);
    if (from.require("write_key", "write the key that the source's calls carry")) {
        const bool plain = std::all_of(to.write_key.begin(), to.write_key.end(), [](char c) { return c > ' ' && c < 0x7F && c != ':'; });
        if (to.write_key.size() < 8 || to.write_key.size() > 256 || !plain)
            from.complain("write_key", "is not a usable key",
                          "write 8 to 256 visible ASCII characters without a colon");
    }
    from.flag("enabled", to.enabled);
    for (const auto& other : earlier) {
        if (other.name == to.name)
            from.complain("name", "another source of this space is called \"" + to.name + "\"", "rename one");
        else if (other.id == to.id)
            from.complain("id", "another source of this space has the id \"" + to.id + "\"", "write another id");
    }
    return to;
}

void read_profiles_sync(const reader& from, bool allow_short_schedules, core::profiles_sync_settings& to)
{
    object_name(from, "schema", to.schema);
    if (from.require("schema", "write the schema for the tables; it is made if it does not exist") &&
        lower(to.schema) == "information_schema")
        from.complain("schema", "belongs to Unity Catalog", "write another name");
    object_name(from, "volume", to.volume);
    from.flag("materialized", to.materialized);
    from.flag("use_volume", to.use_volume);
    from.flag("paused", to.paused);
    from.flag("optimize", to.optimize);

    auto& schedule = to.schedule;
    schedule.every = from.duration("every");
    from.text("cron", schedule.cron);
    from.text("timezone", schedule.timezone);
    if (from.has("every") && from.has("cron"))
        from.complain("cron", "stands beside every", "write one of them");
    if (!from.has("every") && !from.has("cron")) schedule.every = seconds(3600);
    if (schedule.every && *schedule.every < seconds(1))
        from.complain("every", "is zero", "write \"1m\" or more");
    else if (schedule.every && *schedule.every < seconds(60) && !allow_short_schedules)
        from.complain("every", "is shorter than a minute", "write \"1m\" or more");
    std::string why;
    if (from.has("cron") && !cron_rule::parse(schedule.cron, why))
        from.complain("cron", why, "write it like \"15 * * * *\" (quarter past every hour)");
    if (from.has("timezone") && find_zone(schedule.timezone) == nullptr)
        from.complain("timezone", "\"" + schedule.timezone + "\" is not in the system's time zone database",
                      "write a name like \"Europe/Berlin\" or \"UTC\", or install the package tzdata");
}

void read_select(const reader& from, bool materialized, core::select_settings& to)
{
    // In a list of many lines, the line of the pattern.
    const auto complain = [&](const std::string& key, std::size_t which, const std::string& pattern,
                              const core::pattern_problem& wrong) {
        const auto* list = from.raw(key);
        const bool known = list != nullptr && which < list->items.size() && list->items[which].line != 0;
        from.in().found->push_back({.file = from.in().file,
                                    .line = known ? list->items[which].line : from.line_of(key),
                                    .key = "profiles_sync.select." + key,
                                    .what = "\"" + pattern + "\" " + wrong.what,
                                    .cure = wrong.cure});
    };
    from.texts("tables", to.tables);
    for (std::size_t i = 0; i < to.tables.size(); ++i) {
        if (auto wrong = core::check_table_pattern(to.tables[i])) complain("tables", i, to.tables[i], *wrong);
        for (const char* current : {"user_traits", "user_identifiers", "profile_merges"})
            if (!materialized && to.tables[i] == current)
                complain("tables", i, to.tables[i], {"is not kept while materialized = false", "write one of them"});
    }
    auto judged = to.tables;
    if (!materialized && !judged.empty()) judged.emplace_back("!profile_traits");
    if (const auto wrong = core::check_table_patterns(judged)) from.complain("tables", wrong->what, wrong->cure);
    from.texts("columns", to.columns);
    for (std::size_t i = 0; i < to.columns.size(); ++i)
        if (auto wrong = core::check_column_pattern(to.columns[i])) complain("columns", i, to.columns[i], *wrong);
}

}  // namespace lakeferry::daemon
