#include "daemon/supervisor/daemon_core.hpp"

#include "daemon/supervisor/body.hpp"
#include "daemon/supervisor/lag.hpp"
#include "net/rt/offload.hpp"
#include "systemd/notify.hpp"

namespace lakeferry::daemon {

namespace asio = boost::asio;

namespace {

constexpr std::size_t refusals_kept = 200;
constexpr rt::duration memory_every = std::chrono::seconds(4);

rt::awaitable<void> return_memory_loop(const core_parts& parts)
{
    for (;;) {
        co_await rt::sleep_for(parts.time, memory_every);
        co_await rt::offload_uncancellable(parts.workers, parts.return_memory);
    }
}

std::string what_of(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown exception";
    }
}

intake::acceptor_settings acceptor_settings_of(const core::limits& l)
{
    intake::acceptor_settings s;
    s.bytes_in_flight_max = l.intake_bytes_in_flight_max;
    s.backlog_bytes_max = l.backlog_bytes_max;
    s.disk_free_min = l.disk_free_min;
    return s;
}

// How many files may be in memory at once; each is there twice while it is sent.
std::size_t staging_permits(const core::limits& l)
{
    return std::max<std::size_t>(1, l.staging_memory / (2 * l.staged_file_bytes));
}

// More in hand at one moment than a few clients make.
constexpr std::size_t busy_bytes = std::size_t{32} << 10;

}  // namespace

services::services(const core_parts& p, const snapshot& c, std::unique_ptr<store::store> opened, daemon_core& core)
    : store(std::move(opened)),
      client(p.loop, p.time, p.network),
      statement_limits(p.loop, c.global.limits.statements_per_warehouse),
      warehouses(p.loop, p.time, p.log),
      staging(p.loop, staging_permits(c.global.limits)),
      holders(c.global.identifier_cache_bytes),
      refused(p.metrics, refusals_kept, [this] { acceptor.nudge(); }),
      acceptor(p.loop, p.committer ? p.committer : p.workers, p.time, *store, p.metrics, p.log, acceptor_settings_of(c.global.limits),
               [this](std::uint32_t number) { spaces.wake(number); }),
      spaces({p.loop, p.workers, p.time, p.wall, p.rng, p.log, p.metrics, *store, client, p.credentials,
              statement_limits, warehouses, staging, holders, c.global.limits, p.resolve_two_threads, p.align_runs,
              [this, room = c.global.limits.backlog_bytes_max / 10] {
                  return acceptor.bytes_in_flight() > busy_bytes && acceptor.backlog_bytes() < room;
              }},
             acceptor, sources, refused, p.kafka),
      intake(sources, acceptor, refused, p.time, p.wall, p.log, c.global.limits),
      importer(p.workers, *store, sources, acceptor, refused, p.wall, c.global.limits),
      control(core, control_rights::everything),
      admin(core, control_rights::reading)
{
    acceptor.set_companion([this](store::batch& to) { refused.fill(to); });
}

daemon_core::body::body(core_parts p, std::shared_ptr<const snapshot> c, daemon_core& core)
    : parts(std::move(p)),
      config(std::move(c)),
      self(core),
      stop_asked(parts.loop),
      reload_asked(parts.loop),
      reload_done(parts.loop),
      infra(parts.loop, vital("infrastructure")),
      committer(parts.loop, vital("committer")),
      control_tasks(parts.loop, vital("control API")),
      intake_tasks(parts.loop, vital("intake")),
      reloads(parts.loop, vital("reload"))
{
}

// These parts have no business to end by themselves: the process does, and the service manager starts it again.
rt::task_group::reporter daemon_core::body::vital(const char* what)
{
    return [this, what](const std::string& task, const std::exception_ptr& error) {
        parts.log.error("daemon.defect", "A part of the daemon ended unexpectedly; the daemon stops",
                        {{"part", what}, {"task", task}, {"err", what_of(error)}});
        fatal = rt::failure{.id = "daemon.defect", .detail = std::string(what) + ": " + what_of(error)};
        stop_asked.set();
    };
}

void daemon_core::body::tell(std::string_view state) const
{
    if (parts.notify) parts.notify(state);
}

