#include "sync/profiles/space_state.hpp"
#include "sync/profiles/stuck_loads.hpp"

#include "net/rt/offload.hpp"
#include "sync/databricks/warehouses.hpp"
#include "sync/profiles/wide_traits.hpp"

namespace lakeferry::profiles {

namespace {

using namespace std::chrono_literals;

constexpr rt::duration run_limit = 6h;

std::int64_t elapsed_us(rt::time_point from, rt::time_point to)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

}  // namespace

const char* to_string(sync_phase p) noexcept
{
    switch (p) {
        case sync_phase::idle: return "idle";
        case sync_phase::settling: return "settling";
        case sync_phase::waiting_for_warehouse: return "waiting_for_warehouse";
        case sync_phase::structure: return "structure";
        case sync_phase::loading: return "loading";
        case sync_phase::fencing: return "fencing";
    }
    return "idle";
}

space_sync::space_sync(sync_parts parts, std::shared_ptr<const core::space_config> config, core::limits limits,
                       std::uint32_t space_number)
    : state_(std::make_unique<state>(parts, std::move(config), limits, space_number))
{
}

space_sync::~space_sync() = default;

const sync_status& space_sync::status() const noexcept { return state_->status; }

void space_sync::remember(const run_report& last)
{
    if (!state_->status.last && state_->status.phase == sync_phase::idle) state_->end(last);
}

void space_sync::take_over() noexcept { state_->take_over = true; }

rt::awaitable<rt::outcome<void>> space_sync::may_take_calls(bool afresh, rt::deadline limit)
{
    co_return co_await state_->hold.allowed(afresh, limit);
}

rt::awaitable<rt::outcome<bool>> space_sync::due()
{
    auto work = co_await state_->pending();
    if (work.has_error()) co_return work.error();
    co_return !work->empty();
}

rt::awaitable<rt::outcome<pending_work>> space_sync::state::pending()
{
    std::map<std::string, std::uint64_t> gone;
    auto work = co_await rt::offload_uncancellable(with.workers, [this, &gone]() -> rt::outcome<pending_work> {
        auto tables = with.tables();
        if (tables.has_error()) return tables.error();
        if (!config->profiles_sync.materialized)
            std::erase_if(*tables, [](const core::table& t) { return t.name == wide_table; });
        if (!selected.everything()) {
            auto left = let_go(with.store, number, *tables, selected);
            if (left.has_error()) return left.error();
            gone = std::move(*left);
        }
        return read_pending(with.store, number, std::move(*tables), selected);
    });
    for (const auto& [table, rows] : gone)
        with.log.info("select.dropped", "rows that waited for a table that is left out are let go",
                      {{"space", config->id}, {"table", table}, {"rows", rows}});
    co_return work;
}

rt::awaitable<rt::outcome<void>> space_sync::state::wake(run_report& report, rt::deadline limit)
{
    status.phase = sync_phase::waiting_for_warehouse;
    status.activity = "waiting for warehouse " + config->databricks.warehouse_id;
    const auto began = with.time.now();
    auto ready = co_await with.warehouses.ensure_running(with.door, config->databricks.warehouse_id, limit);
    report.warehouse_wait_us = elapsed_us(began, with.time.now());
    if (ready.has_error()) co_return ready.error();
    report.woke_warehouse = ready->was_started;
    co_return boost::system::in_place_value;
}

void space_sync::state::tell(const run_report& r) const
{
    std::vector<obs::field> fields{{"space", config->id},
                                   {"run", r.number},
                                   {"status", to_string(r.status)},
                                   {"trigger", r.trigger},
                                   {"rows", r.rows()},
                                   {"tables", r.tables.size()},
                                   {"statements", r.statements},
                                   {"seconds", static_cast<double>(r.ended_us - r.started_us) / 1e6},
                                   {"warehouse_wait_seconds", static_cast<double>(r.warehouse_wait_us) / 1e6}};
    if (r.status == run_status::success) {
        with.log.info("sync.finished", "all rows that were due have landed", std::move(fields));
        return;
    }
    fields.emplace_back("err", r.cause_id());
    with.log.error(r.status == run_status::partial ? "sync.partial" : "sync.failed", r.cause(), std::move(fields));
}

void space_sync::state::end(const run_report& report)
{
    status.phase = sync_phase::idle;
    status.activity.clear();
    status.running.reset();
    status.last = report;
    status.error_id = report.cause_id();
    status.error = report.cause();
    if (report.status == run_status::success) {
        status.last_success_us = report.ended_us;
        status.failures_in_a_row = 0;
    } else {
        ++status.failures_in_a_row;
    }
}

namespace {

// Puts the status back to idle when a run is cancelled half-way.
struct idle_again {
    sync_status& status;
    explicit idle_again(sync_status& s) : status(s) {}
    idle_again(const idle_again&) = delete;
    idle_again& operator=(const idle_again&) = delete;
    ~idle_again()
    {
        status.phase = sync_phase::idle;
        status.activity.clear();
        status.running.reset();
    }
};

}  // namespace

rt::awaitable<rt::outcome<void>> space_sync::resolve_load(std::uint64_t number, bool resend)
{
    auto& s = *state_;
    s.status.phase = sync_phase::settling;
    s.status.activity = "settling load " + std::to_string(number);
    const idle_again guard(s.status);
    auto done = co_await rt::offload_uncancellable(s.with.workers, [&s, number, resend]() -> rt::outcome<void> {
        auto tables = s.with.tables();
        if (tables.has_error()) return tables.error();
        return settle_load(s.with.store, s.number, *tables, number, resend);
    });
    if (done.has_value())
        s.with.log.warn("load.settled", resend ? "a load is sent anew, as somebody decided" : "a load is taken as landed, as somebody decided",
                        {{"space", s.config->id}, {"load", number}});
    co_return done;
}

rt::awaitable<rt::outcome<run_report>> space_sync::run(std::string trigger)
{
    auto& s = *state_;
    if (s.status.phase != sync_phase::idle)
        co_return rt::failure{rt::retry_class::transient, "sync.running",
                              "a run of space " + s.config->id + " is under way: " + s.status.activity};
    s.status.phase = sync_phase::settling;
    const idle_again guard(s.status);
    run_report report;
    report.trigger = std::move(trigger);
    report.started_us = s.with.wall.now_us();
    auto jobs = co_await s.jobs.prepare();
    if (jobs.has_error()) co_return jobs.error();
    auto work = co_await s.pending();
    if (work.has_error()) co_return work.error();
    report.frozen_batch = work->frozen;
    if (work->empty() && !s.take_over && !s.jobs.any()) {
        report.status = run_status::success;
        report.ended_us = s.with.wall.now_us();
        co_return report;
    }
    report.number = work->last_run + 1;
    // A volume that was refused may have been granted since.
    if (!s.shape.volume_problem().empty()) s.shape.forget();
    s.status.running = report;
    s.with.log.info("sync.started", "a run has begun",
                    {{"space", s.config->id},
                     {"run", report.number},
                     {"trigger", report.trigger},
                     {"tables", work->with_rows.size()},
                     {"unfinished_tables", work->unfinished.size()}});
    auto carried = co_await s.carry(std::move(*work), report, rt::deadline::in(s.with.time, run_limit));
    if (carried.has_error()) {
        report.error_id = carried.error().id;
        report.error = carried.error().detail;
    }
    report.ended_us = s.with.wall.now_us();
    report.status = verdict(report);
    // Whatever it was, somebody may put it right meanwhile: the next run looks afresh, which wakes nothing.
    if (report.status != run_status::success) s.shape.forget();
    s.end(report);
    s.tell(report);
    auto saved = co_await rt::offload_uncancellable(
        s.with.workers, [&s, &report] { return save_report(s.with.store, s.number, report); });
    if (saved.has_error()) co_return saved.error();
    co_return report;
}

}  // namespace lakeferry::profiles
