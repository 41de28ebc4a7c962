// Landed loads that still owe something: the fence of a keyed table, the deletion of staged files.
#pragma once

#include "net/rt/deadline.hpp"
#include "net/rt/limiter.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/profiles/phase_meter.hpp"
#include "sync/profiles/space_sync.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace lakeferry::profiles {

// Of one run. Keeps the journal's landed records until nothing is owed.
class debts {
public:
    debts(sync_parts& with, load_journal& journal, place at, std::string warehouse_id, phase_meter& busy);

    void add(load landed);
    // True: a load of this table has landed and its fence was not moved; no newer load of the table may be sent.
    bool fence_owed(const std::string& table) const noexcept;
    bool any_fence_owed() const noexcept;
    // The fences that are owed, and by which loads.
    struct owed_fences {
        std::vector<std::pair<std::string, std::uint64_t>> fences{};  // {table, load}
        std::vector<std::uint64_t> loads{};
    };
    owed_fences to_move() const;
    // They are moved, by whichever statement.
    rt::awaitable<rt::outcome<void>> moved(std::vector<std::uint64_t> loads);
    // One statement for the fences of all tables that owe one, and for reports of runs.
    rt::awaitable<rt::outcome<void>> move_fences(statement_label label, rt::deadline limit,
                                                 std::vector<report_row> reports = {}, std::uint64_t forget_before = 0);
    // Deletes staged files. What cannot be deleted stays in the journal for the next run, with a warning.
    rt::awaitable<rt::outcome<void>> clean(std::string space, rt::deadline limit);
    std::uint64_t statements_sent() const noexcept { return sent_; }

private:
    rt::awaitable<rt::outcome<void>> settle(load& l);

    sync_parts& with_;
    load_journal& journal_;
    place at_;
    std::string warehouse_id_;
    phase_meter& busy_;
    std::map<std::uint64_t, load> owed_;  // by number
    rt::limiter one_at_a_time_;           // fence statements would only conflict with each other
    std::uint64_t sent_ = 0;
};

}  // namespace lakeferry::profiles
