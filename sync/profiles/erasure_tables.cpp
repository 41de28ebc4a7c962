#include "sync/profiles/erasure_tables.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/row.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/warehouses.hpp"

#include <algorithm>
#include <charconv>

namespace lakeferry::profiles {

namespace {

// Few enough tables that the text of a census stays far below what a statement may have.
constexpr std::size_t census_tables = 20;
// With fewer tables of events than this, asking `tracks` which of them matter costs more than it saves.
constexpr std::size_t worth_narrowing = 12;

bool same_name(std::string_view a, std::string_view b)
{
    const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return low(x) == low(y); });
}

erasure_target target_of(const databricks::table_info& t, const std::set<std::string, std::less<>>& identifiers)
{
    erasure_target out{.name = t.name};
    for (const auto column : profile_columns())
        if (t.find(column) != nullptr) out.profile.emplace_back(column);
    out.events = t.find("original_timestamp") != nullptr && t.find("segment_id") != nullptr;
    if (!out.events) return out;
    for (const auto& column : t.columns) {
        const auto known = std::find_if(identifiers.begin(), identifiers.end(),
                                        [&](const auto& name) { return same_name(name, column.name); });
        if (known != identifiers.end()) out.identifiers.push_back(*known);
    }
    out.external_ids = t.find(external_ids_column) != nullptr;
    out.rescued = t.find(core::rescued_column) != nullptr;
    out.processed = t.find("uuid_ts") != nullptr;
    return out;
}

std::uint64_t number_at(const databricks::result_row& row, std::size_t at)
{
    std::uint64_t n = 0;
    if (at < row.size() && row[at]) std::from_chars(row[at]->data(), row[at]->data() + row[at]->size(), n);
    return n;
}

bool is_tracks(const erasure_target& t) { return t.name == "tracks"; }

}  // namespace

erasure_tables::erasure_tables(sync_parts& with, std::shared_ptr<const core::space_config> config, place at,
                               std::vector<erasure_slice> who, erasure_progress& progress)
    : with_(with),
      config_(std::move(config)),
      at_(std::move(at)),
      slices_(std::move(who)),
      progress_(progress),
      receipt_(progress.receipt())
{
}

rt::awaitable<rt::outcome<databricks::statement_result>> erasure_tables::send(std::string text,
                                                                              const std::string& table, bool reads,
                                                                              rt::deadline limit)
{
    databricks::statement what;
    what.text = std::move(text);
    what.warehouse_id = config_->databricks.warehouse_id;
    what.tags = {{"lakeferry_erasure", config_->id + "/" + std::to_string(receipt_.number) + "/" + table}};
    // Each of them may be sent twice: the second finds nothing.
    co_return reads ? co_await with_.statements.read(std::move(what), limit)
                    : co_await with_.statements.run(std::move(what), limit);
}

