#include "sync/profiles/pending.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/space_state.hpp"
#include "sync/profiles/wide_traits.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace lakeferry::profiles {

namespace {

rt::outcome<std::uint64_t> counter(store::store& in, std::uint32_t space, std::string_view name)
{
    auto stored = in.get(store::family::meta, core::space_meta_key(space, name));
    if (stored.has_error()) return stored.error();
    if (!stored->has_value() || (**stored).size() != 8) return std::uint64_t{0};
    return core::read_be64(**stored);
}

rt::outcome<std::uint64_t> last_run(store::store& in, std::uint32_t space)
{
    const std::string from = core::key32(space);
    auto last = in.last(store::family::runs, from, core::prefix_end(from));
    if (last.has_error()) return last.error();
    return last->has_value() ? core::read_be64((**last).first, 4) : std::uint64_t{0};
}

// The last batch, and the last seq that belongs to it: resolution may be writing the next one.
rt::outcome<void> freeze(store::store& in, std::uint32_t space, pending_work& out)
{
    for (;;) {
        auto before = counter(in, space, "batch");
        if (before.has_error()) return before.error();
        auto seq = counter(in, space, "seq");
        if (seq.has_error()) return seq.error();
        auto after = counter(in, space, "batch");
        if (after.has_error()) return after.error();
        if (*before != *after) continue;
        out.frozen = *after;
        out.seq = *seq;
        return rt::outcome<void>();
    }
}

}  // namespace

bool pending_work::can_widen() const
{
    return tables.contains(std::string(wide_table)) && tables.contains(std::string(graph_log)) &&
           tables.contains(std::string(traits_log)) && !off.contains(std::string(wide_table)) &&
           !off.contains(std::string(graph_log)) && !off.contains(std::string(traits_log));
}

rt::outcome<bool> rows_wait(store::store& in, std::uint32_t space, std::uint32_t table, std::uint64_t from,
                            std::uint64_t frozen)
{
    bool found = false;
    auto scanned = in.scan(store::family::outbox, core::outbox_key(space, table, from),
                           core::outbox_key(space, table, frozen + 1), [&](std::string_view, std::string_view) {
                               found = true;
                               return false;
                           });
    if (scanned.has_error()) return scanned.error();
    return found;
}

rt::outcome<std::string> least_waiting(store::store& in, std::uint32_t space, const std::vector<core::table>& among,
                                       std::uint64_t frozen, std::size_t bytes_max)
{
    std::string least;
    std::size_t best = bytes_max + 1;
    for (const auto& t : among) {
        std::size_t bytes = 0;
        auto scanned = in.scan(store::family::outbox, core::outbox_key(space, t.number, 0),
                               core::outbox_key(space, t.number, frozen + 1), [&](std::string_view, std::string_view value) {
                                   bytes += value.size();
                                   return bytes < best;
                               });
        if (scanned.has_error()) return scanned.error();
        if (bytes >= best || bytes == 0) continue;
        best = bytes;
        least = t.name;
    }
    return least;
}

rt::outcome<pending_work> read_pending(store::store& in, std::uint32_t space, std::vector<core::table> tables,
                                       const core::selection& selected)
{
    pending_work out;
    if (auto frozen = freeze(in, space, out); frozen.has_error()) return frozen.error();
    auto wide = read_wide_progress(in, space);
    if (wide.has_error()) return wide.error();
    out.wide_due = wide->log_load != 0;
    auto run = last_run(in, space);
    if (run.has_error()) return run.error();
    out.last_run = *run;
    load_journal journal(in, space);
    auto last = journal.last_number();
    if (last.has_error()) return last.error();
    out.last_load = *last;
    auto loads = journal.all();
    if (loads.has_error()) return loads.error();
    for (auto& l : *loads) {
        const std::string table = l.table;
        if (l.state == load_state::landed)
            out.landed.push_back(std::move(l));
        else
            (l.fill ? out.unfinished_fills : out.unfinished)[table].push_back(std::move(l));
    }
    for (auto& t : tables) {
        const std::string name = t.name;
        if (!selected.table(name)) {
            const bool under_way = out.unfinished.contains(name) || out.unfinished_fills.contains(name);
            if (!under_way) continue;
            out.off.insert(name);
        } else {
            auto rows = rows_wait(in, space, t.number, 0, out.frozen);
            if (rows.has_error()) return rows.error();
            if (*rows) out.with_rows.push_back(name);
            auto fill = rows_wait(in, space, t.number | core::fill_lane, 0, out.frozen);
            if (fill.has_error()) return fill.error();
            if (*fill) out.to_fill.push_back(name);
        }
        out.tables.emplace(name, selected.narrowed(std::move(t)));
    }
    return out;
}

rt::outcome<std::map<std::string, std::uint64_t>> let_go(store::store& in, std::uint32_t space,
                                                         const std::vector<core::table>& tables,
                                                         const core::selection& selected)
{
    std::map<std::string, std::uint64_t> gone;
    std::optional<std::vector<load>> loads;
    for (const auto& t : tables) {
        if (selected.table(t.name)) continue;
        if (!loads) {
            auto all = load_journal(in, space).all();
            if (all.has_error()) return all.error();
            loads = std::move(*all);
        }
        for (const bool fill : {false, true}) {
            std::uint64_t from = 0;
            for (const auto& l : *loads)
                if (l.table == t.name && l.fill == fill && l.state == load_state::staged) from = std::max(from, l.last_batch + 1);
            const std::uint32_t number = fill ? t.number | core::fill_lane : t.number;
            std::uint64_t rows = 0;
            std::uint64_t last = 0;
            auto scanned = in.scan(store::family::outbox, core::outbox_key(space, number, from),
                                   core::outbox_key(space, number, std::numeric_limits<std::uint64_t>::max()),
                                   [&](std::string_view key, std::string_view value) {
                                       const auto size = core::measure_outbox_block(value);
                                       if (size.has_value()) rows += size->rows;
                                       last = core::read_be64(key, 8);
                                       return true;
                                   });
            if (scanned.has_error()) return scanned.error();
            if (last == 0) continue;
            store::batch changes;
            changes.remove_range(store::family::outbox, core::outbox_key(space, number, from),
                                 core::outbox_key(space, number, last + 1));
            if (auto written = in.write(std::move(changes), store::durable::no); written.has_error())
                return written.error();
            gone[t.name] += rows;
        }
    }
    return gone;
}

}  // namespace lakeferry::profiles
