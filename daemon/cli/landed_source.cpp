#include "daemon/cli/landed_source.hpp"

#include "auth/token_source.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/workspace_bench.hpp"
#include "net/http/pool.hpp"
#include "net/http/socket_network.hpp"
#include "net/obs/logger.hpp"
#include "net/rt/task_group.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/result_stream.hpp"
#include "sync/databricks/sql.hpp"
#include "sync/databricks/warehouses.hpp"

#include <boost/asio/co_spawn.hpp>

#include <optional>
#include <random>

namespace lakeferry::daemon {

namespace asio = boost::asio;

namespace {

constexpr rt::duration read_limit = std::chrono::hours(6);

// A loop of its own with everything that reading from a workspace needs.
class landed_reader {
public:
    landed_reader(const landed_request& what, const landed_events& events) : what_(what), events_(events) {}

    rt::outcome<landed_tables> run()
    {
        auto made = http::make_socket_network(io_.get_executor(), time_);
        if (made.has_error()) return made.error();
        network_ = std::move(*made);
        asio::co_spawn(io_, live(), [](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
        });
        io_.run();
        if (events_.stop && events_.stop())
            return rt::failure{.id = "preview.interrupted", .detail = "The preview was interrupted"};
        rt::check(result_.has_value(), "a reading that was not interrupted has a result");
        return std::move(*result_);
    }

private:
    rt::awaitable<void> live();
    rt::awaitable<void> watch(rt::task_group& of);
    rt::awaitable<void> read(rt::task_group& refreshes);
    rt::awaitable<rt::outcome<landed_tables>> read_all(rt::task_group& refreshes);
    rt::awaitable<rt::outcome<void>> wake(databricks::workspace& door);

