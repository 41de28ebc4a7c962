// The calls that have landed in a space's event tables, read from its workspace without a daemon.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/profiles/landed_calls.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lakeferry::daemon {

struct landed_request {
    const core::space_config* space = nullptr;
    core::identity_settings changed{};
    bool wake = true;
};

struct landed_tables {
    std::vector<std::string> read{};
    std::vector<std::string> missing{};
};

struct landed_events {
    std::function<void(const std::string& line)> say{};        // for a person who waits
    std::function<void(std::uint64_t rows)> on_total{};
    std::function<rt::outcome<void>(profiles::landed_call call)> on_call{};
    std::function<bool()> stop{};                              // asked a few times a second
};

// Blocks until all were handed out. Failures: those of the workspace (auth, warehouse, statements), "preview.nothing_landed",
// "preview.needs_secret" (the secret is a credential that only the service is given), "preview.warehouse_asleep",
// "preview.interrupted", and what on_call returns.
rt::outcome<landed_tables> read_landed_calls(const landed_request& what, const landed_events& events);

}  // namespace lakeferry::daemon
