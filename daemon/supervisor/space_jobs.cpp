// What people ask of a space's tables between its runs: jobs, loads that wait for a decision, pauses.
#include "daemon/supervisor/space_runner.hpp"

#include "daemon/config/problem.hpp"
#include "net/rt/offload.hpp"
#include "sync/core/space_state.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/identity/backfill.hpp"
#include "sync/identity/retype.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/profiles/landing_sql.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace lakeferry::daemon {

namespace {

rt::failure refused(const char* id, std::string why)
{
    return {.retry = rt::retry_class::never, .id = id, .detail = std::move(why)};
}

std::string meant(const std::string& written, const std::vector<std::string>& known)
{
    const auto nearest = nearest_name(written, known);
    return nearest.empty() ? "" : "; did you mean " + nearest + "?";
}

std::string pause_key(std::uint32_t space) { return core::space_meta_key(space, "paused"); }

// Can this table be filled by a backfill? By whom, if not?
std::optional<rt::failure> refuse_backfill(const std::string& table, const core::space_config& config)
{
    const core::selection chosen(config.profiles_sync.select);
    const auto& fixed = identity::fixed_tables();
    const bool known = std::any_of(fixed.begin(), fixed.end(), [&](const core::table& t) { return t.name == table; });
    const bool of_rows = identity::can_backfill(table);
    if (!of_rows && table != "profile_traits") {
        const std::string by_files =
            "tables of calls are filled from files: lakeferry import " + config.id + " FILE --refill " + table;
        if (known) return refused("backfill.not_a_profile_table", table + " holds calls; " + by_files);
        std::vector<std::string> fillable{"profile_traits"};
        for (const auto& t : fixed)
            if (identity::can_backfill(t.name)) fillable.push_back(t.name);
        return refused("backfill.not_a_profile_table",
                       "There is no profile table \"" + table + "\"" + meant(table, fillable) + " (" + by_files + ")");
    }
    if (!chosen.table(table))
        return refused("backfill.left_out", table + " is left out by profiles_sync.select.tables: select it, reload, then fill it");
    const bool log = table.ends_with("_updates");
    if (!log && !config.profiles_sync.materialized)
        return refused("backfill.left_out", table + " is not kept while materialized = false");
    return std::nullopt;
}

// What is optimized must be a table of the space; the fence table is one, too.
std::optional<rt::failure> refuse_unknown(store::store& in, std::uint32_t number, const std::string& id,
                                          const std::vector<std::string>& tables)
{
    auto all = identity::known_tables(in, number);
    if (all.has_error()) return all.error();
    std::vector<std::string> names{std::string(profiles::fence_table)};
    for (const auto& t : *all) names.push_back(t.name);
    for (const auto& table : tables)
        if (std::find(names.begin(), names.end(), table) == names.end())
            return refused("optimize.unknown_table",
                           "Space " + id + " has no table \"" + table + "\" so far" + meant(table, names));
    return std::nullopt;
}

}  // namespace

rt::awaitable<rt::outcome<void>> space_runner::while_not_resolving(std::function<rt::outcome<void>()> work)
{
    auto turn = co_await resolving_.acquire(needs_.time, rt::deadline{});
    auto done = co_await rt::offload_uncancellable(needs_.workers, std::move(work));
    resolver_ = make_resolver();  // what it remembers of tables is perhaps no longer so
    co_return done;
}

rt::awaitable<rt::outcome<profiles::table_job>> space_runner::add_job(profiles::table_job job)
{
    if (job.kind == profiles::job_kind::backfill) {
        if (job.tables.empty()) co_return refused("backfill.no_table", "Name the tables to fill.");
        for (const auto& table : job.tables)
            if (auto why = refuse_backfill(table, *config_)) co_return *why;
    }
    job.asked_us = needs_.wall.now_us();
    // The caller may outlive this: nothing of it is touched after here.
    const std::string id = config_->id;
    co_return co_await rt::offload_uncancellable(
        needs_.workers, [&in = needs_.store, number = number_, id, job]() -> rt::outcome<profiles::table_job> {
        auto all = profiles::all_jobs(in, number);
        if (all.has_error()) return all.error();
        if (job.kind == profiles::job_kind::optimize)
            if (auto why = refuse_unknown(in, number, id, job.tables)) return *why;
        if (job.kind == profiles::job_kind::retype) {
            auto column = identity::retypable_column(in, number, job.tables.front(), job.column);
            if (column.has_error()) return column.error();
            for (const auto& other : *all)
                if (other.open() && other.kind == job.kind && other.tables == job.tables)
                    return refused("retype.under_way", "Job " + std::to_string(other.number) + " is changing " +
                                                           job.tables.front() + "." + other.column +
                                                           ": wait for it, see lakeferry jobs " + id);
        }
        return profiles::add_job(in, number, job);
    });
}

