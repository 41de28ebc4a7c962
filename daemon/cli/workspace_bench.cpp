#include "daemon/cli/workspace_bench.hpp"

#include "auth/oauth_messages.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/text.hpp"
#include "net/http/pool.hpp"
#include "net/http/socket_network.hpp"
#include "net/obs/logger.hpp"
#include "net/rt/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/host_name.hpp>

#include <iostream>
#include <random>

namespace lakeferry::daemon {

namespace asio = boost::asio;

namespace {

constexpr rt::duration test_limit = std::chrono::minutes(22);
constexpr rt::duration look_limit = std::chrono::seconds(30);

}  // namespace

auth::credential_ref to_auth(const core::secret_ref& ref)
{
    using from = core::secret_ref::kind;
    using to = auth::credential_ref::kind;
    return {ref.from == from::file ? to::file : ref.from == from::credential ? to::credential : to::none, ref.name};
}

struct workspace_bench::body {
    asio::io_context io{1};
    rt::steady_time time{io.get_executor()};
    rt::system_wall_clock wall{};
    std::mt19937_64 rng{std::random_device{}()};
    obs::logger log{wall, {.threshold = obs::level::error}};
    std::unique_ptr<http::socket_network> network{};

    body()
    {
        auto made = http::make_socket_network(io.get_executor(), time);
        rt::check(made.has_value(), "a network without extra authorities can be made");
        network = std::move(*made);
    }

    // The parts of one command, made for one configuration. Joined before they go.
    struct connection {
        auth::credential_store credentials;
        http::pool client;
        rt::task_group tasks;
        std::unique_ptr<auth::token_source> tokens;
        databricks::workspace door;
        databricks::statement_limits limits;
        rt::limiter of_space;
        databricks::statements statements;
        databricks::warehouse_registry warehouses;

        connection(body& b, const core::space_config& c)
            : credentials(credentials_directory()),
              client(b.io.get_executor(), b.time, *b.network),
              tasks(b.io.get_executor(), {}),
              tokens(make_tokens(b, c)),
              door({b.time, b.wall, client, *tokens, b.rng, b.log}, host_of(c), c.id),
              limits(b.io.get_executor(), 1),
              of_space(b.io.get_executor(), 1),
              statements(door, limits, of_space),
              warehouses(b.io.get_executor(), b.time, b.log)
        {
        }

        static http::origin host_of(const core::space_config& c)
        {
            const auto host = databricks::parse_workspace_url(c.databricks.workspace_url, c.databricks.port);
            rt::check(host.has_value(), "a workspace's address was validated with the configuration");
            return *host;
        }
        std::unique_ptr<auth::token_source> make_tokens(body& b, const core::space_config& c)
        {
            if (c.databricks.access_token.from != core::secret_ref::kind::none)
                return std::make_unique<auth::static_token_source>(credentials, to_auth(c.databricks.access_token));
            return std::make_unique<auth::oauth_token_source>(
                b.io.get_executor(),
                auth::oauth_token_source::needs{b.time, b.wall, client, credentials, tasks, b.rng, b.log},
                auth::oauth_settings{host_of(c), c.databricks.client_id, to_auth(c.databricks.client_secret), c.id});
        }
        rt::awaitable<void> end()
        {
            tasks.cancel();
            co_await tasks.join();
        }
    };

    // Runs `what` on a connection of its own to its end.
    template <class Result>
    Result run(const core::space_config& config,
               rt::awaitable<Result> (*what)(body&, connection&, const core::space_config&))
    {
        std::optional<Result> result;
        asio::co_spawn(
            io,
            [](body& b, const core::space_config& c,
               rt::awaitable<Result> (*call)(body&, connection&, const core::space_config&),
               std::optional<Result>& to) -> rt::awaitable<void> {
                connection with(b, c);
                to.emplace(co_await call(b, with, c));
                co_await with.end();
            }(*this, config, what, result),
            [](const std::exception_ptr& error) {
                if (error) std::rethrow_exception(error);
            });
        io.restart();
        io.run();
        rt::check(result.has_value(), "a look at a workspace ends with a result");
        return std::move(*result);
    }

    rt::deadline soon() { return rt::deadline::in(time, look_limit); }
    rt::awaitable<void> show_waiting(databricks::warehouse_registry& of);

