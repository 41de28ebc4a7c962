#include "sync/profiles/erasure_run.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/databricks/files.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/profiles/stage_sweep.hpp"

#include <set>

namespace lakeferry::profiles {

erasure_run::erasure_run(erasure_needs needs, erasure& receipt, const erasure_work& whom)
    : needs_(std::move(needs)),
      receipt_(receipt),
      whom_(whom),
      at_{needs_.config->databricks.catalog, needs_.config->profiles_sync.schema, needs_.config->profiles_sync.volume},
      progress_(needs_.with, needs_.space, receipt),
      tables_(needs_.with, needs_.config, at_,
              slices_of(whom.who, needs_.columns, receipt.salt, core::format_timestamp(receipt.cut_us)), progress_)
{
}

// Blocks that an unfinished load keeps.
rt::awaitable<rt::outcome<std::uint64_t>> erasure_run::sweep(bool only_count)
{
    const auto before_removed = receipt_.local["outbox_rows"];
    const auto before_blanked = receipt_.local["outbox_rows_blanked"];
    const auto with_counts = [&](const outbox_sweep& so_far) {
        receipt_.local["outbox_rows"] = before_removed + so_far.removed;
        receipt_.local["outbox_rows_blanked"] = before_blanked + so_far.blanked;
    };
    auto swept = co_await rt::offload_uncancellable(needs_.with.workers, [&]() -> rt::outcome<outbox_sweep> {
        auto tables = needs_.with.tables();
        if (tables.has_error()) return tables.error();
        auto journal = load_journal(needs_.with.store, needs_.space).all();
        if (journal.has_error()) return journal.error();
        const row_matcher who(whom_.who, needs_.columns);
        sweep_record along;
        if (!only_count)
            along = [&](const outbox_sweep& so_far, store::batch& to) {
                with_counts(so_far);
                progress_.book().save(to, receipt_);
            };
        return sweep_outbox(needs_.with.store, needs_.space, *tables, who, whom_.cut_batch, *journal, along);
    });
    if (swept.has_error()) co_return swept.error();
    with_counts(*swept);
    co_return swept->blocks_left;
}

// Loads that were staged before the cut may carry the people: each is finished, and then deleted from, or waited for.
rt::awaitable<rt::outcome<void>> erasure_run::settle_loads()
{
    const auto unfinished = [this] {
        return load_journal(needs_.with.store, needs_.space).all();
    };
    auto loads = co_await rt::offload_uncancellable(needs_.with.workers, unfinished);
    if (loads.has_error()) co_return loads.error();
    if (loads->empty()) co_return boost::system::in_place_value;
    auto settled = co_await needs_.settle();
    loads = co_await rt::offload_uncancellable(needs_.with.workers, unfinished);
    if (loads.has_error()) co_return loads.error();
    for (const auto& l : *loads) {
        if (l.state != load_state::staged || !tables_.hold(l.table)) continue;
        progress_.note(l.table, {.retry = rt::retry_class::transient,
                                 .id = "erase.load_unfinished",
                                 .detail = "load " + std::to_string(l.number) + " of " + l.table +
                                           " is under way and may carry rows of the people; " +
                                           "the rows are deleted after it has ended" +
                                           (settled.has_error() ? ": " + settled.error().detail : std::string())});
    }
    co_return boost::system::in_place_value;
}

// Files in the staging volume that no unfinished load needs.
rt::awaitable<rt::outcome<void>> erasure_run::remove_files(rt::deadline limit)
{
    if (!needs_.config->profiles_sync.use_volume) co_return boost::system::in_place_value;
    auto loads = co_await rt::offload_uncancellable(
        needs_.with.workers, [this] { return load_journal(needs_.with.store, needs_.space).all(); });
    if (loads.has_error()) co_return loads.error();
    std::set<std::string> needed;
    for (const auto& l : *loads)
        if (l.state == load_state::staged) needed.insert(l.files.begin(), l.files.end());
    auto listed = co_await databricks::list_directory(needs_.with.door, at_.volume_path(), limit);
    if (listed.has_error()) {
        const auto& id = listed.error().id;
        // Without a volume, or without the right to it, nothing was ever staged there by us.
        if (id == "volume.not_found" || id == "schema.not_found" || id == "permission.missing")
            co_return boost::system::in_place_value;
        co_return listed.error();
    }
    std::vector<std::string> paths;
    for (const auto& entry : *listed)
        if (!entry.is_directory) paths.push_back(entry.path);
    for (const auto& path : orphans(paths, needed)) {
        auto removed = co_await databricks::remove_file(needs_.with.door, path, limit);
        if (removed.has_error()) co_return removed.error();
        ++receipt_.staged_files;
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_run::finish()
{
    receipt_.deleted_us = needs_.with.wall.now_us();
    const bool files = receipt_.rows_removed() + receipt_.rows_blanked() > 0;
    receipt_.vacuum_due_us = files ? receipt_.deleted_us + vacuum_retention_us : 0;
    receipt_.state = receipt_.vacuum && files ? erasure_state::vacuum_due : erasure_state::complete;
    if (receipt_.state == erasure_state::complete) receipt_.completed_us = receipt_.deleted_us;
    receipt_.error_id.clear();
    receipt_.error.clear();
    for (auto& [name, t] : receipt_.tables) {  // of tables that somebody has dropped meanwhile
        t.error_id.clear();
        t.error.clear();
    }
    co_return co_await rt::offload_uncancellable(needs_.with.workers, [this, copy = receipt_] {
        store::batch changes;
        progress_.book().save(changes, copy);
        progress_.book().forget_work(changes, copy.number);
        return needs_.with.store.write(std::move(changes), store::durable::yes);
    });
}

rt::awaitable<rt::outcome<void>> erasure_run::carry_on(rt::deadline limit)
{
    ++receipt_.attempts;
    auto left = co_await sweep(false);
    if (left.has_error()) co_return left.error();
    if (auto settled = co_await settle_loads(); settled.has_error()) co_return settled.error();
    if (*left > 0) {
        left = co_await sweep(false);
        if (left.has_error()) co_return left.error();
        if (*left > 0 && !progress_.first())
            progress_.note("", {.retry = rt::retry_class::transient,
                                .id = "erase.load_unfinished",
                                .detail = "rows of the people are part of a load that is under way"});
    }
    if (auto removed = co_await remove_files(limit); removed.has_error()) progress_.note("", removed.error());
    if (auto found = co_await tables_.find(limit); found.has_error()) co_return found.error();
    if (!tables_.empty())
        if (auto cleared = co_await tables_.clear(limit); cleared.has_error()) co_return cleared.error();
    if (progress_.first()) co_return *progress_.first();
    if (receipt_.vacuum)
        if (auto purged = co_await tables_.purge(limit); purged.has_error()) co_return purged.error();
    co_return co_await finish();
}

rt::awaitable<rt::outcome<void>> erasure_run::count(rt::deadline limit)
{
    if (auto swept = co_await sweep(true); swept.has_error()) co_return swept.error();
    if (auto found = co_await tables_.find(limit); found.has_error()) co_return found.error();
    if (tables_.empty()) co_return boost::system::in_place_value;
    if (auto counted = co_await tables_.count(limit); counted.has_error()) co_return counted.error();
    if (progress_.first()) co_return *progress_.first();
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_run::vacuum(rt::deadline limit)
{
    if (auto vacuumed = co_await tables_.vacuum(limit); vacuumed.has_error()) co_return vacuumed.error();
    if (progress_.first()) co_return *progress_.first();
    receipt_.state = erasure_state::complete;
    receipt_.completed_us = needs_.with.wall.now_us();
    co_return co_await progress_.save();
}

}  // namespace lakeferry::profiles
