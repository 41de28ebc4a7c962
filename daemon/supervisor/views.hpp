// What the daemon says about itself: plain values for the control API, the status page and tests.
#pragma once

#include "sync/intake/kafka_reader.hpp"
#include "sync/profiles/space_sync.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::daemon {

// running: all is well. paused: by configuration or by hand; calls are accepted, nothing lands. degraded: the last
// run or the last resolution failed and is tried again. restarting: a defect ended its loops, they come back.
enum class space_state { running, paused, degraded, restarting };
const char* to_string(space_state s) noexcept;

struct identity_view {
    std::uint64_t calls = 0;       // resolved since the start
    std::uint64_t duplicates = 0;
    std::uint64_t rows = 0;
    std::uint64_t rescued = 0;     // rows with a value that did not fit
    bool working = false;          // calls wait or are being resolved
    std::string notice{};          // what an operator should know although it goes on
    std::string error_id{};
    std::string error{};
};

struct space_view {
    std::string id{};
    std::string name{};
    std::string target{};  // "main.acme"
    std::string warehouse_id{};
    space_state state = space_state::running;
    std::string reason{};  // why it is not running
    std::string paused{};  // why nothing is planned, beside another trouble; empty: it is not paused
    identity_view identity{};
    profiles::sync_status sync{};
    std::optional<intake::kafka_view> kafka{};  // of a space that takes calls from a topic
    std::int64_t next_run_us = 0;  // 0: none is planned
    std::string next_run_why{};    // why then, or why not
    std::uint64_t skipped = 0;     // runs that were due while another went
    std::uint64_t restarts = 0;
    std::uint64_t generation = 0;  // of the configuration that it runs with
    std::uint64_t erasures_open = 0;   // people who were to be erased and are not yet everywhere
    std::string erasure_error{};       // why
    std::uint64_t suppressed_calls = 0;  // dropped since the start
};

struct reload_view {
    std::int64_t at_us = 0;  // 0: never
    bool accepted = true;
    std::string text{};      // what changed, or why it was refused
};

struct daemon_view {
    std::string version{};
    std::string config_file{};
    std::uint64_t generation = 1;
    std::int64_t started_us = 0;
    bool ready = false;
    bool stopping = false;
    reload_view last_reload{};
    std::size_t intake_bytes_in_flight = 0;
    std::uint64_t backlog_bytes = 0;
    std::vector<std::string> intake_addresses{};
    std::string admin_address{};
    std::vector<space_view> spaces{};
};

}  // namespace lakeferry::daemon
