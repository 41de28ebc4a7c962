#include "sync/profiles/wide_traits.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"
#include "sync/databricks/sql.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::profiles {

namespace {

using databricks::quote_identifier;
using databricks::quote_string;

std::string progress_key(std::uint32_t space) { return core::space_meta_key(space, "wide"); }

std::string log_key(std::uint32_t space) { return core::space_meta_key(space, "wide/log"); }

void put_number(store::batch& to, const std::string& key, std::uint64_t number)
{
    std::string value;
    core::append_be64(value, number);
    to.put(store::family::meta, key, value);
}

// Columns that every row has, whichever log it comes from.
bool is_own(std::string_view column) noexcept
{
    constexpr std::array<std::string_view, 5> own{"canonical_segment_id", "merged_to", "seq", "timestamp", "uuid_ts"};
    return std::find(own.begin(), own.end(), column) != own.end();
}

template <class Each>
std::string list(const core::table& t, Each&& each)
{
    std::string out;
    for (const auto& c : t.columns) {
        if (!out.empty()) out += ", ";
        out += each(c);
    }
    return out;
}

// The rows of a table between the bounds.
std::string between(const place& at, std::string_view table, const wide_source& source)
{
    return at.table(table) + " WHERE seq > " + std::to_string(source.from) + " AND seq <= " + std::to_string(source.upto);
}

std::string rows_of(const place& at, std::string_view log, const core::table& wide, const wide_source& source)
{
    const bool traits = log == traits_log;
    const auto value = [&](const core::column& c) {
        const std::string name = quote_identifier(c.name);
        const std::string type = std::string(" AS ") + core::sql_name(c.type) + ") AS " + name;
        if (c.name == "canonical_segment_id") return "`segment_id` AS " + name;
        if (c.name == "merged_to" && !traits) return "nullif(`canonical_segment_id`, `segment_id`) AS " + name;
        const bool has = is_own(c.name) ? c.name != "merged_to" : traits && source.traits->find(c.name) != nullptr;
        return "CAST(" + (has ? name : "NULL") + type;
    };
    return "SELECT " + list(wide, value) + " FROM " + between(at, log, source);
}

}  // namespace

rt::outcome<wide_progress> read_wide_progress(store::store& in, std::uint32_t space)
{
    wide_progress now;
    for (auto [key, number] : {std::pair{progress_key(space), &now.upto}, {log_key(space), &now.log_load}}) {
        auto stored = in.get(store::family::meta, key);
        if (stored.has_error()) return stored.error();
        if (stored->has_value() && (**stored).size() == 8) *number = core::read_be64(**stored);
    }
    return now;
}

rt::outcome<void> reset_wide_progress(store::store& in, std::uint32_t space)
{
    auto now = read_wide_progress(in, space);
    if (now.has_error()) return now.error();
    if (now->upto == 0 && now->log_load != 0) return rt::outcome<void>();
    store::batch changes;
    put_number(changes, progress_key(space), 0);
    put_number(changes, log_key(space), std::max<std::uint64_t>(1, now->log_load));
    return in.write(std::move(changes), store::durable::yes);
}

void note_log_landed(store::batch& to, std::uint32_t space, std::uint64_t load)
{
    put_number(to, log_key(space), load);
}

void note_log_filled(store::batch& to, std::uint32_t space, std::uint64_t load)
{
    put_number(to, progress_key(space), 0);
    put_number(to, log_key(space), load);
}

void note_wide_landed(store::batch& to, std::uint32_t space, const load& landed, const wide_progress& now)
{
    // Set back to the beginning while the load was under way: it stays there.
    const bool anew = now.upto == 0 && now.log_load > landed.log_load;
    if (!anew) put_number(to, progress_key(space), std::max(now.upto, landed.log_upto));
    // A load of a log that landed after this one was staged waits for the next.
    if (now.log_load <= landed.log_load) to.remove(store::family::meta, log_key(space));
}

std::string merge_wide(const place& at,
                       const core::table& wide,
                       const wide_source& source,
                       const statement_label& label)
{
    return load_header(label, wide.name) + wide_part(at, wide, source, label.load);
}

std::string count_wide(const place& at, const wide_source& source, std::uint64_t load)
{
    // Sent again, the fence stands at this load itself.
    return "SELECT count(*) FROM " + between(at, wide_table, source) + " AND " + fence_guard(at, wide_table, load + 1);
}

std::string wide_part(const place& at, const core::table& wide, const wide_source& source, std::uint64_t load)
{
    const auto name = [](const core::column& c) { return quote_identifier(c.name); };
    const auto of_source = [](const core::column& c) { return "s." + quote_identifier(c.name); };
    const auto set = [](const core::column& c) {
        return quote_identifier(c.name) + " = s." + quote_identifier(c.name);
    };
    std::string rows = rows_of(at, graph_log, wide, source);
    if (source.traits != nullptr) rows += "\n    UNION ALL " + rows_of(at, traits_log, wide, source);
    return "MERGE INTO " + at.table(wide.name) + " AS t\nUSING (SELECT " +
           list(wide, name) +
           " FROM (SELECT *, row_number() OVER (PARTITION BY `canonical_segment_id` ORDER BY seq DESC) AS _newest FROM "
           "(\n"
           "    " +
           rows + "))\n  WHERE _newest = 1 AND " + fence_guard(at, wide.name, load) +
           ") AS s\nON t.`canonical_segment_id` = s.`canonical_segment_id`\nWHEN MATCHED AND t.seq " +
           (source.from == 0 ? "<=" : "<") + " s.seq THEN UPDATE SET " + list(wide, set) +
           "\nWHEN NOT MATCHED THEN INSERT (" + list(wide, name) + ") VALUES (" + list(wide, of_source) + ")";
}

}  // namespace lakeferry::profiles
