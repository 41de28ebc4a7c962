// Carries an erasure from the moment at which the graph has forgotten the people to the last row in the workspace.
#pragma once

#include "net/rt/deadline.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/erasure_record.hpp"
#include "sync/profiles/erasure_rows.hpp"
#include "sync/profiles/erasure_sql.hpp"
#include "sync/profiles/space_sync.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

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

    // Outbox, staged files, tables; at the end the record of whom it was about is removed. What cannot be done stands in
    // the receipt, table by table, and the failure that is answered is the first of them: call again later.
    rt::awaitable<rt::outcome<void>> carry_on(rt::deadline limit);
    // What would be removed: nothing is, and nothing is written.
    rt::awaitable<rt::outcome<void>> count(rt::deadline limit);
    // VACUUM of every table that held somebody, when its time has come.
    rt::awaitable<rt::outcome<void>> vacuum(rt::deadline limit);

private:
    using counts = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;  // table: to remove, to blank

    rt::awaitable<rt::outcome<std::uint64_t>> sweep(bool only_count);
    rt::awaitable<rt::outcome<void>> settle_loads();
    rt::awaitable<rt::outcome<void>> remove_files(rt::deadline limit);
    rt::awaitable<rt::outcome<void>> find_targets(rt::deadline limit);
    rt::awaitable<rt::outcome<void>> narrow(rt::deadline limit);
    rt::awaitable<rt::outcome<counts>> census_of(const erasure_slice& who, std::vector<erasure_target> targets,
                                                 rt::deadline limit);
    rt::awaitable<rt::outcome<counts>> count_tables(const erasure_slice& who, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> clear_tables(rt::deadline limit);
    rt::awaitable<rt::outcome<void>> clear(const erasure_target& t, const erasure_slice& who,
                                           std::pair<std::uint64_t, std::uint64_t> found, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> purge_files(rt::deadline limit);
    rt::awaitable<rt::outcome<void>> finish();
    rt::awaitable<rt::outcome<databricks::statement_result>> send(std::string text, const std::string& table,
                                                                  bool reads, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> save();
    void note(const std::string& table, const rt::failure& why);
    statement_label label() const { return {needs_.config->id, receipt_.number, 0}; }

    erasure_needs needs_;
    erasure& receipt_;
    const erasure_work& whom_;
    erasure_book book_;
    place at_;
    std::vector<erasure_slice> slices_{};
    std::vector<erasure_target> targets_{};
    std::set<std::string> held_{};  // tables whose loads are unfinished
    rt::failure first_{};           // why it is not done
};

}  // namespace lakeferry::profiles
