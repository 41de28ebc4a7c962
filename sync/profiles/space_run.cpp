// The steps of one run: whose schema it is, what it lacks, table after table. Its last ones stand in run_end.cpp.
#include "sync/profiles/space_state.hpp"

#include "net/rt/offload.hpp"
#include "net/rt/task_group.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/comments.hpp"
#include "sync/profiles/run_log.hpp"
#include "sync/profiles/stage_sweep.hpp"
#include "sync/profiles/wide_traits.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::profiles {

namespace {

// Failures that every other table would meet too: no use in going on.
bool concerns_all(const rt::failure& why) noexcept
{
    constexpr std::array<std::string_view, 9> rooms{"auth.",    "workspace.", "warehouse.", "entitlement.", "catalog.",
                                                    "http_path.", "store.",     "credential.", "lease."};
    return std::any_of(rooms.begin(), rooms.end(), [&](std::string_view r) { return why.id.starts_with(r); });
}

std::int64_t elapsed_us(rt::time_point from, rt::time_point to)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(to - from).count();
}

}  // namespace

// Loads made for another place: the settings changed. Their rows are still in the outbox and go to the new one.
rt::awaitable<void> space_sync::state::forget_elsewhere(landing_run& run, std::vector<load>& loads,
                                                        const std::string& table)
{
    const std::string target = run.shape.at().table(table);
    for (const auto& l : loads) {
        if (l.target == target) continue;
        with.log.warn("load.dropped", "a load that was staged for " + l.target + " is given up; its rows go to " + target,
                      {{"space", config->id}, {"table", table}, {"load", l.number}});
        auto forgotten = co_await forget(run, l);
        (void)forgotten;  // seen again, and given up again, by the next run
    }
    std::erase_if(loads, [&](const load& l) { return l.target != target; });
}

rt::awaitable<rt::outcome<void>> space_sync::state::land(landing_run& run, pending_work& work, const core::table& t,
                                                         closing* last)
{
    std::vector<load> unfinished;
    if (auto found = work.unfinished.find(t.name); found != work.unfinished.end()) unfinished = std::move(found->second);
    co_await forget_elsewhere(run, unfinished, t.name);
    const bool stage_more = !work.off.contains(t.name);
    table_lander lander(run, t, false, last);
    auto landed = co_await lander.land(std::move(unfinished), stage_more);
    const bool fills = work.unfinished_fills.contains(t.name) ||
                       std::find(work.to_fill.begin(), work.to_fill.end(), t.name) != work.to_fill.end();
    if (landed.has_error() || !fills) co_return landed;
    auto& fill_loads = work.unfinished_fills[t.name];
    co_await forget_elsewhere(run, fill_loads, t.name);
    table_lander filler(run, t, true);
    co_return co_await filler.land(std::move(fill_loads), stage_more);
}

rt::awaitable<rt::outcome<void>> space_sync::state::forget(landing_run& run, const load& l)
{
    co_return co_await rt::offload_uncancellable(with.workers, [&run, &l] { return run.journal.forget(l); });
}

// One of several: takes table after table until none is left or a failure concerns all of them.
rt::awaitable<void> space_sync::state::lane(landing_run& run, pending_work& work, queue& todo)
{
    while (!todo.names.empty() && todo.stop.id.empty()) {
        const std::string name = std::move(todo.names.front());
        todo.names.pop_front();
        const auto table = work.tables.find(name);
        if (table == work.tables.end()) continue;
        auto landed = co_await land(run, work, table->second);
        if (landed.has_error() && concerns_all(landed.error()) && todo.stop.id.empty()) todo.stop = landed.error();
        todo.wide.ended(name, landed.has_value());
    }
}

// Whatever has rows or unfinished loads, without those that wait for a job; profile_traits has its turn behind them.
std::pair<std::deque<std::string>, wide_turn> space_sync::state::tables_to_land(const pending_work& work) const
{
    std::deque<std::string> names(work.with_rows.begin(), work.with_rows.end());
    const auto also = [&names](const std::string& name) {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const auto& [name, loads] : work.unfinished) also(name);
    for (const auto& [name, loads] : work.unfinished_fills) also(name);
    for (const auto& name : work.to_fill) also(name);
    wide_turn wide(names, work);
    std::erase_if(names, [this](const std::string& name) { return jobs.blocks(name); });
    return {std::move(names), std::move(wide)};
}