rt::awaitable<rt::outcome<void>> erasure_tables::wake(rt::deadline limit)
{
    auto awake = co_await with_.warehouses.ensure_running(with_.door, config_->databricks.warehouse_id, limit);
    if (awake.has_error()) co_return awake.error();
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_tables::find(rt::deadline limit)
{
    auto known = co_await rt::offload_uncancellable(with_.workers, [this] { return with_.tables(); });
    if (known.has_error()) co_return known.error();
    std::set<std::string, std::less<>> ours{"profile_traits", "id_graph", "external_id_mapping"};
    for (const auto& t : *known) ours.insert(t.name);
    std::set<std::string, std::less<>> identifiers;
    for (const auto& slice : slices_)
        for (const auto& [column, hashes] : slice.by_column) identifiers.insert(column);
    auto listed = co_await databricks::list_tables(with_.door, at_.catalog, at_.schema, limit);
    if (listed.has_error()) {
        const auto& id = listed.error().id;
        if (id == "schema.not_found" || id == "catalog.not_found") co_return boost::system::in_place_value;
        co_return listed.error();
    }
    targets_.clear();
    for (const auto& t : *listed) {
        if (t.type == "VIEW" || t.type == "MATERIALIZED_VIEW") continue;
        if (!ours.contains(t.name) && !t.name.starts_with("_lakeferry_")) continue;
        auto target = target_of(t, identifiers);
        if (!target.profile.empty()) targets_.push_back(std::move(target));
    }
    // `tracks` last: while it has the rows it knows which other tables do.
    const auto tracks = std::find_if(targets_.begin(), targets_.end(), is_tracks);
    if (tracks != targets_.end()) std::rotate(tracks, tracks + 1, targets_.end());
    co_return boost::system::in_place_value;
}

// Leaves out tables of track events in which nobody of them has a row.
rt::awaitable<rt::outcome<void>> erasure_tables::narrow(rt::deadline limit)
{
    // Where columns or tables were left out, tracks does not know all.
    const auto& select = config_->profiles_sync.select;
    if (!select.tables.empty() || !select.columns.empty()) co_return boost::system::in_place_value;
    const auto tracks = std::find_if(targets_.begin(), targets_.end(), is_tracks);
    if (tracks == targets_.end()) co_return boost::system::in_place_value;
    const auto by_event = [&](const erasure_target& t) {
        static const std::set<std::string, std::less<>> calls{"identifies", "tracks", "pages",
                                                                "screens",    "groups", "aliases"};
        // Identifiers that only this table has cannot be found in tracks.
        const bool more = std::any_of(t.identifiers.begin(), t.identifiers.end(), [&](const auto& column) {
            const auto& known = tracks->identifiers;
            return std::find(known.begin(), known.end(), column) == known.end();
        });
        return t.events && !calls.contains(t.name) && !more && receipt_.tables.find(t.name) == receipt_.tables.end();
    };
    if (static_cast<std::size_t>(std::count_if(targets_.begin(), targets_.end(), by_event)) < worth_narrowing)
        co_return boost::system::in_place_value;
    std::set<std::string, std::less<>> named;
    const erasure_target from = *tracks;
    for (const auto& who : slices_) {
        auto found = co_await send(event_tables_of(at_, from, who, label()), "tracks", true, limit);
        // Not a reason to stop: all of them are counted then.
        if (found.has_error()) co_return boost::system::in_place_value;
        for (const auto& row : found->rows)
            if (!row.empty() && row[0]) named.insert(*row[0]);
    }
    std::erase_if(targets_, [&](const erasure_target& t) { return by_event(t) && !named.contains(t.name); });
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<erasure_tables::counts>> erasure_tables::census_of(
    const erasure_slice& who, std::vector<erasure_target> targets, rt::deadline limit)
{
    auto read = co_await send(census(at_, targets, who, label()), "census", true, limit);
    if (read.has_error()) co_return read.error();
    counts out;
    for (const auto& row : read->rows)
        if (row.size() >= 3 && row[0]) out[*row[0]] = {number_at(row, 1), number_at(row, 2)};
    co_return out;
}

// All tables; those that cannot be read are noted, and the others counted all the same.
rt::awaitable<rt::outcome<erasure_tables::counts>> erasure_tables::count_tables(const erasure_slice& who,
                                                                                rt::deadline limit)
{
    counts all;
    for (std::size_t i = 0; i < targets_.size(); i += census_tables) {
        const auto last = std::min(targets_.size(), i + census_tables);
        std::vector<erasure_target> some(targets_.begin() + static_cast<std::ptrdiff_t>(i),
                                         targets_.begin() + static_cast<std::ptrdiff_t>(last));
        auto counted = co_await census_of(who, some, limit);
        if (counted.has_value()) {
            all.merge(*counted);
            continue;
        }
        if (counted.error().retry != rt::retry_class::never) co_return counted.error();
        for (const auto& one : some) {
            auto alone = co_await census_of(who, {one}, limit);
            if (alone.has_value()) all.merge(*alone);
            else if (alone.error().id != "table.not_found") progress_.note(one.name, alone.error());
        }
    }
    co_return all;
}

rt::awaitable<rt::outcome<void>> erasure_tables::clear_table(const erasure_target& t, const erasure_slice& who,
                                                             std::pair<std::uint64_t, std::uint64_t> found,
                                                             rt::deadline limit)
{
    auto& place = receipt_.tables[t.name];
    const auto slice = static_cast<std::uint64_t>(&who - slices_.data());
    if (place.pending_slice == slice) {
        // An earlier try was cut off: what it had counted and is not there any more was removed by it.
        place.removed += place.pending_removed - std::min(place.pending_removed, found.first);
        place.blanked += place.pending_blanked - std::min(place.pending_blanked, found.second);
    } else if (found.first + found.second == 0) {
        co_return boost::system::in_place_value;  // the turn of the part that was cut off comes
    }
    place.pending_removed = found.first;
    place.pending_blanked = found.second;
    place.pending_slice = slice;
    if (auto saved = co_await progress_.save(); saved.has_error()) co_return saved.error();
    const auto carry = [&](std::string text, std::uint64_t& pending,
                           std::uint64_t& sum) -> rt::awaitable<rt::outcome<void>> {
        return [](erasure_tables& self, const std::string& table, std::string sql, std::uint64_t& waiting,
                  std::uint64_t& total, rt::deadline until) -> rt::awaitable<rt::outcome<void>> {
            auto done = co_await self.send(std::move(sql), table, false, until);
            if (done.has_error()) co_return done.error();
            auto& at = self.receipt_.tables[table];
            const auto affected = done->counts.affected.value_or(0);
            // Of a statement that was sent twice the second says nothing: then what was counted before it holds.
            total += affected > 0 ? static_cast<std::uint64_t>(affected) : waiting;
            waiting = 0;
            at.statements.push_back(done->id);
            at.at_us = self.with_.wall.now_us();
            co_return co_await self.progress_.save();
        }(*this, t.name, std::move(text), pending, sum, limit);
    };
    if (found.first > 0) {
        auto done = co_await carry(delete_rows(at_, t, who, label()), place.pending_removed, place.removed);
        if (done.has_error()) co_return done.error();
    }
    if (found.second > 0) {
        auto done = co_await carry(blank_rows(at_, t, who, label()), place.pending_blanked, place.blanked);
        if (done.has_error()) co_return done.error();
    }
    place.error_id.clear();
    place.error.clear();
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_tables::clear(rt::deadline limit)
{
    if (auto awake = co_await wake(limit); awake.has_error()) co_return awake.error();
    if (auto narrowed = co_await narrow(limit); narrowed.has_error()) co_return narrowed.error();
    for (const auto& who : slices_) {
        auto found = co_await count_tables(who, limit);
        if (found.has_error()) co_return found.error();
        bool any = false;
        for (const auto& t : targets_) {
            const auto counted = found->find(t.name);
            if (counted == found->end() || held_.contains(t.name)) continue;
            const auto known = receipt_.tables.find(t.name);
            const bool pending = known != receipt_.tables.end() &&
                                 (known->second.pending_removed + known->second.pending_blanked > 0 ||
                                  !known->second.error_id.empty());
            if (counted->second.first + counted->second.second == 0 && !pending) continue;
            any = true;
            auto cleared = co_await clear_table(t, who, counted->second, limit);
            if (cleared.has_error()) progress_.note(t.name, cleared.error());
        }
        if (!any) continue;
        // The proof, and the answer to whatever arrived late.
        auto left = co_await count_tables(who, limit);
        if (left.has_error()) co_return left.error();
        for (const auto& [name, rows] : *left)
            if (rows.first + rows.second > 0 && !held_.contains(name) && receipt_.tables[name].error_id.empty())
                progress_.note(name, {.retry = rt::retry_class::transient,
                                      .id = "erase.rows_left",
                                      .detail = std::to_string(rows.first + rows.second) + " rows of " + name +
                                                " came in or back while they were deleted; the next try removes them"});
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_tables::count(rt::deadline limit)
{
    if (auto awake = co_await wake(limit); awake.has_error()) co_return awake.error();
    for (const auto& who : slices_) {
        auto found = co_await count_tables(who, limit);
        if (found.has_error()) co_return found.error();
        for (const auto& [name, rows] : *found) {
            if (rows.first + rows.second == 0) continue;
            receipt_.tables[name].removed += rows.first;
            receipt_.tables[name].blanked += rows.second;
        }
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_tables::purge(rt::deadline limit)
{
    for (const auto& [name, t] : receipt_.tables) {
        if (t.removed + t.blanked == 0) continue;
        auto done = co_await send(profiles::purge(at_, name, label()), name, false, limit);
        // Where there are no deletion vectors there is nothing to rewrite, and older engines do not know the statement.
        if (done.has_error() && done.error().retry != rt::retry_class::never) co_return done.error();
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<void>> erasure_tables::vacuum(rt::deadline limit)
{
    if (auto awake = co_await wake(limit); awake.has_error()) co_return awake.error();
    for (auto& [name, t] : receipt_.tables) {
        if (t.removed + t.blanked == 0 || t.vacuumed_us != 0) continue;
        auto done = co_await send(profiles::vacuum(at_, name, label()), name, false, limit);
        if (done.has_error() && done.error().id != "table.not_found") {
            progress_.note(name, done.error());
            continue;
        }
        t.vacuumed_us = with_.wall.now_us();
        t.error_id.clear();
        t.error.clear();
        if (auto saved = co_await progress_.save(); saved.has_error()) co_return saved.error();
    }
    co_return boost::system::in_place_value;
}

}  // namespace lakeferry::profiles
