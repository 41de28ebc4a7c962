// What a daemon is made of: real in main, virtual in the test world.
#pragma once

#include "auth/credential_store.hpp"
#include "daemon/config/load.hpp"
#include "net/http/network.hpp"
#include "net/obs/log.hpp"
#include "net/obs/metrics.hpp"
#include "net/rt/time.hpp"
#include "sync/intake/kafka_client.hpp"
#include "sync/store/store.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

// All references outlive daemon_core::run().
struct core_parts {
    boost::asio::any_io_executor loop;
    boost::asio::any_io_executor workers;  // a pool of offload_threads; the loop itself in a simulation
    // A thread of its own for the writes that clients wait for, which must not queue behind work of seconds. Empty: the
    // workers.
    boost::asio::any_io_executor committer{};
    rt::time_source& time;
    rt::wall_clock& wall;
    std::mt19937_64& rng;
    http::network& network;
    const auth::credential_store& credentials;
    obs::log& log;
    obs::metrics& metrics;
    // directory is overwritten with [daemon] state_directory + "/store" unless it is set.
    store::store_options store{};
    // Reads the configuration again, for reloads. Called on a worker.
    std::function<load_result()> load{};
    // One message to the service manager (sd_notify); may be empty.
    std::function<void(std::string_view)> notify{};
    // CLOCK_MONOTONIC for RELOADING=1; may be empty.
    std::function<std::uint64_t()> monotonic_us{};
    // Turns the level of the log; may be empty.
    std::function<void(obs::level)> set_log_level{};
    // Listeners that the service manager opened for intake: used instead of [intake] listen.
    std::vector<std::unique_ptr<http::listener>> intake_listeners{};
    // How often the manager wants a sign of life.
    std::optional<rt::duration> watchdog{};
    // How often the loop measures its own lag.
    rt::duration lag_every = std::chrono::seconds(1);
    // Gives memory that is free back to the system; called on a worker now and then. May be empty.
    std::function<void()> return_memory{};
    // How topics are reached; empty: spaces with [kafka] say that they cannot.
    intake::kafka_connector kafka{};
    // Identity resolution reads ahead on a second thread; off in a simulation.
    bool resolve_two_threads = true;
    // Spaces with the same `every` come due together; off only to be compared with.
    bool align_runs = true;
};

}  // namespace lakeferry::daemon
