#include "sync/profiles/pending.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/core/space_state.hpp"

namespace lakeferry::profiles {

namespace {

rt::outcome<std::uint64_t> counter(store::store& in, std::uint32_t space, std::string_view name)
{
    auto stored = in.get(store::family::meta, core::space_meta_key(space, name));
    if (stored.has_error()) return stored.error();
    if (!stored->has_value() || (**stored).size() != 8) return std::uint64_t{0};
    return core::read_be64(**stored);
}

rt::outcome<bool> has_rows(store::store& in, std::uint32_t space, const core::table& t, std::uint64_t frozen)
{
    bool found = false;
    auto scanned = in.scan(store::family::outbox, core::outbox_key(space, t.number, 0),
                           core::outbox_key(space, t.number, frozen + 1), [&](std::string_view, std::string_view) {
                               found = true;
                               return false;
                           });
    if (scanned.has_error()) return scanned.error();
    return found;
}

rt::outcome<std::uint64_t> last_run(store::store& in, std::uint32_t space)
{
    const std::string from = core::key32(space);
    auto last = in.last(store::family::runs, from, core::prefix_end(from));
    if (last.has_error()) return last.error();
    return last->has_value() ? core::read_be64((**last).first, 4) : std::uint64_t{0};
}

}  // namespace

rt::outcome<pending_work> read_pending(store::store& in, std::uint32_t space, std::vector<core::table> tables)
{
    pending_work out;
    auto frozen = counter(in, space, "batch");
    if (frozen.has_error()) return frozen.error();
    out.frozen = *frozen;
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
            out.unfinished[table].push_back(std::move(l));
    }
    for (auto& t : tables) {
        auto rows = has_rows(in, space, t, out.frozen);
        if (rows.has_error()) return rows.error();
        if (*rows) out.with_rows.push_back(t.name);
        const std::string name = t.name;
        out.tables.emplace(name, std::move(t));
    }
    return out;
}

}  // namespace lakeferry::profiles
