#include "sync/profiles/connection_test.hpp"

#include "sync/profiles/lease.hpp"

#include <algorithm>

namespace lakeferry::profiles {

namespace {

using state = requirement_state;

constexpr rt::duration call_patience = std::chrono::seconds(60);
// A host that refuses or swallows packets is known as such soon: nobody waits a minute for that.
constexpr rt::duration first_patience = std::chrono::seconds(10);

requirement line(std::string id, std::string title, state s, std::string text, std::string grant = {})
{
    return {std::move(id), std::move(title), s, std::move(text), std::move(grant)};
}

bool owned_by(const databricks::securable_info& object, const databricks::identity& who)
{
    return object.owner == who.user_name ||
           std::find(who.groups.begin(), who.groups.end(), object.owner) != who.groups.end();
}

// The report under construction: every line is shown as soon as it is there.
class writer {
public:
    explicit writer(const connection_options& options) : options_(options) {}
    void add(requirement one)
    {
        if (options_.on_line) options_.on_line(one);
        report.lines.push_back(std::move(one));
    }
    void add(std::vector<requirement> many)
    {
        for (auto& one : many) add(std::move(one));
    }
    rt::deadline soon(rt::time_source& time) const
    {
        return sooner(options_.limit, rt::deadline::in(time, call_patience));
    }

