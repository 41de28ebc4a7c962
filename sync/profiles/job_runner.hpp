// Carries out the jobs of a space, as part of its runs. Internal to space_sync.
#pragma once

#include "sync/databricks/statements.hpp"
#include "sync/profiles/pending.hpp"
#include "sync/profiles/table_care.hpp"
#include "sync/profiles/table_job.hpp"
#include "sync/profiles/table_lander.hpp"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// Owner: space_sync. Loop thread only; one call at a time.
class job_runner {
public:
    // All of them outlive this.
    job_runner(sync_parts& with, const core::space_config& config, std::uint32_t space);

    // Before a run looks at what is due: reads the open jobs, and writes the rows of fillings into the outbox, in steps
    // between which resolution goes on. Failures: those of the store; fillings that fail keep their reason.
    rt::awaitable<rt::outcome<void>> prepare();
    // There is something to do in the warehouse.
    bool any() const noexcept { return !open_.empty(); }
    // Nothing may be loaded into it: its rows and the table differ until a change of type is complete.
    bool blocks(const std::string& table) const;
    // After the loads of a run, in the warehouse that is awake. What fails is tried again by the next run; the reason stands
    // in the job and in the run's report.
    rt::awaitable<void> carry_out(landing_run& run, const pending_work& work);

private:
    rt::awaitable<rt::outcome<void>> write_rows(table_job& job);
    rt::awaitable<rt::outcome<void>> finish_backfill(landing_run& run, const pending_work& work, table_job& job);
    rt::awaitable<rt::outcome<void>> retype(landing_run& run, const pending_work& work, table_job& job);
    rt::awaitable<rt::outcome<void>> check_retype(landing_run& run, table_job& job);
    rt::awaitable<rt::outcome<void>> convert(landing_run& run, const core::table& t, const table_job& job);
    rt::awaitable<rt::outcome<void>> restore_comments(landing_run& run, const core::table& t);
    rt::awaitable<rt::outcome<bool>> unsettled(landing_run& run, const std::string& table, bool waiting_too);
    rt::awaitable<rt::outcome<void>> save(table_job& job);
    rt::awaitable<rt::outcome<void>> end(table_job& job, job_step how, const rt::failure& why = {});
    rt::awaitable<rt::outcome<databricks::statement_result>> send(landing_run& run, std::string text);
    databricks::statement statement(landing_run& run, std::string text) const;

    sync_parts& with_;
    const core::space_config& config_;
    std::uint32_t space_;
    core::selection chosen_;
    std::vector<table_job> open_{};
};

}  // namespace lakeferry::profiles