rt::awaitable<rt::outcome<std::string>> space_sync::state::load_all(landing_run& run, pending_work& work)
{
    auto [names, wide] = tables_to_land(work);
    const std::string wide_name(wide_table);
    const bool widens = wide.wanted() && !jobs.blocks(wide_name);
    auto last = widens ? rt::outcome<std::string>(wide_name) : co_await pick_closing(run, work, names);
    if (last.has_error()) co_return last.error();
    std::erase(names, *last);
    queue todo{std::move(names), std::move(wide)};
    rt::task_group lanes(co_await boost::asio::this_coro::executor, nullptr);
    const auto count = std::min<std::size_t>(limits.statements_per_space, todo.names.size());
    for (std::size_t i = 0; i < count; ++i) lanes.spawn("lane", lane(run, work, todo));
    co_await lanes.join();
    if (!todo.stop.id.empty()) co_return todo.stop;
    co_return widens && !todo.wide.come() ? std::string() : *last;
}

// Before anything is made or sent: the schema is ours. A daemon that took it over forgets what it had on its way into keyed
// tables; the rows are still in the outbox.
rt::awaitable<rt::outcome<void>> space_sync::state::own_schema(landing_run& run, pending_work& work)
{
    auto settled = co_await hold.settle(run.label(), run.limit);
    if (settled.has_error()) co_return settled.error();
    take_over = false;
    shape.set_owner(hold.self());
    if (!hold.taken_from()) co_return boost::system::in_place_value;
    run.last_load = std::max(run.last_load, *hold.taken_from());
    for (auto* loads : {&work.unfinished, &work.unfinished_fills})
        for (auto& [table, of_table] : *loads) {
            for (const auto& l : of_table) {
                if (l.kind != core::table_kind::keyed) continue;
                auto forgotten = co_await forget(run, l);
                if (forgotten.has_error()) co_return forgotten.error();
            }
            std::erase_if(of_table, [](const load& l) { return l.kind == core::table_kind::keyed; });
        }
    co_return boost::system::in_place_value;
}

std::vector<view> space_sync::state::wanted_views() const
{
    auto wanted = views(config->profiles_sync.materialized);
    std::erase_if(wanted, [this](const view& v) { return v.name != runs_view && !selected.table(v.name); });
    return wanted;
}

// Looks once more whose schema it is: nothing is made in one that has become another's meanwhile.
rt::awaitable<rt::outcome<void>> space_sync::state::own_again(landing_run& run)
{
    auto looked = co_await hold.look(false, run.limit);
    if (looked.has_error()) co_return looked.error();
    co_return co_await hold.settle(run.label(), run.limit);
}

rt::awaitable<rt::outcome<void>> space_sync::state::make_structure(landing_run& run, const pending_work& work)
{
    const bool with_volume = config->profiles_sync.use_volume;
    auto known = co_await shape.know(with_volume, run.limit);
    if (known.has_error()) co_return known.error();
    if (!hold.table_seen() && shape.has_table(std::string(fence_table))) {
        auto ours = co_await own_again(run);  // it came after the last look
        if (ours.has_error()) co_return ours.error();
    }
    auto [names, wide] = tables_to_land(work);
    if (wide.wanted() && std::find(names.begin(), names.end(), wide_table) == names.end()) names.emplace_back(wide_table);
    wanted_parts wanted{.volume = with_volume, .views = wanted_views()};
    for (const auto& name : names) {
        const auto t = work.tables.find(name);
        const bool lands = t != work.tables.end() && !work.off.contains(name);
        if (lands && !shape.has_table(name)) wanted.tables.push_back(t->second);
    }
    const auto makes_wide = [](const core::table& t) { return t.name == wide_table; };
    if (std::any_of(wanted.tables.begin(), wanted.tables.end(), makes_wide)) {
        // Before the table is made: a crash in between must not leave an empty table that counts as current.
        auto reset = co_await rt::offload_uncancellable(with.workers,
                                                        [this] { return reset_wide_progress(with.store, number); });
        if (reset.has_error()) co_return reset.error();
    }
    co_return co_await shape.make_together(std::move(wanted), run.label(), run.limit);
}

// By one statement if it can be, else step by step.
rt::awaitable<rt::outcome<void>> space_sync::state::set_up(landing_run& run, const pending_work& work)
{
    if (!hold.table_seen()) shape.forget();  // what is known is no longer true
    for (bool second = false;; second = true) {
        auto made = co_await make_structure(run, work);
        if (made.has_value()) break;
        if (concerns_all(made.error())) co_return made.error();
        with.log.info("structure.single_steps",
                      "not all that the schema lacks was made at once: " + made.error().detail,
                      {{"space", config->id}, {"err", made.error().id}});
        auto ours = co_await own_again(run);
        if (ours.has_error()) co_return ours.error();
        // Our own fence table, by a script whose answer was lost: the rest can still be made together.
        if (second || made.error().id != "table.exists") break;
    }
    co_return co_await shape.ensure_schema(config->profiles_sync.use_volume, run.label(), run.limit);
}

