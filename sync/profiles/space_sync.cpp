#include "sync/profiles/space_sync.hpp"

#include "net/rt/offload.hpp"
#include "net/rt/task_group.hpp"
#include "sync/databricks/files.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/databricks/warehouses.hpp"
#include "sync/profiles/pending.hpp"
#include "sync/profiles/stage_sweep.hpp"
#include "sync/profiles/table_lander.hpp"

#include <algorithm>
#include <array>
#include <deque>

namespace lakeferry::profiles {

namespace {

using namespace std::chrono_literals;

constexpr rt::duration run_limit = 6h;

// Failures that every other table would meet too: no use in going on.
bool concerns_all(const rt::failure& why) noexcept
{
    constexpr std::array<std::string_view, 8> rooms{"auth.",    "workspace.", "warehouse.", "entitlement.",
                                                    "catalog.", "http_path.", "store.",     "credential."};
    return std::any_of(rooms.begin(), rooms.end(), [&](std::string_view r) { return why.id.starts_with(r); });
}

std::int64_t elapsed_us(rt::time_point from, rt::time_point to)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

run_status verdict(const run_report& r)
{
    const bool landed = r.rows() > 0;
    const bool table_failed =
        std::any_of(r.tables.begin(), r.tables.end(), [](const auto& t) { return !t.second.error_id.empty(); });
    if (r.error_id.empty() && !table_failed) return run_status::success;
    return landed ? run_status::partial : run_status::failed;
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

struct space_sync::state {
    sync_parts with;
    std::shared_ptr<const core::space_config> config;
    core::limits limits;
    std::uint32_t number;
    sync_status status{};
    structure shape;
    bool swept = false;

    state(sync_parts parts, std::shared_ptr<const core::space_config> c, core::limits l, std::uint32_t n)
        : with(parts),
          config(std::move(c)),
          limits(l),
          number(n),
          shape(with.statements,
                {config->databricks.catalog, config->profiles_sync.schema, config->profiles_sync.volume},
                config->databricks.warehouse_id)
    {
    }

    rt::awaitable<rt::outcome<pending_work>> pending()
    {
        co_return co_await rt::offload_uncancellable(with.workers, [this]() -> rt::outcome<pending_work> {
            auto tables = with.tables();
            if (tables.has_error()) return tables.error();
            return read_pending(with.store, number, std::move(*tables));
        });
    }
    rt::awaitable<rt::outcome<void>> wake(run_report& report, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> carry(pending_work work, run_report& report, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> load_all(landing_run& run, pending_work& work);
    rt::awaitable<void> lane(landing_run& run, pending_work& work, std::deque<std::string>& names, rt::failure& stop);
    rt::awaitable<void> forget_elsewhere(landing_run& run, std::vector<load>& loads, const std::string& table);
    void tell(const run_report& report) const;
    void end(const run_report& report);
};

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

rt::awaitable<rt::outcome<bool>> space_sync::due()
{
    auto work = co_await state_->pending();
    if (work.has_error()) co_return work.error();
    co_return !work->empty();
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

// Loads made for another place: the settings changed. Their rows are still in the outbox and go to the new one.
rt::awaitable<void> space_sync::state::forget_elsewhere(landing_run& run, std::vector<load>& loads,
                                                        const std::string& table)
{
    const std::string target = run.shape.at().table(table);
    for (const auto& l : loads) {
        if (l.target == target) continue;
        with.log.warn("load.dropped", "a load that was staged for " + l.target + " is given up; its rows go to " + target,
                      {{"space", config->id}, {"table", table}, {"load", l.number}});
        auto forgotten =
            co_await rt::offload_uncancellable(with.workers, [&run, &l] { return run.journal.forget(l); });
        (void)forgotten;  // seen again, and given up again, by the next run
    }
    std::erase_if(loads, [&](const load& l) { return l.target != target; });
}

// One of several: takes table after table until none is left or a failure concerns all of them.
rt::awaitable<void> space_sync::state::lane(landing_run& run, pending_work& work, std::deque<std::string>& names,
                                            rt::failure& stop)
{
    while (!names.empty() && stop.id.empty()) {
        const std::string name = std::move(names.front());
        names.pop_front();
        const auto table = work.tables.find(name);
        if (table == work.tables.end()) continue;
        std::vector<load> unfinished;
        if (auto found = work.unfinished.find(name); found != work.unfinished.end())
            unfinished = std::move(found->second);
        co_await forget_elsewhere(run, unfinished, name);
        table_lander lander(run, table->second);
        auto landed = co_await lander.land(std::move(unfinished));
        if (landed.has_error() && concerns_all(landed.error()) && stop.id.empty()) stop = landed.error();
    }
}

rt::awaitable<rt::outcome<void>> space_sync::state::load_all(landing_run& run, pending_work& work)
{
    std::deque<std::string> names(work.with_rows.begin(), work.with_rows.end());
    for (const auto& [name, loads] : work.unfinished)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    rt::failure stop;
    rt::task_group lanes(co_await boost::asio::this_coro::executor, nullptr);
    const auto count = std::min<std::size_t>(limits.statements_per_space, names.size());
    for (std::size_t i = 0; i < count; ++i) lanes.spawn("lane", lane(run, work, names, stop));
    co_await lanes.join();
    if (!stop.id.empty()) co_return stop;
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> space_sync::state::carry(pending_work work, run_report& report, rt::deadline limit)
{
    shape.reset_count();  // a run that ended early has left its own
    auto awake = co_await wake(report, limit);
    if (awake.has_error()) co_return awake.error();

    load_journal journal(with.store, number);
    load_sender sender(with, journal, config->id, config->databricks.warehouse_id);
    debts owed(with, journal, shape.at(), config->databricks.warehouse_id);
    for (auto& l : work.landed) owed.add(std::move(l));
    landing_run run{with,    limits, config->id, number, report.number, work.frozen, work.last_load,
                    shape, journal, sender,     owed,   report,        limit};

    status.phase = sync_phase::structure;
    status.activity = "checking schema " + config->profiles_sync.schema;
    const auto began = with.time.now();
    auto shaped = co_await shape.ensure_schema(config->profiles_sync.use_volume, run.label(), limit);
    report.structure_us = elapsed_us(began, with.time.now());
    if (shaped.has_error()) co_return shaped.error();
    if (config->profiles_sync.use_volume && !shape.volume_usable())
        with.log.warn("stage.no_volume",
                      "rows travel inside the statements, which is slower: " + shape.volume_problem(),
                      {{"space", config->id}});
    if (!swept && shape.volume_usable()) {
        swept = true;
        co_await sweep_stage(run, work);
    }

    status.phase = sync_phase::loading;
    status.activity = "loading " + std::to_string(work.with_rows.size()) + " tables";
    const auto loading = with.time.now();
    auto loaded = co_await load_all(run, work);
    report.load_us = elapsed_us(loading, with.time.now());

    status.phase = sync_phase::fencing;
    status.activity = "finishing";
    auto fenced = co_await owed.move_fences(run.label(), limit);
    auto cleaned = co_await owed.clean(config->id, limit);
    report.statements = shape.statements_sent() + sender.statements_sent() + owed.statements_sent();
    if (loaded.has_error()) co_return loaded.error();
    if (fenced.has_error()) co_return fenced.error();
    co_return cleaned;
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
    std::string why = r.error;
    std::string id = r.error_id;
    for (const auto& [name, t] : r.tables)
        if (id.empty() && !t.error_id.empty()) {
            id = t.error_id;
            why = "table " + name + ": " + t.error;
        }
    if (r.status == run_status::success) {
        with.log.info("sync.finished", "all rows that were due have landed", std::move(fields));
        return;
    }
    fields.emplace_back("err", id);
    with.log.error(r.status == run_status::partial ? "sync.partial" : "sync.failed", why, std::move(fields));
}

void space_sync::state::end(const run_report& report)
{
    status.phase = sync_phase::idle;
    status.activity.clear();
    status.running.reset();
    status.last = report;
    status.error_id = report.error_id;
    status.error = report.error;
    for (const auto& [name, t] : report.tables)
        if (status.error_id.empty() && !t.error_id.empty()) {
            status.error_id = t.error_id;
            status.error = "table " + name + ": " + t.error;
        }
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
    auto work = co_await s.pending();
    if (work.has_error()) co_return work.error();
    report.frozen_batch = work->frozen;
    if (work->empty()) {
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
        if (databricks::is_not_found(carried.error()) || carried.error().id == "permission.missing") s.shape.forget();
    }
    report.ended_us = s.with.wall.now_us();
    report.status = verdict(report);
    s.end(report);
    s.tell(report);
    auto saved = co_await rt::offload_uncancellable(
        s.with.workers, [&s, &report] { return save_report(s.with.store, s.number, report); });
    if (saved.has_error()) co_return saved.error();
    co_return report;
}

}  // namespace lakeferry::profiles
