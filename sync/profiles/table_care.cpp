#include "sync/profiles/table_care.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/space_state.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/statements.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

std::string wear_key(std::uint32_t space) { return core::space_meta_key(space, "wear"); }

enum class outcome { done, by_databricks, missing, failed };

// A conflict with somebody else's write is Databricks' to say and ours to leave alone: the next run tries again.
rt::awaitable<outcome> optimize_one(landing_run& run, const std::string& table, const std::string& warehouse_id,
                                    std::string& why)
{
    const auto& at = run.shape.at();
    auto found = co_await databricks::get_table(run.with.door, at.catalog, at.schema, table, run.limit);
    if (found.has_error()) {
        why = found.error().detail;
        co_return outcome::failed;
    }
    if (!found->has_value()) co_return outcome::missing;
    if ((**found).predictive_optimization) co_return outcome::by_databricks;
    databricks::statement what;
    what.text = optimize_table(at, table, run.label());
    what.warehouse_id = warehouse_id;
    ++run.more_statements;
    auto done = co_await run.with.statements.run(std::move(what), run.limit, 2);
    if (done.has_value()) co_return outcome::done;
    why = done.error().detail;
    co_return outcome::failed;
}

}  // namespace

rt::outcome<std::map<std::string, table_wear>> read_wear(store::store& in, std::uint32_t space)
{
    std::map<std::string, table_wear> wear;
    auto stored = in.get(store::family::meta, wear_key(space));
    if (stored.has_error()) return stored.error();
    boost::system::error_code ec;
    const auto value = stored->has_value() ? json::parse(**stored, ec) : json::value();
    // Counts that cannot be read begin anew: nothing depends on them but a compaction.
    if (ec || !value.is_object()) return wear;
    for (const auto& [table, counts] : value.get_object()) {
        const auto* pair = counts.if_array();
        if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_number() || !pair->at(1).is_number()) continue;
        wear[std::string(table)] = {pair->at(0).to_number<std::uint64_t>(ec), pair->at(1).to_number<std::uint64_t>(ec)};
    }
    return wear;
}

rt::outcome<void> write_wear(store::store& in, std::uint32_t space, const std::map<std::string, table_wear>& wear)
{
    json::object o;
    for (const auto& [table, w] : wear) o[table] = json::array{w.loads, w.bytes};
    store::batch changes;
    changes.put(store::family::meta, wear_key(space), json::serialize(o));
    return in.write(std::move(changes), store::durable::no);
}

std::vector<std::string> worn_tables(const std::map<std::string, table_wear>& wear)
{
    std::vector<std::pair<std::uint64_t, std::string>> due;
    for (const auto& [table, w] : wear)
        if (w.loads >= worn_loads && w.bytes / w.loads < small_load_bytes) due.emplace_back(w.loads, table);
    std::sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(due.size(), optimized_a_run); ++i) names.push_back(std::move(due[i].second));
    return names;
}

std::string optimize_table(const place& at, std::string_view table, const statement_label& label)
{
    return load_header(label, table) + "OPTIMIZE " + at.table(table);
}

rt::awaitable<void> care_for_tables(landing_run& run, const pending_work& work, bool enabled, const std::string& warehouse_id)
{
    auto& store = run.with.store;
    const auto space = run.space_number;
    auto read = co_await rt::offload_uncancellable(run.with.workers, [&store, space] { return read_wear(store, space); });
    if (read.has_error()) co_return;
    auto wear = std::move(*read);
    for (const auto& [table, landed] : run.report.tables) {
        if (landed.loads == 0) continue;
        wear[table].loads += landed.loads;
        wear[table].bytes += landed.bytes;
    }
    for (const auto& table : enabled ? worn_tables(wear) : std::vector<std::string>()) {
        if (!work.tables.contains(table)) {  // left out, or not ours any more
            wear.erase(table);
            continue;
        }
        std::string why;
        const auto how = co_await optimize_one(run, table, warehouse_id, why);
        if (how == outcome::failed) {
            run.with.log.warn("optimize.failed", "a table could not be optimized; a later run tries again: " + why,
                              {{"space", run.space}, {"table", table}});
            wear[table].loads = worn_loads / 2;  // not at once
            continue;
        }
        if (how == outcome::done) run.report.tables[table].optimized = true;
        wear.erase(table);
    }
    auto written = co_await rt::offload_uncancellable(
        run.with.workers, [&store, space, &wear] { return write_wear(store, space, wear); });
    (void)written;  // counts of no consequence
}

rt::awaitable<hand_care> optimize_by_hand(landing_run& run, const pending_work& work, std::vector<std::string> tables,
                                          const std::string& warehouse_id)
{
    const bool all = tables.empty();
    if (all)
        for (const auto& [name, t] : work.tables)
            if (run.shape.has_table(name)) tables.push_back(name);
    hand_care done;
    std::vector<std::string> cared_for;
    for (const auto& table : tables) {
        std::string why;
        switch (co_await optimize_one(run, table, warehouse_id, why)) {
            case outcome::done:
                done.notes.push_back(table + ": optimized");
                run.report.tables[table].optimized = true;
                cared_for.push_back(table);
                break;
            case outcome::by_databricks:
                done.notes.push_back(table + ": left to predictive optimization, which is on for it");
                cared_for.push_back(table);
                break;
            case outcome::missing:
                done.failed.push_back(table + ": is not in the schema; nothing of it has landed");
                break;
            case outcome::failed: done.failed.push_back(table + ": " + why); break;
        }
    }
    auto& store = run.with.store;
    const auto space = run.space_number;
    auto reset = co_await rt::offload_uncancellable(run.with.workers, [&store, space, &cared_for]() -> rt::outcome<void> {
        auto wear = read_wear(store, space);
        if (wear.has_error()) return wear.error();
        for (const auto& table : cared_for) wear->erase(table);
        return write_wear(store, space, *wear);
    });
    (void)reset;
    done.notes.insert(done.notes.end(), done.failed.begin(), done.failed.end());
    co_return done;
}

}  // namespace lakeferry::profiles
