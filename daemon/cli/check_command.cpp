// `lakeferry check`: Test Connection without a daemon, or through it where only the service was given the secret.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/control_client.hpp"
#include "daemon/cli/text.hpp"
#include "daemon/control/check_json.hpp"
#include "net/obs/logger.hpp"
#include "net/rt/task_group.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>

#include <unistd.h>

#include <iostream>

namespace lakeferry::daemon {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

using profiles::connection_report;
using profiles::requirement;
using profiles::requirement_state;

constexpr rt::duration test_limit = std::chrono::minutes(22);

auth::credential_ref to_auth(const core::secret_ref& ref)
{
    using from = core::secret_ref::kind;
    using to = auth::credential_ref::kind;
    return {ref.from == from::file ? to::file : ref.from == from::credential ? to::credential : to::none, ref.name};
}

void print_line(const requirement& r)
{
    const char* mark = r.state == requirement_state::ok        ? "ok      "
                       : r.state == requirement_state::missing ? "MISSING "
                       : r.state == requirement_state::advice  ? "advice  "
                                                               : "unknown ";
    std::cout << "  " << mark << printable(r.title);
    if (!r.text.empty()) std::cout << ": " << printable(r.text);
    std::cout << std::endl;
}

void print_end(const std::string& space, const connection_report& r)
{
    const auto grants = r.grants();
    if (!grants.empty()) {
        std::cout << "\n  For an administrator, in a SQL editor:\n";
        for (const auto& one : grants) std::cout << "    " << one << "\n";
    }
    std::cout << (r.ready() ? "\n" + space + " is ready.\n" : "\n" + space + " is not ready: see the lines above.\n");
}

// A loop of its own with everything that a space needs to reach its workspace.
class test_bench {
public:
    test_bench()
    {
        auto made = http::make_socket_network(io_.get_executor(), time_);
        rt::check(made.has_value(), "a network without extra authorities can be made");
        network_ = std::move(*made);
    }

    connection_report run(const core::space_config& config, bool wake, const std::function<void(const requirement&)>& on_line)
    {
        connection_report report;
        asio::co_spawn(
            io_, [](test_bench& self, core::space_config c, bool w, std::function<void(const requirement&)> show,
                    connection_report& to) -> rt::awaitable<void> {
                to = co_await self.test(std::move(c), w, std::move(show));
            }(*this, config, wake, on_line, report),
            [](const std::exception_ptr& error) {
                if (error) std::rethrow_exception(error);
            });
        io_.restart();
        io_.run();
        return report;
    }

private:
    rt::awaitable<connection_report> test(core::space_config c, bool wake, std::function<void(const requirement&)> on_line);
    rt::awaitable<void> show_waiting(databricks::warehouse_registry& of);