std::string daemon_core::body::status_line() const
{
    std::string text = std::to_string(live ? live->spaces.size() : 0) + " spaces, configuration generation " +
                       std::to_string(generation);
    if (!last_reload.accepted) text += ", last reload refused: " + last_reload.text;
    return text;
}

rt::outcome<void> daemon_core::body::open_listeners()
{
    const auto& g = config->global;
    auto& network = parts.network;
    const auto keep = [this](rt::outcome<std::unique_ptr<http::listener>> opened) -> rt::outcome<http::listener*> {
        if (opened.has_error()) return opened.error();
        listeners.push_back(std::move(*opened));
        return listeners.back().get();
    };
    auto control = keep(network.listen("unix:" + g.control_socket, {}));
    if (control.has_error()) return control.error();
    serve(control_tasks, **control, live->control, "control socket");
    if (!g.admin_listen.empty()) {
        auto admin = keep(network.listen(g.admin_listen, {}));
        if (admin.has_error()) return admin.error();
        admin_address = (*admin)->address();
        serve(control_tasks, **admin, live->admin, "admin");
    }
    std::vector<http::listener*> intake;
    for (auto& given : std::exchange(parts.intake_listeners, {})) {
        listeners.push_back(std::move(given));
        intake.push_back(listeners.back().get());
    }
    if (intake.empty()) {
        for (const auto& where : g.intake_listen) {
            auto one = keep(network.listen(where, {g.tls_certificate, g.tls_key}));
            if (one.has_error()) return one.error();
            intake.push_back(*one);
        }
    }
    for (auto* one : intake) {
        intake_addresses.push_back(one->address());
        serve(intake_tasks, *one, live->intake, "intake");
    }
    return {};
}

void daemon_core::body::serve(rt::task_group& in, http::listener& from, http::service& with, const char* name)
{
    in.spawn(std::string(name) + " " + from.address(), http::serve(parts.time, from, with, {}));
}

rt::awaitable<rt::outcome<void>> daemon_core::body::start()
{
    auto options = parts.store;
    if (options.directory.empty()) options.directory = config->global.state_directory + "/store";
    options.memory_bytes = config->global.store_memory_bytes;
    auto opened = co_await rt::offload_uncancellable(parts.workers, [options] { return store::store::open(options); });
    if (opened.has_error()) co_return opened.error();
    live = std::make_unique<services>(parts, *config, std::move(*opened), self);

    infra.spawn("client pool", live->client.run());
    infra.spawn("loop watch",
                watch_loop(parts.time, parts.log, parts.metrics,
                           {.every = parts.lag_every, .watchdog = parts.watchdog},
                           [this] { tell(systemd::watchdog_ping); }));
    if (parts.return_memory) infra.spawn("memory", return_memory_loop(parts));
    committer.spawn("committer", live->acceptor.run());
    for (const auto& one : config->spaces) {
        auto added = co_await live->spaces.add(one, generation);
        if (added.has_error()) co_return added.error();
    }
    if (auto published = live->spaces.publish(); published.has_error()) co_return published.error();
    if (auto listening = open_listeners(); listening.has_error()) co_return listening.error();
    add_gauges();
    reloads.spawn("reload", reload_loop());
    co_return rt::outcome<void>();
}

void daemon_core::body::add_gauges()
{
    const auto gauge = [this](const char* name, const char* help, obs::labels of, double (*read)(const body&)) {
        parts.metrics.gauge(name, help, std::move(of), [this, read, alive = std::weak_ptr(life)] {
            return alive.expired() || !live ? 0.0 : read(*this);
        });
    };
    gauge("lakeferry_spaces", "Configured spaces", {},
          [](const body& b) { return static_cast<double>(b.live->spaces.size()); });
    gauge("lakeferry_config_generation", "One more with every accepted reload", {},
          [](const body& b) { return static_cast<double>(b.generation); });
    gauge("lakeferry_start_timestamp_seconds", "When the daemon started", {},
          [](const body& b) { return static_cast<double>(b.started_us) / 1e6; });
    gauge("lakeferry_client_connections", "Connections to workspaces", {{"state", "idle"}},
          [](const body& b) { return static_cast<double>(b.live->client.idle()); });
    gauge("lakeferry_client_connections", "Connections to workspaces", {{"state", "in_use"}},
          [](const body& b) { return static_cast<double>(b.live->client.in_use()); });
    gauge("lakeferry_identifier_cache_entries", "Identifiers whose profile is in memory", {},
          [](const body& b) { return static_cast<double>(b.live->holders.entries()); });
}

