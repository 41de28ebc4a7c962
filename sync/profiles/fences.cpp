#include "sync/profiles/fences.hpp"

#include "net/rt/offload.hpp"
#include "sync/databricks/files.hpp"
#include "sync/databricks/statements.hpp"

#include <algorithm>

namespace lakeferry::profiles {

debts::debts(sync_parts& with, load_journal& journal, place at, std::string warehouse_id, phase_meter& busy)
    : with_(with),
      journal_(journal),
      at_(std::move(at)),
      warehouse_id_(std::move(warehouse_id)),
      busy_(busy),
      one_at_a_time_(with.loop, 1)
{
}

void debts::add(load landed)
{
    if (landed.fenced && landed.cleaned) return;
    const auto number = landed.number;
    owed_.insert_or_assign(number, std::move(landed));
}

bool debts::fence_owed(const std::string& table) const noexcept
{
    return std::any_of(owed_.begin(), owed_.end(),
                       [&](const auto& one) { return !one.second.fenced && one.second.table == table; });
}

bool debts::any_fence_owed() const noexcept
{
    return std::any_of(owed_.begin(), owed_.end(), [](const auto& one) { return !one.second.fenced; });
}

// Writes what is left of the debt; forgets the record when nothing is.
rt::awaitable<rt::outcome<void>> debts::settle(load& l)
{
    load copy = l;
    co_return co_await rt::offload_uncancellable(with_.workers, [this, copy = std::move(copy)] {
        return copy.fenced && copy.cleaned ? journal_.forget(copy) : journal_.save(copy, store::durable::no);
    });
}

debts::owed_fences debts::to_move() const
{
    std::map<std::string, std::uint64_t> newest;
    owed_fences out;
    for (const auto& [number, l] : owed_) {
        if (l.fenced) continue;
        newest[l.table] = std::max(newest[l.table], number);
        out.loads.push_back(number);
    }
    out.fences.assign(newest.begin(), newest.end());
    return out;
}

rt::awaitable<rt::outcome<void>> debts::moved(std::vector<std::uint64_t> loads)
{
    for (const auto number : loads) {
        auto& l = owed_.at(number);
        l.fenced = true;
        auto settled = co_await settle(l);
        if (settled.has_error()) co_return settled.error();
    }
    std::erase_if(owed_, [](const auto& one) { return one.second.fenced && one.second.cleaned; });
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> debts::move_fences(statement_label label, rt::deadline limit,
                                                    std::vector<report_row> reports, std::uint64_t forget_before)
{
    auto turn = co_await one_at_a_time_.acquire(with_.time, limit);
    auto owed = to_move();
    if (owed.fences.empty() && reports.empty()) co_return boost::system::in_place_value;
    databricks::statement what;
    what.text = profiles::move_fences(at_, owed.fences, label, reports, forget_before);
    what.warehouse_id = warehouse_id_;
    ++sent_;
    const phase_meter::turn busy(busy_);
    // Never moves a fence backwards, so repeating it is harmless.
    auto done = co_await with_.statements.run(std::move(what), limit);
    if (done.has_error()) co_return done.error();
    co_return co_await moved(std::move(owed.loads));
}

rt::awaitable<rt::outcome<void>> debts::clean(std::string space, rt::deadline limit)
{
    for (auto& [number, l] : owed_) {
        if (l.cleaned) continue;
        std::string problem;
        for (const auto& file : l.files) {
            auto removed = co_await databricks::remove_file(with_.door, file, limit);
            // No volume any more: then the files are gone too.
            if (removed.has_error() && removed.error().id != "volume.not_found") problem = removed.error().detail;
        }
        if (!problem.empty()) {
            with_.log.warn("stage.not_cleaned", "staged files could not be deleted; the next run tries again: " + problem,
                           {{"space", space}, {"load", number}, {"files", l.files.size()}});
            continue;
        }
        l.cleaned = true;
        auto settled = co_await settle(l);
        if (settled.has_error()) co_return settled.error();
    }
    std::erase_if(owed_, [](const auto& one) { return one.second.fenced && one.second.cleaned; });
    co_return boost::system::in_place_value;
}

}  // namespace lakeferry::profiles
