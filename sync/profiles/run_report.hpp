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
    std::int64_t load_us = 0;       // staging and loading, overlapping
    std::uint64_t frozen_batch = 0;
    std::uint64_t statements = 0;
    std::uint64_t adopted = 0;  // loads of an earlier run that turned out to have landed, or were finished now
    bool woke_warehouse = false;
    std::string error_id{};  // why the run failed as a whole
    std::string error{};
    std::map<std::string, table_report> tables{};

    std::uint64_t rows() const noexcept;
};

// JSON, the same for the store, `lakeferry status --json` and the control API.
std::string to_json(const run_report& r);
rt::outcome<run_report> report_from_json(std::string_view text);

// Keeps the newest `keep` reports of a space. Blocking: workers only.
rt::outcome<void> save_report(store::store& in, std::uint32_t space, const run_report& r, unsigned keep = 200);
// Newest first.
rt::outcome<std::vector<run_report>> recent_reports(store::store& in, std::uint32_t space, unsigned most);

}  // namespace lakeferry::profiles