daemon_core::daemon_core(core_parts parts, std::shared_ptr<const snapshot> config)
    : body_(std::make_unique<body>(std::move(parts), std::move(config), *this))
{
}

daemon_core::~daemon_core() = default;

rt::awaitable<rt::outcome<void>> daemon_core::run()
{
    body& b = *body_;
    const auto state = co_await asio::this_coro::cancellation_state;
    co_await asio::this_coro::throw_if_cancelled(false);
    b.started_us = b.parts.wall.now_us();
    b.parts.log.info("daemon.starting", "Lakeferry starts",
                     {{"version", LAKEFERRY_VERSION}, {"config", b.config->file}, {"spaces", b.config->spaces.size()}});
    auto started = co_await b.start();
    if (started.has_error()) {
        b.fatal = started.error();
    } else {
        b.is_ready = true;
        for (const auto& where : b.intake_addresses)
            b.parts.log.info("intake.listening", "Intake accepts calls", {{"address", where}});
        b.parts.log.info("daemon.ready", "Lakeferry is ready",
                         {{"spaces", b.live->spaces.size()}, {"admin", b.admin_address}, {"control", b.config->global.control_socket}});
        b.tell(systemd::ready(b.status_line()));
        while (!b.stop_asked.is_set() && state.cancelled() == asio::cancellation_type::none)
            co_await b.stop_asked.wait_once();
    }
    if (state.cancelled() != asio::cancellation_type::none) b.hurried = true;
    b.is_ready = false;
    b.is_stopping = true;
    b.tell(systemd::stopping("stopping"));
    if (!b.fatal) b.parts.log.info("daemon.stopping", "Lakeferry stops", {{"hurried", b.hurried}});
    co_await b.stop_everything();
    if (b.fatal) co_return *b.fatal;
    b.parts.log.info("daemon.stopped", "Lakeferry has stopped; nothing was lost", {});
    co_return rt::outcome<void>();
}

void daemon_core::stop(haste how)
{
    if (how == haste::fast || body_->is_stopping || body_->stop_asked.is_set()) {
        body_->hurried = true;
        body_->hurry();
    }
    body_->stop_asked.set();
}

void daemon_core::request_reload()
{
    ++body_->reloads_asked;
    body_->reload_asked.set();
}

daemon_view daemon_core::view() const
{
    const body& b = *body_;
    daemon_view v;
    v.version = LAKEFERRY_VERSION;
    v.config_file = b.config->file;
    v.generation = b.generation;
    v.started_us = b.started_us;
    v.ready = b.is_ready;
    v.stopping = b.is_stopping;
    v.last_reload = b.last_reload;
    v.intake_addresses = b.intake_addresses;
    v.admin_address = b.admin_address;
    if (b.live) {
        v.intake_bytes_in_flight = b.live->acceptor.bytes_in_flight();
        v.backlog_bytes = b.live->acceptor.backlog_bytes();
        v.spaces = b.live->spaces.views();
    }
    return v;
}

bool daemon_core::ready() const noexcept { return body_->is_ready; }

space_runner* daemon_core::space(std::string_view id) noexcept
{
    return body_->live ? body_->live->spaces.find(id) : nullptr;
}

rt::awaitable<rt::outcome<profiles::connection_report>> daemon_core::check(std::string id, bool wake)
{
    space_runner* runner = space(id);
    if (runner == nullptr) co_return rt::failure{.id = "space.unknown", .detail = "There is no space \"" + id + "\"."};
    // Borrows from the runner while it waits: a reload that replaces the space waits for this.
    co_return co_await runner->check(wake);
}

const snapshot& daemon_core::config() const noexcept { return *body_->config; }

obs::metrics& daemon_core::metrics() noexcept { return body_->parts.metrics; }

daemon_core::rooms daemon_core::inside() noexcept
{
    rt::check(body_->live != nullptr, "the control API works on a running daemon");
    auto& l = *body_->live;
    return {*l.store, l.importer, body_->parts};
}

}  // namespace lakeferry::daemon
