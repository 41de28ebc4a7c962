#include "sync/profiles/stuck_loads.hpp"

#include "sync/core/outbox_block.hpp"
#include "sync/profiles/load_journal.hpp"

#include <algorithm>

namespace lakeferry::profiles {

rt::outcome<void> settle_load(store::store& in, std::uint32_t space, const std::vector<core::table>& tables,
                              std::uint64_t number, bool resend)
{
    load_journal journal(in, space);
    auto all = journal.all();
    if (all.has_error()) return all.error();
    const auto found = std::find_if(all->begin(), all->end(), [&](const load& l) { return l.number == number; });
    const std::string name = "load " + std::to_string(number);
    if (found == all->end())
        return rt::failure{rt::retry_class::never, "load.unknown", "There is no " + name + " in the journal: it has landed, or never was."};
    load& l = *found;
    if (!l.stuck)
        return rt::failure{rt::retry_class::never, "load.not_stuck",
                           "The " + name + " needs no decision: " +
                               (l.state == load_state::landed ? "it has landed, and its files are still to be deleted."
                                                              : "the next run finishes it by itself.")};
    const auto table = std::find_if(tables.begin(), tables.end(), [&](const core::table& t) { return t.name == l.table; });
    if (table == tables.end())
        return rt::failure{rt::retry_class::never, "load.unknown", "The table " + l.table + " of " + name + " is not known any more."};
    const std::uint32_t lane = l.fill ? table->number | core::fill_lane : table->number;
    if (resend) {
        if (l.kind == core::table_kind::append && !l.fill) return journal.send_anew(l, table->number);
        return journal.forget(l);  // its rows are still in the outbox, and their statement may be sent twice
    }
    l.stuck.reset();
    ++l.part;
    l.sends = 0;
    l.statement_id.clear();
    return l.part < l.parts.size() ? journal.save(l, store::durable::yes) : journal.land(l, lane);
}

}  // namespace lakeferry::profiles