    asio::io_context io_{1};
    rt::steady_time time_{io_.get_executor()};
    rt::system_wall_clock wall_{};
    std::mt19937_64 rng_{std::random_device{}()};
    obs::logger log_{wall_, {.threshold = obs::level::error}};
    std::unique_ptr<http::socket_network> network_{};
};

// A line every few seconds while the warehouse wakes, on stderr.
rt::awaitable<void> test_bench::show_waiting(databricks::warehouse_registry& of)
{
    for (;;) {
        co_await rt::sleep_for(time_, std::chrono::seconds(5));
        for (const auto& one : of.waiting()) {
            const double waited = std::chrono::duration<double>(time_.now() - one.since).count();
            std::cerr << "    waiting for warehouse " << printable(one.name.empty() ? one.warehouse_id : one.name) << ": "
                      << databricks::to_string(one.state) << " for " << span_text(waited)
                      << (one.health_summary.empty() ? "" : ", " + printable(one.health_summary)) << std::endl;
        }
    }
}

rt::awaitable<connection_report> test_bench::test(core::space_config c, bool wake,
                                                  std::function<void(const requirement&)> on_line)
{
    const auto ex = io_.get_executor();
    const auto host = databricks::parse_workspace_url(c.databricks.workspace_url, c.databricks.port);
    rt::check(host.has_value(), "a workspace's address was validated with the configuration");
    const auth::credential_store credentials(credentials_directory());
    http::pool client(ex, time_, *network_);
    rt::task_group tasks(ex, {});
    std::unique_ptr<auth::token_source> tokens;
    if (c.databricks.access_token.from != core::secret_ref::kind::none)
        tokens = std::make_unique<auth::static_token_source>(credentials, to_auth(c.databricks.access_token));
    else
        tokens = std::make_unique<auth::oauth_token_source>(
            ex, auth::oauth_token_source::needs{time_, wall_, client, credentials, tasks, rng_, log_},
            auth::oauth_settings{*host, c.databricks.client_id, to_auth(c.databricks.client_secret), c.id});
    databricks::workspace door({time_, wall_, client, *tokens, rng_, log_}, *host, c.id);
    databricks::statement_limits limits(ex, 1);
    rt::limiter of_space(ex, 1);
    databricks::statements statements(door, limits, of_space);
    databricks::warehouse_registry warehouses(ex, time_, log_);
    tasks.spawn("waiting", show_waiting(warehouses));
    profiles::connection_options options;
    options.wake = wake;
    options.limit = rt::deadline::in(time_, test_limit);
    options.on_line = std::move(on_line);
    auto report = co_await profiles::test_connection({time_, *tokens, door, statements, warehouses}, std::move(c), std::move(options));
    tasks.cancel();
    co_await tasks.join();
    co_return report;
}

// Only the service has its credentials: ask it.
bool needs_daemon(const core::space_config& c)
{
    const auto& d = c.databricks;
    const bool credential = d.client_secret.from == core::secret_ref::kind::credential ||
                            d.access_token.from == core::secret_ref::kind::credential;
    return credential && credentials_directory().empty();
}

int check_through_daemon(const cli_options& options, const std::string& space, json::array& all)
{
    control_client client(control_socket_of(options));
    auto answer = client.post("/api/v1/spaces/" + http::encode_component(space) + "/check?wake=" + (options.wake ? "true" : "false"));
    if (answer.has_error()) {
        auto why = answer.error();
        if (why.id == "control.unreachable")
            why.detail = "The secret of " + space + " is a credential that only the service is given, and " + why.detail;
        return report_failure(options, why);
    }
    const auto* o = answer->if_object();
    if (o == nullptr || !o->contains("ready")) return exit_status::failed;
    const bool ready = o->at("ready") == true;
    if (!options.json) {
        connection_report report;
        for (const auto& one : o->at("requirements").as_array()) {
            requirement r;
            const auto text = [&](const char* name) { return std::string(one.as_object().at(name).as_string()); };
            r.title = text("requirement");
            r.text = text("text");
            r.grant = text("grant");
            for (const auto s : {requirement_state::ok, requirement_state::missing, requirement_state::advice})
                if (text("state") == profiles::to_string(s)) r.state = s;
            print_line(r);
            report.lines.push_back(std::move(r));
        }
        print_end(space, report);
    }
    all.push_back(*answer);
    return ready ? exit_status::ok : exit_status::failed;
}

}  // namespace

int check_connections(const cli_options& options)
{
    const auto loaded = load_configuration(load_options_of(options, false));
    if (!loaded.config) return refuse_configuration(loaded.found);
    int status = exit_status::ok;
    bool found = options.space.empty();
    json::array all;
    for (const auto& one : loaded.config->spaces) {
        if (!options.space.empty() && one->id != options.space) continue;
        found = true;
        if (!options.json)
            std::cout << one->name << " (" << one->id << ") -> " << one->databricks.workspace_url << ", "
                      << one->databricks.catalog << "." << one->profiles_sync.schema << std::endl;
        if (needs_daemon(*one)) {
            status = std::max(status, check_through_daemon(options, one->id, all));
            continue;
        }
        test_bench bench;
        const auto report = bench.run(*one, options.wake, options.json ? std::function<void(const requirement&)>() : print_line);
        if (!options.json) print_end(one->id, report);
        all.push_back(to_json(one->id, report));
        if (!report.ready()) status = std::max(status, exit_status::failed);
    }
    if (!found) {
        std::cerr << "lakeferry: there is no space \"" << options.space << "\" in " << loaded.config->global.spaces_directory << "\n";
        return exit_status::failed;
    }
    if (options.json) std::cout << json::serialize(json::object{{"spaces", std::move(all)}}) << "\n";
    return status;
}

}  // namespace lakeferry::daemon
