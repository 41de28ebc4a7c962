// The inside of daemon_core, shared by its source files only.
#pragma once

#include "daemon/config/diff.hpp"
#include "daemon/control/control_service.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_set.hpp"
#include "net/http/pool.hpp"
#include "net/http/server.hpp"
#include "net/rt/event.hpp"
#include "sync/identity/holder_cache.hpp"
#include "sync/intake/importer.hpp"
#include "sync/intake/service.hpp"

#include <optional>

namespace lakeferry::daemon {

// Everything that lives between the opening of the store and its closing, in the order in which it is built.
struct services {
    std::unique_ptr<store::store> store;
    http::pool client;
    databricks::statement_limits statement_limits;
    databricks::warehouse_registry warehouses;
    rt::limiter staging;
    identity::holder_cache holders;
    intake::sources sources{};
    intake::refusals refused;
    intake::acceptor acceptor;
    space_set spaces;
    intake::intake_service intake;
    intake::importer importer;
    control_service control;   // everything: the Unix socket
    control_service admin;     // reading only: TCP

    services(const core_parts& parts, const snapshot& config, std::unique_ptr<store::store> opened, daemon_core& core);
};

struct daemon_core::body {
    core_parts parts;
    std::shared_ptr<const snapshot> config;
    daemon_core& self;

    rt::event stop_asked;
    rt::event reload_asked;
    rt::event reload_done;
    std::optional<rt::failure> fatal{};

    // Groups in the order in which they start; they are stopped from the last to the first.
    rt::task_group infra;      // client pool, loop watch
    rt::task_group committer;
    rt::task_group control_tasks;
    rt::task_group intake_tasks;
    rt::task_group reloads;
    std::unique_ptr<services> live{};
    std::vector<std::unique_ptr<http::listener>> listeners{};

    std::uint64_t generation = 1;
    std::int64_t started_us = 0;
    bool is_ready = false;
    bool is_stopping = false;
    bool hurried = false;
    bool reloading = false;
    std::uint64_t reloads_ended = 0;
    std::uint64_t reloads_asked = 0;
    reload_view last_reload{};
    std::vector<std::string> intake_addresses{};
    std::string admin_address{};
    // Gauges live in the registry, which may outlive this: they look here first.
    std::shared_ptr<const bool> life = std::make_shared<const bool>(true);

    body(core_parts p, std::shared_ptr<const snapshot> c, daemon_core& core);

    rt::awaitable<rt::outcome<void>> start();
    rt::outcome<void> open_listeners();
    void serve(rt::task_group& in, http::listener& from, http::service& with, const char* name);
    void add_gauges();
    rt::awaitable<void> stop_everything();
    rt::awaitable<void> end(const char* step, rt::task_group& group, rt::duration budget,
                            boost::asio::cancellation_type gently);
    rt::awaitable<void> end_spaces(rt::duration budget);
    void hurry();

    rt::awaitable<void> reload_loop();
    rt::awaitable<reload_view> reload_once();
    rt::awaitable<void> apply(std::shared_ptr<const snapshot> next, const config_diff& d);

    void tell(std::string_view state) const;
    std::string status_line() const;
    rt::task_group::reporter vital(const char* what);
};

}  // namespace lakeferry::daemon
