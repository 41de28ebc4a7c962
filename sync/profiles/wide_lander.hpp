// Lands profile_traits, after its logs: one statement that carries no rows. Where the warehouse takes scripts it is also the
// last of the run: fences and reports travel with it.
#pragma once

#include "sync/profiles/pending.hpp"
#include "sync/profiles/run_log.hpp"
#include "sync/profiles/table_lander.hpp"
#include "sync/profiles/wide_traits.hpp"

#include <deque>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// Decides whether profile_traits has its turn behind the other tables of a run. Pure.
class wide_turn {
public:
    // Takes profile_traits out of `names`.
    wide_turn(std::deque<std::string>& names, const pending_work& work);
    // It will have its turn, unless a log fails.
    bool wanted() const noexcept { return wanted_; }
    // A table is done. A log that failed keeps profile_traits waiting for the next run.
    void ended(const std::string& table, bool well)
    {
        if (well) logs_.erase(table);
    }
    // Every log that lands in this run has landed.
    bool come() const noexcept { return wanted_ && logs_.empty(); }

private:
    std::set<std::string> logs_{};  // not yet landed
    bool wanted_ = false;
};

class wide_lander {
public:
    // seq: of the last row that the run lands. logs: id_graph_updates, profile_traits_updates. words: what may travel along,
    // with its rows of profile_traits left open; outlives this.
    wide_lander(landing_run& run, core::table wide, std::vector<core::table> logs, std::uint64_t seq, last_words& words)
        : run_(run), wide_(std::move(wide)), logs_(std::move(logs)), seq_(seq), words_(words)
    {
    }

    // As table_lander::land.
    rt::awaitable<rt::outcome<void>> land(std::vector<load> unfinished);

private:
    // False: nobody can say by now what it did; a new one says it.
    rt::awaitable<rt::outcome<bool>> finish(load& l, bool fresh);
    rt::awaitable<rt::outcome<bool>> check(const load& l);
    rt::awaitable<rt::outcome<void>> note_landed(load& l);
    rt::awaitable<rt::outcome<void>> forget(const load& l);
    rt::awaitable<rt::outcome<void>> catch_up();
    rt::awaitable<rt::outcome<void>> shape(bool anew);
    rt::awaitable<rt::outcome<bool>> step(load& l);
    std::string with_words(const load& l, const wide_source& from, const debts::owed_fences& owed) const;

    landing_run& run_;
    core::table wide_;
    std::vector<core::table> logs_;
    std::uint64_t seq_;
    last_words& words_;
    bool alone_ = false;  // nothing travels along any more
};

}  // namespace lakeferry::profiles