// Between runs: a run has its loads in memory.
rt::awaitable<rt::outcome<void>> space_runner::resolve_load(std::uint64_t load, bool resend)
{
    if (sync_.status().phase != profiles::sync_phase::idle)
        co_return rt::failure{.retry = rt::retry_class::transient, .id = "sync.running",
                              .detail = "A run of " + config_->id + " is under way; try again when it has ended."};
    co_return co_await as_child(sync_.resolve_load(load, resend));
}

// A child of the space, so that it never outlives what it borrows.
rt::awaitable<rt::outcome<void>> space_runner::as_child(rt::awaitable<rt::outcome<void>> work)
{
    auto mine = std::make_shared<child_request>(needs_.loop);
    if (!stopped_) {
        checks_.spawn("errand",
                      [](rt::awaitable<rt::outcome<void>> what, std::shared_ptr<child_request> who) -> rt::awaitable<void> {
                          const struct last_word {
                              child_request& of;
                              ~last_word() { of.done.set(); }
                          } at_the_end{*who};
                          who->result = co_await std::move(what);
                      }(std::move(work), mine),
                      rt::on_error::log_and_continue);
        co_await mine->done.wait();
    }
    if (!mine->result)
        co_return rt::failure{.retry = rt::retry_class::transient, .id = "space.stopped", .detail = "The space stopped."};
    co_return std::move(*mine->result);
}

rt::awaitable<rt::outcome<std::vector<profiles::load>>> space_runner::loads()
{
    co_return co_await rt::offload_uncancellable(
        needs_.workers, [&in = needs_.store, number = number_] { return profiles::load_journal(in, number).all(); });
}

rt::awaitable<rt::outcome<std::vector<profiles::table_job>>> space_runner::jobs()
{
    co_return co_await rt::offload_uncancellable(
        needs_.workers, [&in = needs_.store, number = number_] { return profiles::all_jobs(in, number); });
}

rt::awaitable<rt::outcome<void>> space_runner::pause(bool on, std::string reason)
{
    co_return co_await as_child(set_pause(on, std::move(reason)));
}

rt::awaitable<rt::outcome<void>> space_runner::set_pause(bool on, std::string reason)
{
    hand_pause next;
    next.on = on;
    next.at_us = needs_.wall.now_us();
    next.reason = std::move(reason);
    auto written = co_await rt::offload_uncancellable(needs_.workers, [this, &next] {
        store::batch changes;
        if (next.on)
            changes.put(store::family::meta, pause_key(number_),
                        boost::json::serialize(boost::json::object{{"at_us", next.at_us}, {"reason", next.reason}}));
        else
            changes.remove(store::family::meta, pause_key(number_));
        return needs_.store.write(std::move(changes), store::durable::yes);
    });
    if (written.has_error()) co_return written.error();
    paused_by_hand_ = std::move(next);
    asked_.set();
    co_return rt::outcome<void>();
}

rt::awaitable<void> space_runner::read_pause()
{
    auto stored = co_await rt::offload_uncancellable(
        needs_.workers, [this] { return needs_.store.get(store::family::meta, pause_key(number_)); });
    if (stored.has_error() || !stored->has_value()) co_return;
    paused_by_hand_.on = true;
    boost::system::error_code ec;
    const auto value = boost::json::parse(**stored, ec);
    if (ec || !value.is_object()) co_return;
    const auto& o = value.get_object();
    if (const auto* at = o.if_contains("at_us"); at != nullptr && at->is_int64()) paused_by_hand_.at_us = at->get_int64();
    if (const auto* why = o.if_contains("reason"); why != nullptr && why->is_string())
        paused_by_hand_.reason = std::string(why->get_string());
}

std::string space_runner::pause_words() const
{
    if (!paused_by_hand_.on) return config_->profiles_sync.paused ? "paused = true in its file" : "";
    std::string words = "paused by hand";
    if (paused_by_hand_.at_us != 0) words += " since " + core::format_timestamp(paused_by_hand_.at_us).substr(0, 19) + "Z";
    if (!paused_by_hand_.reason.empty()) words += ": " + paused_by_hand_.reason;
    if (config_->profiles_sync.paused) words += "; and paused = true in its file";
    return words;
}

}  // namespace lakeferry::daemon