    bool wake = true;
    std::function<void(const profiles::requirement&)> on_line{};
};

// A line every few seconds while the warehouse wakes, on stderr.
rt::awaitable<void> workspace_bench::body::show_waiting(databricks::warehouse_registry& of)
{
    for (;;) {
        co_await rt::sleep_for(time, std::chrono::seconds(5));
        for (const auto& one : of.waiting()) {
            const double waited = std::chrono::duration<double>(time.now() - one.since).count();
            std::cerr << "    waiting for warehouse " << printable(one.name.empty() ? one.warehouse_id : one.name)
                      << ": " << databricks::to_string(one.state) << " for " << span_text(waited)
                      << (one.health_summary.empty() ? "" : ", " + printable(one.health_summary)) << std::endl;
        }
    }
}

workspace_bench::workspace_bench() : body_(std::make_unique<body>()) {}
workspace_bench::~workspace_bench() = default;

profiles::connection_report workspace_bench::test(const core::space_config& config,
                                                  bool wake,
                                                  const std::function<void(const profiles::requirement&)>& on_line)
{
    body_->wake = wake;
    body_->on_line = on_line;
    using call = rt::awaitable<profiles::connection_report> (*)(body&, body::connection&, const core::space_config&);
    const call test = [](body& b, body::connection& with,
                         const core::space_config& c) -> rt::awaitable<profiles::connection_report> {
        with.tasks.spawn("waiting", b.show_waiting(with.warehouses));
        profiles::connection_options options;
        options.wake = b.wake;
        options.self = {.space = c.id, .host = boost::asio::ip::host_name()};
        options.limit = rt::deadline::in(b.time, test_limit);
        options.on_line = b.on_line;
        co_return co_await profiles::test_connection(
            {b.time, *with.tokens, with.door, with.statements, with.warehouses}, c, std::move(options));
    };
    return body_->run(config, test);
}

namespace {

rt::failure wrong(std::string id, std::string detail)
{
    return {.id = std::move(id), .detail = std::move(detail)};
}

}  // namespace

rt::outcome<std::string> workspace_bench::look_at_host(const core::space_config& config)
{
    using call = rt::awaitable<rt::outcome<std::string>> (*)(body&, body::connection&, const core::space_config&);
    const call look = [](body& b, body::connection& with,
                         const core::space_config&) -> rt::awaitable<rt::outcome<std::string>> {
        http::send_options options;
        options.limit = b.soon();
        options.replayable = true;
        options.response_limit = std::size_t{1} << 20;
        auto answer = co_await with.client.send(with.door.host(), auth::discovery_request(), options);
        if (answer.has_error()) co_return answer.error();
        if (answer->status == 200 && auth::parse_discovery(with.door.host(), answer->body).has_value())
            co_return std::string("a Databricks workspace");
        co_return wrong(
            "auth.not_databricks",
            with.door.host().text() + " answers, but not as a Databricks workspace (no OAuth discovery, status " +
                std::to_string(answer->status) + "): copy the address from the browser while you are in the workspace");
    };
    return body_->run(config, look);
}

rt::outcome<std::string> workspace_bench::look_at_principal(const core::space_config& config)
{
    using call = rt::awaitable<rt::outcome<std::string>> (*)(body&, body::connection&, const core::space_config&);
    const call look = [](body& b, body::connection& with,
                         const core::space_config&) -> rt::awaitable<rt::outcome<std::string>> {
        auto token = co_await with.tokens->get(b.soon());
        if (token.has_error()) co_return token.error();
        auto who = co_await databricks::me(with.door, b.soon());
        if (who.has_error()) co_return who.error();
        if (!who->may_use_sql())
            co_return wrong(
                "entitlement.missing",
                "the token works, but the service principal lacks the entitlement \"Databricks SQL access\": an "
                "administrator gives it in the workspace's settings, Identity and access");
        co_return "service principal " + (who->display_name.empty() ? who->user_name : who->display_name) +
            ", may use SQL";
    };
    return body_->run(config, look);
}

rt::outcome<std::vector<databricks::warehouse_info>> workspace_bench::list_warehouses(const core::space_config& config)
{
    using result = rt::outcome<std::vector<databricks::warehouse_info>>;
    using call = rt::awaitable<result> (*)(body&, body::connection&, const core::space_config&);
    const call look = [](body& b, body::connection& with, const core::space_config&) -> rt::awaitable<result> {
        co_return co_await databricks::list_warehouses(with.door, b.soon());
    };
    return body_->run(config, look);
}

rt::outcome<std::string> workspace_bench::look_at_warehouse(const core::space_config& config)
{
    using call = rt::awaitable<rt::outcome<std::string>> (*)(body&, body::connection&, const core::space_config&);
    const call look = [](body& b, body::connection& with,
                         const core::space_config& c) -> rt::awaitable<rt::outcome<std::string>> {
        auto info = co_await databricks::get_warehouse(with.door, c.databricks.warehouse_id, b.soon());
        if (info.has_error()) co_return info.error();
        co_return "SQL warehouse \"" + info->name + "\", " + info->size + ", " + databricks::to_string(info->state);
    };
    return body_->run(config, look);
}

rt::outcome<std::string> workspace_bench::look_at_catalog(const core::space_config& config)
{
    using call = rt::awaitable<rt::outcome<std::string>> (*)(body&, body::connection&, const core::space_config&);
    const call look = [](body& b, body::connection& with,
                         const core::space_config& c) -> rt::awaitable<rt::outcome<std::string>> {
        const std::string& name = c.databricks.catalog;
        if (auto no = databricks::refuse_catalog_name(name)) co_return *no;
        auto metastore = co_await databricks::metastore_assignment(with.door, b.soon());
        if (metastore.has_error()) co_return metastore.error();
        auto found = co_await databricks::get_catalog(with.door, name, b.soon());
        if (found.has_error()) co_return found.error();
        if (!*found)
            co_return wrong("catalog.missing",
                            "the catalog " + name +
                                " does not exist, or is hidden from the service principal. An administrator "
                                "creates it, or runs: GRANT USE CATALOG ON CATALOG `" +
                                name + "` TO `" + c.databricks.client_id + "`");
        co_return std::string("a catalog of Unity Catalog");
    };
    return body_->run(config, look);
}

}  // namespace lakeferry::daemon