    connection_report report{};

private:
    const connection_options& options_;
};

rt::awaitable<seen_object> look(connection_parts with, databricks::securable kind, std::string catalog,
                                std::string schema, std::string volume, databricks::identity who, rt::deadline limit)
{
    using databricks::securable;
    seen_object seen;
    auto info = kind == securable::catalog  ? co_await databricks::get_catalog(with.door, catalog, limit)
                : kind == securable::schema ? co_await databricks::get_schema(with.door, catalog, schema, limit)
                                            : co_await databricks::get_volume(with.door, catalog, schema, volume, limit);
    if (info.has_error()) {
        seen.failed = info.error();
        co_return seen;
    }
    seen.info = *info;
    if (!seen.info) co_return seen;
    std::string full_name = catalog;
    if (kind != securable::catalog) full_name += "." + schema;
    if (kind == securable::volume) full_name += "." + volume;
    auto rights = co_await databricks::effective_privileges(with.door, kind, full_name, who, limit);
    if (rights.has_error())
        seen.failed = rights.error();
    else
        seen.rights = *rights;
    seen.rights.owner = owned_by(*seen.info, who);
    if (seen.rights.owner) seen.failed.reset();  // an owner may do everything, whatever the lists say
    co_return seen;
}

// True: the warehouse runs.
rt::awaitable<bool> test_warehouse(connection_parts with, const core::space_config& config,
                                   const connection_options& options, writer& out)
{
    const std::string& id = config.databricks.warehouse_id;
    auto info = co_await databricks::get_warehouse(with.door, id, out.soon(with.time));
    if (info.has_error()) {
        out.add(line("warehouse", "SQL warehouse " + id, state::missing, info.error().detail));
        co_return false;
    }
    out.add(judge_warehouse(*info));
    const std::string title = "SQL warehouse " + (info->name.empty() ? id : info->name);
    if (!options.wake) {
        const std::string now = databricks::to_string(info->state);
        out.add(line("warehouse", title, state::unknown, "it is " + now + "; whether it starts was not tried"));
        co_return false;
    }
    auto running = co_await with.warehouses.ensure_running(with.door, id, options.limit);
    if (running.has_error()) {
        out.add(line("warehouse", title, state::missing, running.error().detail));
        co_return false;
    }
    databricks::statement one;
    one.text = "SELECT 1";
    one.warehouse_id = id;
    auto answered = co_await with.statements.run(std::move(one), options.limit, 2);
    if (answered.has_error()) {
        out.add(line("warehouse", title, state::missing, answered.error().detail));
        co_return false;
    }
    const auto waited = std::chrono::duration_cast<std::chrono::seconds>(running->waited).count();
    out.add(line("warehouse", title, state::ok,
                 running->was_started ? "was started, which took " + std::to_string(waited) + " s, and answers" : "runs and answers"));
    co_return true;
}

rt::awaitable<void> test_lease(connection_parts with, const core::space_config& config,
                               const connection_options& options, writer& out)
{
    auto fence = co_await databricks::get_table(with.door, config.databricks.catalog, config.profiles_sync.schema,
                                                std::string(fence_table), out.soon(with.time));
    if (fence.has_error())
        out.add(line("lease", "lease of the schema", state::unknown, fence.error().detail));
    else
        out.add(judge_lease(fence->has_value() ? holder_from(**fence) : std::nullopt, options.self));
    if (!options.succession.empty())
        out.add(line("profiles", "profiles of the schema", state::advice, options.succession));
}

rt::awaitable<void> test_catalog(connection_parts with, const core::space_config& config,
                                 const databricks::identity& who, const connection_options& options, writer& out)
{
    auto metastore = co_await databricks::metastore_assignment(with.door, out.soon(with.time));
    if (metastore.has_error()) {
        const bool surely = metastore.error().id == "catalog.not_unity";
        out.add(line("unity_catalog", "Unity Catalog", surely ? state::missing : state::unknown, metastore.error().detail));
        if (surely) co_return;
    } else {
        out.add(line("unity_catalog", "Unity Catalog", state::ok, "the workspace has a metastore"));
    }
    using databricks::securable;
    const auto& c = config.databricks.catalog;
    const auto& s = config.profiles_sync.schema;
    const auto& v = config.profiles_sync.volume;
    seen_objects seen;
    seen.catalog = co_await look(with, securable::catalog, c, "", "", who, out.soon(with.time));
    if (seen.catalog.info || seen.catalog.failed)
        seen.schema = co_await look(with, securable::schema, c, s, "", who, out.soon(with.time));
    if (seen.schema.info && config.profiles_sync.use_volume)
        seen.volume = co_await look(with, securable::volume, c, s, v, who, out.soon(with.time));
    out.add(judge_privileges(seen, config, who.user_name));
    if (seen.schema.info) co_await test_lease(with, config, options, out);
}

}  // namespace

rt::awaitable<connection_report> test_connection(connection_parts with, core::space_config config,
                                                 connection_options options)
{
    writer out(options);
    const std::string host = with.door.host().text();
    const auto first_limit = sooner(options.limit, rt::deadline::in(with.time, first_patience));
    auto token = co_await with.tokens.get(first_limit);
    if (token.has_error()) {
        out.add(judge_token(token.error(), host));
        co_return std::move(out.report);
    }
    // A fixed token is handed out without asking anybody: this call is the first one that proves it.
    auto who = co_await databricks::me(with.door, out.soon(with.time));
    const bool about_rights = who.has_error() && who.error().id == "entitlement.missing";
    if (who.has_error() && !about_rights) {
        out.add(judge_token(who.error(), host));
        co_return std::move(out.report);
    }
    out.add(judge_token(std::nullopt, host));
    if (about_rights || !who->may_use_sql()) {
        out.add(line("entitlement", "entitlement databricks-sql-access", state::missing,
                     "give the service principal \"Databricks SQL access\" in the workspace's admin settings, Identity and access"));
        if (about_rights) co_return std::move(out.report);
    } else {
        out.add(line("entitlement", "entitlement databricks-sql-access", state::ok, "held"));
    }
    out.report.principal = who->user_name;
    out.add(line("http_path", "HTTP path", state::ok, "names the SQL warehouse " + config.databricks.warehouse_id));
    (void)co_await test_warehouse(with, config, options, out);
    co_await test_catalog(with, config, *who, options, out);
    co_return std::move(out.report);
}

}  // namespace lakeferry::profiles