rt::awaitable<rt::outcome<void>> space_sync::state::prepare(landing_run& run, pending_work& work)
{
    status.phase = sync_phase::structure;
    status.activity = "checking schema " + config->profiles_sync.schema;
    const auto began = with.time.now();
    auto owned = co_await own_schema(run, work);
    if (owned.has_error()) co_return owned.error();
    auto shaped = co_await set_up(run, work);
    run.report.structure_us = elapsed_us(began, with.time.now());
    if (shaped.has_error()) co_return shaped.error();
    if (!hold.table_seen()) {
        // Two daemons may have made it at the same moment: the table says whose it is.
        auto looked = co_await hold.look(false, run.limit);
        if (looked.has_error()) co_return looked.error();
    }
    if (config->profiles_sync.use_volume && !shape.volume_usable())
        with.log.warn("stage.no_volume",
                      "rows travel inside the statements, which is slower: " + shape.volume_problem(),
                      {{"space", config->id}});
    if (!swept && shape.volume_usable()) {
        swept = true;
        co_await sweep_stage(run, work);
    }
    co_return boost::system::in_place_value;
}

// Nothing that lands depends on them.
rt::awaitable<void> space_sync::state::make_views(landing_run& run)
{
    auto taken = co_await shape.ensure_views(wanted_views(), run.label(), run.limit);
    if (taken.has_error())
        with.log.warn("view.not_made", taken.error().detail, {{"space", config->id}, {"id", taken.error().id}});
    else if (!taken->empty() && !views_told)
        with.log.warn("view.name_taken",
                      shape.at().table(taken->front()) + " is a table that somebody else keeps; Lakeferry's view of this name is "
                                                         "not made. Rename or drop the table to have it",
                      {{"space", config->id}});
    views_told = true;
}

rt::awaitable<rt::outcome<void>> space_sync::state::carry(pending_work work, run_report& report, rt::deadline limit)
{
    // A run that ended early has left its own.
    shape.reset_count();
    hold.reset_count();
    status.activity = "looking whose schema it is";
    auto looked = co_await hold.look(take_over, limit);
    if (looked.has_error()) co_return looked.error();
    auto awake = co_await wake(report, limit);
    if (awake.has_error()) co_return awake.error();

    run_meters meters(with.time);
    const struct metered {
        structure& of;
        ~metered() { of.set_meter(nullptr); }
    } while_this_runs{shape};
    shape.set_meter(&meters.warehouse);
    load_journal journal(with.store, number);
    load_sender sender(with, journal, config->id, config->databricks.warehouse_id);
    debts owed(with, journal, shape.at(), config->databricks.warehouse_id, meters.warehouse);
    for (auto& l : work.landed) owed.add(std::move(l));
    landing_run run{with,    limits, config->id, number, report.number, work.frozen, work.last_load,
                    shape, journal, sender,     owed,   report,        limit, hold, meters};
    auto ended = co_await land_all(run, work);
    meters.into(report);
    report.statements = run.statements();
    co_return ended;
}

// All tables, what shows them, and what is written down about it.
rt::awaitable<space_sync::state::finished> space_sync::state::finish_tables(landing_run& run, pending_work& work)
{
    finished out;
    auto loaded = co_await load_all(run, work);
    status.phase = sync_phase::fencing;
    status.activity = "finishing";
    if (loaded.has_value()) co_await make_views(run);
    co_await note_circumstances(run.report);
    run.meters.into(run.report);
    if (loaded.has_error()) out.loaded = loaded.error();
    last_words words;
    if (loaded.has_value() && !work.can_widen()) out.loaded = co_await let_wide_go(run, work);
    if (out.loaded.has_value() && loaded.has_value() && !loaded->empty()) {
        auto ended = *loaded == wide_table ? co_await widen(run, work, words) : co_await close(run, work, *loaded, words);
        if (ended.has_error() && concerns_all(ended.error())) out.loaded = ended.error();
        run.meters.into(run.report);
    }
    out.last = words.said ? co_await said(words) : co_await last_statement(run, out.loaded.has_value());
    co_return out;
}

rt::awaitable<rt::outcome<void>> space_sync::state::land_all(landing_run& run, pending_work& work)
{
    auto ready = co_await prepare(run, work);
    if (ready.has_error()) co_return ready.error();
    status.phase = sync_phase::loading;
    status.activity = "loading " + std::to_string(work.with_rows.size()) + " tables";
    const auto ended = co_await finish_tables(run, work);
    auto cleaned = co_await run.owed.clean(config->id, run.limit);
    if (ended.loaded.has_value()) {
        status.activity = "caring for tables";
        co_await jobs.carry_out(run, work);
        co_await add_missing_comments(run, work, config->databricks.warehouse_id);
        co_await care_for_tables(run, work, config->profiles_sync.optimize, config->databricks.warehouse_id);
    }
    if (ended.loaded.has_error()) co_return ended.loaded.error();
    if (ended.last.has_error()) co_return ended.last.error();
    co_return cleaned;
}

}  // namespace lakeferry::profiles
