// The last steps of a run: profile_traits, the fences, and what is written down about it.
#include "sync/profiles/space_state.hpp"

#include "net/rt/offload.hpp"
#include "sync/profiles/closing.hpp"
#include "sync/profiles/run_log.hpp"
#include "sync/profiles/wide_traits.hpp"

#include <algorithm>
#include <utility>

namespace lakeferry::profiles {

// The reports of this run and of those that could not report themselves. last: counts as landed, its rows left open.
rt::awaitable<rt::outcome<last_words>> space_sync::state::words_of(landing_run& run, std::optional<load> last)
{
    auto earlier = co_await rt::offload_uncancellable(with.workers, [this] { return unreported(with.store, number); });
    if (earlier.has_error()) co_return earlier.error();
    last_words out;
    for (const auto& r : *earlier) out.reports.push_back(row_of(r, hold.self().id));
    if (!earlier->empty()) out.upto = earlier->back().number;
    if (earlier->size() < reports_a_statement) {
        run_report so_far = run.report;
        so_far.statements = run.statements() + 1;
        so_far.ended_us = with.wall.now_us();
        if (last) {
            last->rows = 0;
            note_landed(so_far, *last);
            out.open = leave_open(so_far, last->table);
        }
        so_far.status = verdict(so_far);
        out.reports.push_back(row_of(so_far, hold.self().id));
        out.upto = so_far.number;
    }
    out.forget_before = forget_before(out.upto);
    co_return out;
}

rt::awaitable<rt::outcome<void>> space_sync::state::said(const last_words& words)
{
    reported_us = with.wall.now_us();
    co_return co_await rt::offload_uncancellable(
        with.workers, [this, upto = words.upto] { return mark_reported(with.store, number, upto); });
}

// profile_traits, and with it, if scripts are taken, what is said last.
rt::awaitable<rt::outcome<void>> space_sync::state::widen(landing_run& run, pending_work& work, last_words& words)
{
    status.activity = "making profile_traits";
    const std::string name(wide_table);
    auto unfinished = std::exchange(work.unfinished[name], {});
    co_await forget_elsewhere(run, unfinished, name);
    load to_come;
    to_come.table = name;
    auto composed = co_await words_of(run, std::move(to_come));
    if (composed.has_error()) co_return composed.error();
    words = std::move(*composed);
    wide_lander lander(run, work.tables.at(name),
                       {work.tables.at(std::string(graph_log)), work.tables.at(std::string(traits_log))}, work.seq, words);
    co_return co_await lander.land(std::move(unfinished));
}

// The table whose load takes along what is said last, if that would be worth a statement and there is such a table: of calls
// or events, with little to land and nothing else under way.
rt::awaitable<rt::outcome<std::string>> space_sync::state::pick_closing(const landing_run& run, const pending_work& work,
                                                                        const std::deque<std::string>& names)
{
    std::vector<core::table> among;
    bool owes = run.owed.any_fence_owed();
    for (const auto& name : names) {
        const auto t = work.tables.find(name);
        owes = owes || (t != work.tables.end() && t->second.kind == core::table_kind::keyed);
        const bool busy = work.off.contains(name) || work.unfinished.contains(name) || work.unfinished_fills.contains(name) ||
                          std::find(work.to_fill.begin(), work.to_fill.end(), name) != work.to_fill.end();
        if (t == work.tables.end() || busy) continue;
        if (t->second.kind == core::table_kind::append && row_key(t->second) == "id") among.push_back(t->second);
    }
    const bool can = !among.empty() && shape.volume_usable() && shape.takes_scripts();
    if (!can || !worth_a_statement(owes, reported_us, with.wall.now_us())) co_return std::string();
    co_return co_await rt::offload_uncancellable(
        with.workers, [&] { return least_waiting(with.store, number, among, run.frozen, closing_bytes_max); });
}

// The last table, and with it what is said last.
rt::awaitable<rt::outcome<void>> space_sync::state::close(landing_run& run, pending_work& work, const std::string& table,
                                                          last_words& words)
{
    closing last(run, [this, &run](const load& l) { return words_of(run, l); });
    auto landed = co_await land(run, work, work.tables.at(table), &last);
    words = last.words();
    co_return landed;
}

// Moves the fences, and takes along the reports.
rt::awaitable<rt::outcome<void>> space_sync::state::last_statement(landing_run& run, bool well)
{
    last_words words;
    if (well && worth_a_statement(run.owed.any_fence_owed(), reported_us, with.wall.now_us())) {
        auto composed = co_await words_of(run);
        if (composed.has_error()) co_return composed.error();
        words = std::move(*composed);
    }
    const bool reports = !words.reports.empty();
    auto moved = co_await run.owed.move_fences(run.label(), run.limit, std::move(words.reports), words.forget_before);
    if (moved.has_error() || !reports) co_return moved;
    co_return co_await said(words);
}

// What is known of a run only towards its end.
rt::awaitable<void> space_sync::state::note_circumstances(run_report& report)
{
    report.host = with.host;
    if (with.next) {
        const auto planned = with.next();
        report.next_us = planned.at_us;
        report.next_why = planned.why;
    }
    if (!with.refused) co_return;
    auto refused = co_await rt::offload_uncancellable(with.workers, [this] { return with.refused(); });
    if (refused.has_error()) co_return;  // the run itself does not depend on it
    const std::uint64_t before = status.last ? status.last->refused_before : 0;
    report.refused_before = *refused;
    report.refused = *refused >= before ? *refused - before : *refused;
}

// Left out by now. Its loads carry no rows, and one that is on its way changes nothing that would matter.
rt::awaitable<rt::outcome<void>> space_sync::state::let_wide_go(landing_run& run, pending_work& work)
{
    for (const auto& l : std::exchange(work.unfinished[std::string(wide_table)], {}))
        if (auto gone = co_await forget(run, l); gone.has_error()) co_return gone.error();
    co_return boost::system::in_place_value;
}

}  // namespace lakeferry::profiles
