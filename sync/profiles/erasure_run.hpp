// Carries an erasure from the moment at which the graph has forgotten the people to the last row in the workspace.
#pragma once

#include "net/rt/deadline.hpp"
#include "sync/profiles/erasure_progress.hpp"
#include "sync/profiles/erasure_record.hpp"
#include "sync/profiles/erasure_rows.hpp"
#include "sync/profiles/erasure_tables.hpp"
#include "sync/profiles/space_sync.hpp"

#include <cstdint>
#include <functional>
#include <memory>

namespace lakeferry::profiles {

// Deleted rows can be read by time travel for so long; VACUUM leaves younger files alone (Databricks' public docs, VACUUM).
inline constexpr std::int64_t vacuum_retention_us = 7LL * 24 * 3600 * 1'000'000;

struct erasure_needs {
    sync_parts& with;
    std::shared_ptr<const core::space_config> config;
    std::uint32_t space = 0;
    columns_of_type columns{};
    // Finishes the loads that are journalled, by a run of Profiles Sync.
    std::function<rt::awaitable<rt::outcome<void>>()> settle{};
};

// One erasure, while nothing else lands in the space. Every step can be repeated; the receipt is saved before and after each
// statement, so that a process that dies anywhere is continued by another. Cancelling leaves it to the next try.
class erasure_run {
public:
    erasure_run(erasure_needs needs, erasure& receipt, const erasure_work& whom);
    erasure_run(const erasure_run&) = delete;
    erasure_run& operator=(const erasure_run&) = delete;

    // Outbox, staged files, tables; at the end the record of whom it was about is removed. What cannot be done stands in
    // the receipt, table by table, and the failure that is answered is the first of them: call again later.
    rt::awaitable<rt::outcome<void>> carry_on(rt::deadline limit);
    // What would be removed: nothing is, and nothing is written.
    rt::awaitable<rt::outcome<void>> count(rt::deadline limit);
    // VACUUM of every table that held somebody, when its time has come.
    rt::awaitable<rt::outcome<void>> vacuum(rt::deadline limit);

private:
    rt::awaitable<rt::outcome<std::uint64_t>> sweep(bool only_count);
    rt::awaitable<rt::outcome<void>> settle_loads();
    rt::awaitable<rt::outcome<void>> remove_files(rt::deadline limit);
    rt::awaitable<rt::outcome<void>> finish();

    erasure_needs needs_;
    erasure& receipt_;
    const erasure_work& whom_;
    place at_;
    erasure_progress progress_;
    erasure_tables tables_;
};

}  // namespace lakeferry::profiles
