// `lakeferry run`: the real parts for daemon_core.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/memory.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "net/http/socket_network.hpp"
#include "net/obs/logger.hpp"
#include "sync/intake/kafka_rdkafka.hpp"
#include "systemd/listen_fds.hpp"
#include "systemd/notify.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <latch>
#include <memory>
#include <random>

namespace lakeferry::daemon {

namespace asio = boost::asio;

namespace {

// Waits for signals until the daemon has stopped. SIGHUP reloads; SIGTERM and SIGINT stop, the second one faster.
rt::awaitable<void> watch_signals(asio::signal_set& signals, daemon_core& core, obs::log& log)
{
    for (;;) {
        const auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
        if (error) co_return;
        if (number == SIGHUP) {
            core.request_reload();
            continue;
        }
        log.info("daemon.signal", "Asked to stop", {{"signal", number == SIGINT ? "SIGINT" : "SIGTERM"}});
        core.stop();
    }
}

rt::awaitable<void> live(daemon_core& core, asio::signal_set& signals, std::optional<rt::failure>& failed)
{
    const auto ended = co_await core.run();
    if (ended.has_error()) failed = ended.error();
    signals.cancel();
}

// systemd makes these; by hand they are made here, as far as that is allowed.
std::string prepare_directories(const daemon_settings& g)
{
    namespace fs = std::filesystem;
    std::error_code error;
    for (const auto& [folder, mode] : {std::pair{fs::path(g.state_directory), fs::perms::owner_all},
                                       std::pair{fs::path(g.control_socket).parent_path(),
                                                 fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                                     fs::perms::others_read | fs::perms::others_exec}}) {
        if (fs::is_directory(folder, error)) continue;
        fs::create_directories(folder, error);
        if (error) return "the folder " + folder.string() + " does not exist and cannot be made: " + error.message();
        fs::permissions(folder, mode, error);
    }
    return {};
}

int status_of(const rt::failure& why)
{
    return why.id == "store.locked" ? exit_status::locked : exit_status::failed;
}

// The parts, in the order in which they are built.
// Resolution, staging and compression take what the loop and the committer leave: clients wait for those two, nobody
// waits for the workers. Where the system refuses, all threads are equal.
void let_others_go_first(asio::thread_pool& pool, unsigned threads)
{
    constexpr int nicer = 10;
    auto all_there = std::make_shared<std::latch>(threads);
    for (unsigned i = 0; i < threads; ++i)
        asio::post(pool, [all_there] {
            (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nicer);
            all_there->arrive_and_wait();  // so that no thread takes two of these
        });
}

struct real_parts {
    asio::io_context io{1};
    rt::steady_time time{io.get_executor()};
    rt::system_wall_clock wall{};
    std::mt19937_64 rng{std::random_device{}()};
    obs::logger log;
    obs::metrics metrics{};
    auth::credential_store credentials{credentials_directory()};
    asio::thread_pool workers;
    asio::thread_pool committer{1};
    std::unique_ptr<http::socket_network> network{};

    explicit real_parts(const daemon_settings& g)
        : log(wall, {.format = g.format, .threshold = g.log_level}), workers(g.offload_threads)
    {
        let_others_go_first(workers, g.offload_threads);
    }
};

double resident_bytes()
{
    // The second number of statm: resident pages.
    std::array<char, 128> text{};
    const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    const ssize_t n = ::read(fd, text.data(), text.size() - 1);
    ::close(fd);
    unsigned long total = 0;
    unsigned long resident = 0;
    if (n <= 0 || std::sscanf(text.data(), "%lu %lu", &total, &resident) != 2) return 0;
    return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

core_parts parts_of(real_parts& real, const cli_options& options, std::vector<std::unique_ptr<http::listener>> intake)
{
    core_parts parts{.loop = real.io.get_executor(),
                     .workers = real.workers.get_executor(),
                     .committer = real.committer.get_executor(),
                     .time = real.time,
                     .wall = real.wall,
                     .rng = real.rng,
                     .network = *real.network,
                     .credentials = real.credentials,
                     .log = real.log,
                     .metrics = real.metrics};
    parts.load = [load = load_options_of(options, true)] { return load_configuration(load); };
    parts.notify = [](std::string_view state) { systemd::notify(state); };
    parts.monotonic_us = [] { return systemd::monotonic_us(); };
    parts.set_log_level = [&real](obs::level to) { real.log.set_threshold(to); };
    parts.intake_listeners = std::move(intake);
    parts.return_memory = return_memory;
    parts.kafka = intake::connect_to_kafka;
    if (const auto interval = systemd::watchdog_us()) parts.watchdog = std::chrono::microseconds(*interval);
    return parts;
}

}  // namespace

int run_daemon(const cli_options& options)
{
    const auto loaded = load_configuration(load_options_of(options, true));
    if (!loaded.config) return refuse_configuration(loaded.found);
    const auto& global = loaded.config->global;
    real_parts real(global);
    for (const auto& one : loaded.notices) real.log.warn("config.notice", to_text(one), {});
    if (const auto why = prepare_directories(global); !why.empty()) {
        std::cerr << "lakeferry: " << why << "\n";
        return exit_status::failed;
    }
    auto network = http::make_socket_network(real.io.get_executor(), real.time);
    if (network.has_error()) return report_failure(options, network.error());
    real.network = std::move(*network);
    std::vector<std::unique_ptr<http::listener>> intake;
    for (const auto& passed : systemd::take_listen_sockets()) {
        auto adopted = real.network->adopt(passed.descriptor, {global.tls_certificate, global.tls_key});
        if (adopted.has_error()) return report_failure(options, adopted.error());
        intake.push_back(std::move(*adopted));
    }
    real.metrics.gauge("process_resident_memory_bytes", "Resident memory", {}, resident_bytes);

    daemon_core core(parts_of(real, options, std::move(intake)), loaded.config);
    asio::signal_set signals(real.io, SIGHUP, SIGTERM, SIGINT);
    std::optional<rt::failure> failed;
    const auto ended = [&](const std::exception_ptr& error) {
        if (!error) return;
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            failed = rt::failure{.id = "daemon.defect", .detail = e.what()};
        }
        signals.cancel();
    };
    asio::co_spawn(real.io, watch_signals(signals, core, real.log), ended);
    asio::co_spawn(real.io, live(core, signals, failed), ended);
    real.io.run();
    real.workers.join();
    real.committer.join();
    real.log.flush();
    if (!failed) return exit_status::ok;
    real.log.error("daemon.failed", failed->detail, {{"id", failed->id}});
    systemd::notify(systemd::status(failed->detail));
    return status_of(*failed);
}

}  // namespace lakeferry::daemon
