// Lands profile_traits, after its logs: one statement that carries no rows.
#pragma once

#include "sync/profiles/pending.hpp"
#include "sync/profiles/table_lander.hpp"

#include <deque>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// Decides when profile_traits has its turn among the tables of a run. Pure.
class wide_turn {
public:
    // Takes profile_traits out of `names`: it is put back when every log that lands in this run has landed.
    wide_turn(std::deque<std::string>& names, const pending_work& work);
    // It will have its turn, unless a log fails.
    bool wanted() const noexcept { return wanted_; }
    // A table is done. A log that failed keeps profile_traits waiting for the next run.
    void ended(const std::string& table, bool well, std::deque<std::string>& names);

private:
    std::set<std::string> logs_{};  // not yet landed
    bool wanted_ = false;
};

class wide_lander {
public:
    // seq: of the last row that the run lands. logs: id_graph_updates, profile_traits_updates.
    wide_lander(landing_run& run, core::table wide, std::vector<core::table> logs, std::uint64_t seq)
        : run_(run), wide_(std::move(wide)), logs_(std::move(logs)), seq_(seq)
    {
    }

    // As table_lander::land.
    rt::awaitable<rt::outcome<void>> land(std::vector<load> unfinished);

private:
    rt::awaitable<rt::outcome<void>> finish(load& l, bool fresh);
    rt::awaitable<rt::outcome<void>> catch_up();
    rt::awaitable<rt::outcome<void>> shape(bool anew);
    rt::awaitable<rt::outcome<void>> step(load& l);

    landing_run& run_;
    core::table wide_;
    std::vector<core::table> logs_;
    std::uint64_t seq_;
};

}  // namespace lakeferry::profiles
