#include "sync/profiles/wide_lander.hpp"

#include "net/rt/offload.hpp"

#include <algorithm>

namespace lakeferry::profiles {

wide_turn::wide_turn(std::deque<std::string>& names, const pending_work& work)
{
    std::erase(names, wide_table);
    for (const auto& name : names)
        if (is_wide_log(name)) logs_.insert(name);
    wanted_ =
        work.can_widen() && (!logs_.empty() || work.wide_due || work.unfinished.contains(std::string(wide_table)));
}

rt::awaitable<rt::outcome<void>> wide_lander::shape(bool anew)
{
    if (anew) {
        run_.shape.forget();
        auto schema = co_await run_.shape.ensure_schema(false, run_.label(), run_.limit);
        if (schema.has_error()) co_return schema.error();
        for (const auto& log : logs_) {
            auto shaped = co_await run_.shape.ensure_table(log, run_.label(), run_.limit);
            if (shaped.has_error()) co_return shaped.error();
        }
    }
    if (!run_.shape.has_table(wide_.name)) {
        // Before the table is made: a crash in between must not leave an empty table that counts as current.
        auto reset = co_await rt::offload_uncancellable(
            run_.with.workers, [this] { return reset_wide_progress(run_.with.store, run_.space_number); });
        if (reset.has_error()) co_return reset.error();
    }
    co_return co_await run_.shape.ensure_table(wide_, run_.label(), run_.limit);
}

std::string wide_lander::with_words(const load& l, const wide_source& from, const debts::owed_fences& owed) const
{
    const auto& at = run_.shape.at();
    auto fences = owed.fences;
    fences.emplace_back(wide_.name, l.number);
    return load_header(run_.label(l.number), wide_.name) +
           closing_script(wide_part(at, wide_, from, l.number), count_wide(at, from, l.number),
                          fences_part(at, fences, words_.reports, words_.forget_before, words_.open));
}

// A script moves the fence itself, so the fence does not say whether the script was behind it when it began.
rt::awaitable<rt::outcome<bool>> wide_lander::check(const load& l)
{
    const bool moves_fence = is_script(l.parts.front().sql);
    if (l.affected.value_or(0) == 0) {
        auto clear = co_await run_.hold.not_fenced(l, run_.label(), run_.limit, moves_fence);
        if (clear.has_error()) co_return clear.error();
    }
    co_return l.affected.has_value() || !moves_fence;
}

rt::awaitable<rt::outcome<void>> wide_lander::note_landed(load& l)
{
    profiles::note_landed(run_.report, l);
    auto journalled = co_await rt::offload_uncancellable(
        run_.with.workers, [this, &l] { return run_.journal.land(l, wide_.number); });
    if (journalled.has_error()) co_return journalled.error();
    run_.owed.add(l);
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> wide_lander::forget(const load& l)
{
    co_return co_await rt::offload_uncancellable(run_.with.workers, [this, &l] { return run_.journal.forget(l); });
}

rt::awaitable<rt::outcome<bool>> wide_lander::finish(load& l, bool fresh)
{
    {
        const phase_meter::turn loading(run_.meters.load);
        const phase_meter::turn busy(run_.meters.warehouse);
        auto done = co_await run_.sender.finish(l, fresh, {}, run_.limit);
        if (done.has_error()) co_return done.error();
    }
    auto landed = co_await check(l);
    if (landed.has_error()) co_return landed.error();
    auto noted = *landed ? co_await note_landed(l) : co_await forget(l);
    if (noted.has_error()) co_return noted.error();
    co_return *landed;
}

rt::awaitable<rt::outcome<bool>> wide_lander::step(load& l)
{
    auto now = co_await rt::offload_uncancellable(
        run_.with.workers, [this] { return read_wide_progress(run_.with.store, run_.space_number); });
    if (now.has_error()) co_return now.error();
    if (now->log_load == 0) co_return true;
    auto ready = co_await run_.may_send(wide_.name);
    if (ready.has_error()) co_return ready.error();
    l.number = ++run_.last_load;
    l.table = wide_.name;
    l.kind = core::table_kind::keyed;
    l.target = run_.shape.at().table(wide_.name);
    l.log_upto = seq_;
    l.log_load = now->log_load;
    const wide_source from{.from = now->upto,
                           .upto = seq_,
                           .traits = run_.shape.has_table(logs_.back().name) ? &logs_.back() : nullptr};
    const bool together = !alone_ && !words_.reports.empty() && run_.shape.takes_scripts();
    auto owed = run_.owed.to_move();
    l.parts.push_back(
        {together ? with_words(l, from, owed) : merge_wide(run_.shape.at(), wide_, from, run_.label(l.number)), 0, 0});
    auto saved = co_await rt::offload_uncancellable(
        run_.with.workers, [this, &l] { return run_.journal.save(l, store::durable::yes); });
    if (saved.has_error()) co_return saved.error();
    auto landed = co_await finish(l, true);
    if (landed.has_error() || !*landed || !together) co_return landed;
    words_.said = true;
    owed.loads.push_back(l.number);
    auto moved = co_await run_.owed.moved(std::move(owed.loads));
    if (moved.has_error()) co_return moved.error();
    co_return true;
}

rt::awaitable<rt::outcome<void>> wide_lander::catch_up()
{
    for (bool second = false;; second = true) {
        load l;
        auto done = co_await step(l);
        if (done.has_value() && *done) co_return boost::system::in_place_value;
        if (done.has_value()) {
            alone_ = true;  // its own answer is enough then
            continue;
        }
        const auto& id = done.error().id;
        const bool shape_was_wrong = id == "table.not_found" || id == "schema.not_found" || id == "column.not_found";
        const bool no_scripts = run_.shape.takes_scripts() && run_.shape.note_if_no_scripts(done.error());
        if (!no_scripts && (second || !shape_was_wrong)) co_return done.error();
        if (shape_was_wrong)
            run_.with.log.warn("table.changed", "somebody changed or dropped what was there; it is made again: " +
                                                    done.error().detail,
                               {{"space", run_.space}, {"table", wide_.name}});
        auto forgotten = co_await forget(l);
        if (forgotten.has_error()) co_return forgotten.error();
        if (!shape_was_wrong) continue;
        auto shaped = co_await shape(true);
        if (shaped.has_error()) co_return shaped.error();
    }
}

rt::awaitable<rt::outcome<void>> wide_lander::land(std::vector<load> unfinished)
{
    auto& report = run_.report.tables[wide_.name];
    const auto failed = [&report](const rt::failure& why) {
        report.error_id = why.id;
        report.error = why.detail;
        return why;
    };
    auto shaped = co_await shape(false);
    if (shaped.has_error()) co_return failed(shaped.error());
    for (auto& l : unfinished) {
        auto ready = co_await run_.may_send(wide_.name);
        if (ready.has_error()) co_return failed(ready.error());
        auto done = co_await finish(l, false);
        if (done.has_value()) {
            if (*done) ++run_.report.adopted;
            continue;
        }
        // It carries no rows, so it can always be made anew: behind the fence of a newer number nothing of it happens.
        if (!done.error().id.ends_with(".not_found")) co_return failed(done.error());
        auto forgotten = co_await forget(l);
        if (forgotten.has_error()) co_return failed(forgotten.error());
        auto again = co_await shape(true);
        if (again.has_error()) co_return failed(again.error());
    }
    auto done = co_await catch_up();
    if (done.has_error()) co_return failed(done.error());
    co_return boost::system::in_place_value;
}

}  // namespace lakeferry::profiles
