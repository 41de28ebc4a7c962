// The state of one space's landing, and the steps of a run. Internal to space_sync.
#pragma once

#include "sync/core/selection.hpp"
#include "sync/profiles/job_runner.hpp"
#include "sync/profiles/lease.hpp"
#include "sync/profiles/pending.hpp"
#include "sync/profiles/run_log.hpp"
#include "sync/profiles/space_sync.hpp"
#include "sync/profiles/structure.hpp"
#include "sync/profiles/table_lander.hpp"
#include "sync/profiles/wide_lander.hpp"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lakeferry::profiles {

struct space_sync::state {
    sync_parts with;
    std::shared_ptr<const core::space_config> config;
    core::limits limits;
    std::uint32_t number;
    core::selection selected;
    sync_status status{};
    structure shape;
    lease hold;
    job_runner jobs;
    bool take_over = false;
    bool swept = false;
    bool views_told = false;
    std::int64_t reported_us = 0;  // when a report last went into the schema

    state(sync_parts parts, std::shared_ptr<const core::space_config> c, core::limits l, std::uint32_t n)
        : with(parts),
          config(std::move(c)),
          limits(l),
          number(n),
          selected(config->profiles_sync.select),
          shape(with.statements,
                {config->databricks.catalog, config->profiles_sync.schema, config->profiles_sync.volume},
                config->databricks.warehouse_id),
          hold(with, shape, number, config->id, config->databricks.warehouse_id),
          jobs(with, *config, number)
    {
    }

    rt::awaitable<rt::outcome<pending_work>> pending();
    rt::awaitable<rt::outcome<void>> wake(run_report& report, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> carry(pending_work work, run_report& report, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> prepare(landing_run& run, pending_work& work);
    rt::awaitable<rt::outcome<void>> own_again(landing_run& run);
    rt::awaitable<rt::outcome<void>> set_up(landing_run& run, const pending_work& work);
    rt::awaitable<rt::outcome<void>> make_structure(landing_run& run, const pending_work& work);
    std::pair<std::deque<std::string>, wide_turn> tables_to_land(const pending_work& work) const;
    std::vector<view> wanted_views() const;
    rt::awaitable<rt::outcome<void>> own_schema(landing_run& run, pending_work& work);
    rt::awaitable<void> make_views(landing_run& run);
    rt::awaitable<rt::outcome<last_words>> words_of(landing_run& run, std::optional<load> last = {});
    rt::awaitable<rt::outcome<void>> said(const last_words& words);
    rt::awaitable<rt::outcome<void>> widen(landing_run& run, pending_work& work, last_words& words);
    rt::awaitable<rt::outcome<std::string>> pick_closing(const landing_run& run, const pending_work& work,
                                                         const std::deque<std::string>& names);
    rt::awaitable<rt::outcome<void>> close(landing_run& run, pending_work& work, const std::string& table, last_words& words);
    rt::awaitable<rt::outcome<void>> last_statement(landing_run& run, bool well);
    struct finished {
        rt::outcome<void> loaded{};
        rt::outcome<void> last{};  // what is said last
    };
    rt::awaitable<finished> finish_tables(landing_run& run, pending_work& work);
    rt::awaitable<rt::outcome<void>> let_wide_go(landing_run& run, pending_work& work);
    rt::awaitable<void> note_circumstances(run_report& report);
    rt::awaitable<rt::outcome<void>> land_all(landing_run& run, pending_work& work);
    // The table that is left for the end: profile_traits if it has its turn, else one whose load takes along what is said
    // last; empty: none.
    rt::awaitable<rt::outcome<std::string>> load_all(landing_run& run, pending_work& work);
    struct queue {
        std::deque<std::string> names{};
        wide_turn wide;
        rt::failure stop{};  // of the run: a failure that concerns every table
    };
    rt::awaitable<void> lane(landing_run& run, pending_work& work, queue& todo);
    rt::awaitable<rt::outcome<void>> land(landing_run& run, pending_work& work, const core::table& t, closing* last = nullptr);
    rt::awaitable<rt::outcome<void>> forget(landing_run& run, const load& l);
    rt::awaitable<void> forget_elsewhere(landing_run& run, std::vector<load>& loads, const std::string& table);
    void tell(const run_report& report) const;
    void end(const run_report& report);
};

}  // namespace lakeferry::profiles
