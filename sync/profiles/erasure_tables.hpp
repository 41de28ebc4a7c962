// The rows of erased people in the tables of a workspace: found, counted, deleted, and their files rewritten.
#pragma once

#include "net/rt/deadline.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/erasure_progress.hpp"
#include "sync/profiles/erasure_sql.hpp"
#include "sync/profiles/space_sync.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace lakeferry::profiles {

// Owner: the erasure's run. Every statement can be sent twice; the receipt is saved before and after each, so that
// cancelling, or the end of the process, leaves the rest to the next try. All references outlive it.
// A failure that concerns one table is noted in the progress, and the others are done all the same; a failure of the
// whole (the workspace, the warehouse, the store) is answered.
class erasure_tables {
public:
    // who: the people, in parts that fit a statement; without any there is only vacuum() to do.
    erasure_tables(sync_parts& with, std::shared_ptr<const core::space_config> config, place at,
                   std::vector<erasure_slice> who, erasure_progress& progress);

    // Looks which tables of the space are there. A schema that is not there has none.
    rt::awaitable<rt::outcome<void>> find(rt::deadline limit);
    // Whether find() found none: then no warehouse is needed.
    bool empty() const noexcept { return targets_.empty(); }
    // A load of this table is unfinished: its rows are left to a later try. False if that was known.
    bool hold(const std::string& table) { return held_.insert(table).second; }

    // Deletes the rows, replaces identifiers in those of others by NULL, and looks whether any is left.
    rt::awaitable<rt::outcome<void>> clear(rt::deadline limit);
    // Into the receipt, what clear() would remove.
    rt::awaitable<rt::outcome<void>> count(rt::deadline limit);
    // Rewrites files whose deleted rows are only marked as such.
    rt::awaitable<rt::outcome<void>> purge(rt::deadline limit);
    // Removes the files that held rows, once their retention has passed.
    rt::awaitable<rt::outcome<void>> vacuum(rt::deadline limit);

private:
    using counts = std::map<std::string, std::pair<std::uint64_t, std::uint64_t>>;  // table: to remove, to blank

    rt::awaitable<rt::outcome<void>> wake(rt::deadline limit);
    rt::awaitable<rt::outcome<void>> narrow(rt::deadline limit);
    rt::awaitable<rt::outcome<counts>> census_of(const erasure_slice& who, std::vector<erasure_target> targets,
                                                 rt::deadline limit);
    rt::awaitable<rt::outcome<counts>> count_tables(const erasure_slice& who, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> clear_table(const erasure_target& t, const erasure_slice& who,
                                                 std::pair<std::uint64_t, std::uint64_t> found, rt::deadline limit);
    rt::awaitable<rt::outcome<databricks::statement_result>> send(std::string text, const std::string& table,
                                                                  bool reads, rt::deadline limit);
    statement_label label() const { return {config_->id, receipt_.number, 0}; }

    sync_parts& with_;
    std::shared_ptr<const core::space_config> config_;
    place at_;
    std::vector<erasure_slice> slices_;
    erasure_progress& progress_;
    erasure& receipt_;  // the progress's
    std::vector<erasure_target> targets_{};
    std::set<std::string> held_{};
};

}  // namespace lakeferry::profiles
