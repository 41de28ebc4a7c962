// What one run of Profiles Sync did, and the history of runs in the store.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// success: every row that was due has landed (also: there was none). partial: some tables failed.
// failed: nothing landed.
enum class run_status { running, success, partial, failed };
const char* to_string(run_status s) noexcept;

struct table_report {
    std::uint64_t rows = 0;      // landed
    std::uint64_t bytes = 0;     // uncompressed, of the landed rows
    std::uint64_t files = 0;     // staged
    std::uint64_t loads = 0;
    std::uint64_t rescued = 0;   // rows with a value that did not fit its column
    bool optimized = false;      // its small files were put together
    std::string error_id{};      // empty: all of it landed
    std::string error{};
};

struct run_report {
    std::uint64_t number = 0;  // one more with every run of the space
    std::string trigger{};     // "schedule", "manual", "start"
    run_status status = run_status::running;
    std::int64_t started_us = 0;
    std::int64_t ended_us = 0;  // 0: still running
    std::int64_t warehouse_wait_us = 0;
    std::int64_t structure_us = 0;  // schema, volume, tables, columns
    std::int64_t stage_us = 0;      // with rows being read, compressed, uploaded
    std::int64_t load_us = 0;       // with loads running; overlaps with stage_us
    std::int64_t warehouse_us = 0;  // with any statement of the run under way
    std::int64_t oldest_us = 0;     // when the oldest of the landed calls was received; 0: none
    std::uint64_t frozen_batch = 0;
    std::uint64_t statements = 0;
    std::uint64_t adopted = 0;  // loads of an earlier run that turned out to have landed, or were finished now
    bool woke_warehouse = false;
    std::string host{};                // of the daemon
    std::uint64_t refused_before = 0;  // calls refused in the life of the space, up to this run
    std::uint64_t refused = 0;         // of these: since the run before
    std::int64_t next_us = 0;          // when the next run was planned, as of the end of this one; 0: none
    std::string next_why{};
    std::string error_id{};  // why the run failed as a whole
    std::string error{};
    std::map<std::string, table_report> tables{};

    std::uint64_t rows() const noexcept;
    // Sum of one count over all tables.
    std::uint64_t sum(std::uint64_t table_report::*count) const noexcept;
    // Age of the oldest landed call at the end of the run; 0: none landed, or it has not ended.
    std::int64_t lag_us() const noexcept;
    // Why it did not go well: of the run, else of its first table that failed. Empty: it went well.
    std::string cause_id() const;
    std::string cause() const;
};

// "updates" (change logs), "profiles" (current tables), "calls" (one row a call), "events" (tables of track events).
std::string_view family_of(std::string_view table) noexcept;
run_status verdict(const run_report& r) noexcept;

// JSON, the same for the store, `lakeferry status --json` and the control API.
std::string to_json(const run_report& r);
rt::outcome<run_report> report_from_json(std::string_view text);

// Keeps the newest `keep` reports of a space. Blocking: workers only.
rt::outcome<void> save_report(store::store& in, std::uint32_t space, const run_report& r, unsigned keep = 200);
// Newest first.
rt::outcome<std::vector<run_report>> recent_reports(store::store& in, std::uint32_t space, unsigned most);

}  // namespace lakeferry::profiles
