// The typed form of lakeferry.toml, and a whole configuration as one immutable snapshot.
#pragma once

#include "daemon/config/problem.hpp"
#include "net/obs/logger.hpp"
#include "sync/core/space_config.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lakeferry::daemon {

using obs::log_format;

// Paths are absolute; in the file they may be relative to the folder of the file.
struct daemon_settings {
    std::string state_directory{"/var/lib/lakeferry"};
    std::string spaces_directory{"/etc/lakeferry/spaces.d"};
    unsigned offload_threads = 2;
    bool allow_short_schedules = false;  // `every` below one minute, for tests and trials

    std::vector<std::string> intake_listen{"127.0.0.1:8400"};
    std::string tls_certificate{};
    std::string tls_key{};

    std::string admin_listen{"127.0.0.1:8401"};  // empty: no TCP listener
    std::string control_socket{"/run/lakeferry/control.sock"};
    bool admin_allow_remote = false;

    obs::level log_level = obs::level::info;
    log_format format = log_format::text;

    core::limits limits{};
    std::size_t identifier_cache_bytes = std::size_t{128} << 20U;  // [limits] identifier_cache, all spaces together
    std::size_t store_memory_bytes = std::size_t{32} << 20U;       // [limits] store_memory

    friend bool operator==(const daemon_settings&, const daemon_settings&) = default;
};

// Immutable and shared; a space keeps the snapshot that it was started with.
struct snapshot {
    std::string file{};
    daemon_settings global{};
    std::vector<std::shared_ptr<const core::space_config>> spaces{};  // by id
};

}  // namespace lakeferry::daemon