    const landed_request& what_;
    const landed_events& events_;
    asio::io_context io_{1};
    rt::steady_time time_{io_.get_executor()};
    rt::system_wall_clock wall_{};
    std::mt19937_64 rng_{std::random_device{}()};
    obs::logger log_{wall_, {.threshold = obs::level::error}};
    const auth::credential_store credentials_{credentials_directory()};
    std::unique_ptr<http::socket_network> network_{};
    // These outlive the tasks that refresh tokens.
    std::unique_ptr<http::pool> client_{};
    std::unique_ptr<auth::token_source> tokens_{};
    std::optional<rt::outcome<landed_tables>> result_{};
    bool done_ = false;
};

rt::awaitable<void> landed_reader::live()
{
    const auto ex = io_.get_executor();
    rt::task_group refreshes(ex, {});
    rt::task_group tasks(ex, {});
    tasks.spawn("watch", watch(tasks));
    tasks.spawn("read", read(refreshes));
    co_await tasks.join();
    refreshes.cancel();
    co_await refreshes.join();
}

rt::awaitable<void> landed_reader::watch(rt::task_group& of)
{
    while (!done_) {
        if (events_.stop && events_.stop()) {
            of.cancel();
            co_return;
        }
        co_await rt::sleep_for(time_, std::chrono::milliseconds(200));
    }
}

rt::awaitable<void> landed_reader::read(rt::task_group& refreshes)
{
    const struct last_word {
        bool& done;
        ~last_word() { done = true; }
    } at_the_end{done_};
    result_.emplace(co_await read_all(refreshes));
}

rt::awaitable<rt::outcome<void>> landed_reader::wake(databricks::workspace& door)
{
    const auto& d = what_.space->databricks;
    const auto limit = rt::deadline::in(time_, std::chrono::minutes(22));
    auto now = co_await databricks::get_warehouse(door, d.warehouse_id, limit);
    if (now.has_error()) co_return now.error();
    if (now->state == databricks::warehouse_state::running) co_return rt::outcome<void>();
    if (!what_.wake)
        co_return rt::failure{.id = "preview.warehouse_asleep",
                              .detail = "The warehouse " + d.warehouse_id + " sleeps (" + databricks::to_string(now->state) +
                                        "), and --no-wake forbids to start it"};
    if (events_.say) events_.say("Waiting for warehouse " + (now->name.empty() ? d.warehouse_id : now->name) + " to start");
    databricks::warehouse_registry warehouses(io_.get_executor(), time_, log_);
    auto ready = co_await warehouses.ensure_running(door, d.warehouse_id, limit);
    if (ready.has_error()) co_return ready.error();
    co_return rt::outcome<void>();
}

rt::awaitable<rt::outcome<landed_tables>> landed_reader::read_all(rt::task_group& refreshes)
{
    const auto ex = io_.get_executor();
    const auto& c = *what_.space;
    const auto& d = c.databricks;
    const auto host = databricks::parse_workspace_url(d.workspace_url, d.port);
    rt::check(host.has_value(), "a workspace's address was validated with the configuration");
    client_ = std::make_unique<http::pool>(ex, time_, *network_);
    if (d.access_token.from != core::secret_ref::kind::none)
        tokens_ = std::make_unique<auth::static_token_source>(credentials_, to_auth(d.access_token));
    else
        tokens_ = std::make_unique<auth::oauth_token_source>(
            ex, auth::oauth_token_source::needs{time_, wall_, *client_, credentials_, refreshes, rng_, log_},
            auth::oauth_settings{*host, d.client_id, to_auth(d.client_secret), c.id});
    databricks::workspace door({time_, wall_, *client_, *tokens_, rng_, log_}, *host, c.id);
    databricks::statement_limits limits(ex, 1);
    rt::limiter of_space(ex, 1);
    databricks::statements statements(door, limits, of_space);

    const auto limit = rt::deadline::in(time_, read_limit);
    auto tables = co_await databricks::list_tables(door, d.catalog, c.profiles_sync.schema, limit);
    if (tables.has_error()) co_return tables.error();
    auto query = profiles::query_landed(*tables, d.catalog, c.profiles_sync.schema, c.identity, what_.changed);
    if (query.has_error()) co_return query.error();
    if (auto awake = co_await wake(door); awake.has_error()) co_return awake.error();
    databricks::statement text{.text = databricks::comment_header(c.id, "preview", "") + query->text,
                               .warehouse_id = d.warehouse_id};
    if (events_.say) events_.say("Reading " + std::to_string(query->tables.size()) + " tables");
    databricks::stream_options options{.limit = limit, .on_total = events_.on_total};
    options.on_row = [&](const databricks::result_row& row) -> rt::outcome<void> {
        if (events_.stop && events_.stop()) return rt::failure{.id = "preview.interrupted", .detail = "The preview was interrupted"};
        auto call = profiles::read_landed(row);
        return call ? events_.on_call(std::move(*call)) : rt::outcome<void>();
    };
    auto read = co_await databricks::read_large(statements, *client_, std::move(text), std::move(options));
    if (read.has_error()) co_return read.error();
    co_return landed_tables{std::move(query->tables), std::move(query->missing)};
}

// Only the service has its credentials.
bool only_for_the_service(const core::databricks_settings& d)
{
    const bool credential = d.client_secret.from == core::secret_ref::kind::credential ||
                            d.access_token.from == core::secret_ref::kind::credential;
    return credential && credentials_directory().empty();
}

}  // namespace

rt::outcome<landed_tables> read_landed_calls(const landed_request& what, const landed_events& events)
{
    if (only_for_the_service(what.space->databricks))
        return rt::failure{.id = "preview.needs_secret",
                           .detail = "The secret of " + what.space->id +
                                     " is a credential that only the service is given: run the command in a unit with the same "
                                     "LoadCredential= (systemd-run -P -p LoadCredential=NAME:PATH lakeferry identity preview …), or name "
                                     "files with --calls"};
    landed_reader reader(what, events);
    return reader.run();
}

}  // namespace lakeferry::daemon
