#include "sync/identity/table_catalog.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/row.hpp"
#include "sync/store/store.hpp"

#include <algorithm>
#include <map>

namespace lakeferry::identity {

namespace {

using core::column;
using core::column_type;
using core::table;
using core::table_kind;

constexpr auto text = column_type::string;
constexpr auto time = column_type::timestamp;
constexpr auto number = column_type::bigint;

const char* const seq_words =
    "Position of the change in the space's history: strictly increasing, of fixed width, in processing order.";
const char* const uuid_words = "When Lakeferry processed the call.";

column seq() { return {"seq", number, seq_words}; }
column uuid_ts() { return {"uuid_ts", time, uuid_words}; }
column rescued()
{
    return {std::string(core::rescued_column), text,
            "JSON object of the values of this row that did not fit their columns."};
}

void add(std::vector<column>& to, std::vector<column> more)
{
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<column> trigger_columns()
{
    return {{"triggering_event_id", text, "Message id of the call that caused this row."},
            {"triggering_event_name", text, "Event of a track, name of a page or screen; else NULL."},
            {"triggering_event_type", text, "Type of the call that caused this row: identify, track, …"},
            {"triggering_event_source_id", text, "Source that sent the call."},
            {"triggering_event_source_name", text, "Name of that source."},
            {"triggering_event_source_slug", text, "Slug of that source."}};
}

std::vector<column> event_columns()
{
    return {{"id", text, "Message id of the call, given or generated."},
            {"received_at", time, "When Lakeferry accepted the call."},
            {"user_id", text, "userId of the call."},
            {"anonymous_id", text, "anonymousId of the call."},
            {"segment_id", text, "Profile that the call belonged to when it was processed; NULL if to none."},
            {"timestamp", time, "When it happened, corrected by the skew of the sender's clock."},
            {"original_timestamp", time, "When it happened, by the sender's clock."},
            {"sent_at", time, "When it was sent, by the sender's clock."},
            {"event_source_id", text, "Source that sent the call."},
            uuid_ts()};
}

table make(fixed_table which, std::string name, table_kind kind, std::vector<column> columns,
           std::vector<std::string> key, std::vector<std::string> cluster_by, std::string comment)
{
    table t;
    t.name = std::move(name);
    t.kind = kind;
    t.columns = std::move(columns);
    t.key = std::move(key);
    t.cluster_by = std::move(cluster_by);
    t.comment = std::move(comment);
    t.number = static_cast<std::uint32_t>(which);
    return t;
}

table id_graph_updates()
{
    return make(fixed_table::id_graph_updates, "id_graph_updates", table_kind::append,
                {{"segment_id", text, "Profile that was created, or that now resolves elsewhere."},
                 {"canonical_segment_id", text, "Profile that segment_id resolves to from this row on."},
                 seq(),
                 {"timestamp", time, "When the causing call happened."},
                 {"triggering_event_type", text, "Type of the call that caused this row."},
                 {"triggering_event_id", text, "Message id of the call that caused this row."},
                 uuid_ts()},
                {}, {"segment_id", "seq"},
                "Change log of the identity graph: one row per created profile and per re-pointed segment_id. The row "
                "with the greatest seq per segment_id is current.");
}

table external_id_mapping_updates()
{
    std::vector<column> columns{{"external_id_hash", text, "SHA-1 (hex) of external_id_type followed by external_id_value."},
                                {"external_id_type", text, "Kind of identifier: user_id, email, anonymous_id, …"},
                                {"external_id_value", text, "The identifier as sent."},
                                {"segment_id", text, "Profile that it was attached to at that time."},
                                seq(),
                                {"id", text, "Id of this row."},
                                {"timestamp", time, "When the call that carried it first happened."},
                                {"received_at", time, "When Lakeferry accepted that call."}};
    add(columns, trigger_columns());
    columns.push_back(uuid_ts());
    return make(fixed_table::external_id_mapping_updates, "external_id_mapping_updates", table_kind::append,
                std::move(columns), {}, {"external_id_hash", "seq"},
                "Change log of identifiers: one row when an identifier is attached to a profile for the first time.");
}

table profile_traits_updates()
{
    std::vector<column> columns{{"segment_id", text, "The profile."},
                                seq(),
                                {"timestamp", time, "When the causing call happened."},
                                {"received_at", time, "When Lakeferry accepted that call."}};
    add(columns, trigger_columns());
    add(columns, {uuid_ts(), rescued()});
    return make(fixed_table::profile_traits_updates, "profile_traits_updates", table_kind::append, std::move(columns), {},
                {"segment_id", "seq"},
                "Change log of traits: each row is a full snapshot of a profile's traits, written when they changed.");
}

table user_traits()
{
    return make(fixed_table::user_traits, "user_traits", table_kind::keyed,
                {{"canonical_segment_id", text, "The profile."},
                 {"name", text, "Name of the trait, as its column in profile_traits_updates."},
                 {"value", text, "Its value as text; arrays as JSON."},
                 seq(),
                 {"received_at", time, "When Lakeferry accepted the call that set it."},
                 uuid_ts(),
                 {"timestamp", time, "When the call that set it happened."}},
                {"canonical_segment_id", "name"}, {"canonical_segment_id", "name"},
                "Current traits: one row per profile and trait.");
}

table user_identifiers()
{
    return make(fixed_table::user_identifiers, "user_identifiers", table_kind::keyed,
                {{"canonical_segment_id", text, "The profile."},
                 {"type", text, "Kind of identifier: user_id, email, anonymous_id, …"},
                 {"value", text, "The identifier as sent."},
                 seq(),
                 {"received_at", time, "When Lakeferry accepted the call that carried it first."},
                 uuid_ts(),
                 {"timestamp", time, "When that call happened."}},
                {"canonical_segment_id", "type", "value"}, {"canonical_segment_id", "type"},
                "Current identifiers: one row per profile and identifier.");
}

table profile_merges()
{
    return make(fixed_table::profile_merges, "profile_merges", table_kind::keyed,
                {{"segment_id", text, "A profile that was ever created."},
                 {"canonical_segment_id", text, "The profile that it resolves to now."},
                 seq(),
                 {"received_at", time, "When Lakeferry accepted the call that caused the newest change."},
                 uuid_ts(),
                 {"timestamp", time, "When that call happened."}},
                {"segment_id"}, {"segment_id"},
                "Which profile each segment_id resolves to now: one row per segment_id ever created.");
}

table profile_traits()
{
    return make(fixed_table::profile_traits, "profile_traits", table_kind::keyed,
                {{"canonical_segment_id", text, "A profile that was ever created."},
                 {"merged_to", text, "Profile that holds it now, if it was merged away; else NULL."},
                 seq(),
                 {"timestamp", time, "When the call of the newest change happened."},
                 uuid_ts(),
                 rescued()},
                {"canonical_segment_id"}, {"canonical_segment_id"},
                "Profiles as they are now: one row per segment_id ever created, a column per trait. A profile that was "
                "merged away shows no traits; merged_to says which one holds it.");
}

table events(fixed_table which, std::string name, std::vector<column> own, std::string comment)
{
    auto columns = event_columns();
    add(columns, std::move(own));
    columns.push_back(rescued());
    return make(which, std::move(name), table_kind::append, std::move(columns), {}, {"received_at"}, std::move(comment));
}

std::vector<column> track_columns()
{
    return {{"event", text, "Name of the event as a table name."}, {"event_text", text, "Name of the event as sent."}};
}

std::vector<column> page_columns()
{
    return {{"name", text, "name of the call, else of its properties."},
            {"category", text, "category of the call, else of its properties."}};
}

std::vector<table> all_fixed()
{
    std::vector<table> all{id_graph_updates(), external_id_mapping_updates(), profile_traits_updates(),
                           user_traits(),      user_identifiers(),            profile_merges()};
    all.push_back(events(fixed_table::identifies, "identifies", {}, "One row per identify call, a column per trait on it."));
    all.push_back(events(fixed_table::tracks, "tracks", track_columns(),
                         "One row per track call; its properties are in the table named after the event."));
    all.push_back(events(fixed_table::pages, "pages", page_columns(), "One row per page call, a column per property."));
    all.push_back(events(fixed_table::screens, "screens", page_columns(), "One row per screen call, a column per property."));
    all.push_back(events(fixed_table::groups, "groups", {{"group_id", text, "groupId of the call."}},
                         "One row per group call, a column per trait of the group."));
    all.push_back(events(fixed_table::aliases, "aliases", {{"previous_id", text, "previousId of the call."}},
                         "One row per alias call."));
    all.push_back(profile_traits());
    return all;
}

}  // namespace

const std::vector<table>& fixed_tables()
{
    static const std::vector<table> all = all_fixed();
    return all;
}

table event_table(std::string_view name, std::string_view event_text)
{
    auto t = events(fixed_table::tracks, std::string(name), track_columns(),
                    "One row per track call \"" + std::string(event_text.substr(0, 200)) + "\", a column per property.");
    t.number = 0;
    return t;
}

std::string dynamic_column_comment(std::string_view table, std::string_view column)
{
    if (column.starts_with("context_")) return "From the context of the call.";
    if (table == "profile_traits_updates") return "Trait of the profile; NULL if it is not set.";
    if (table == "identifies" || table == "groups") return "Trait on the call.";
    return "Property of the call.";
}

std::string table_key(std::uint32_t space, std::string_view table)
{
    std::string key = core::key32(space);
    key += 't';
    key += table;
    return key;
}

rt::outcome<std::vector<table>> known_tables(store::store& in, std::uint32_t space)
{
    std::map<std::uint32_t, table> by_number;
    for (const auto& fixed : fixed_tables()) by_number.emplace(fixed.number, fixed);
    std::optional<rt::failure> damaged;
    const std::string from = table_key(space, {});
    const auto visit = [&](std::string_view, std::string_view value) {
        auto read = core::decode_table(value);
        if (read.has_error()) {
            damaged = read.error();
            return false;
        }
        auto& known = by_number[read->number];
        known = with_fixed_columns(known, std::move(*read));
        return true;
    };
    if (auto scanned = in.scan(store::family::schema, from, core::prefix_end(from), visit); scanned.has_error())
        return scanned.error();
    if (damaged) return *damaged;
    const auto number_of = [](fixed_table which) { return static_cast<std::uint32_t>(which); };
    auto& wide = by_number.at(number_of(fixed_table::profile_traits));
    const auto& log = fixed_tables().at(number_of(fixed_table::profile_traits_updates) - 1);
    for (const auto& column : by_number.at(log.number).columns)
        if (log.find(column.name) == nullptr) wide.columns.push_back(column);
    std::vector<table> all;
    all.reserve(by_number.size());
    for (auto& [_, t] : by_number) all.push_back(std::move(t));
    return all;
}

table with_fixed_columns(const table& fixed, table stored)
{
    if (fixed.columns.empty()) return stored;
    table merged = fixed;
    merged.number = stored.number;
    for (auto& column : stored.columns) {
        if (merged.find(column.name) == nullptr) merged.columns.push_back(std::move(column));
    }
    return merged;
}

}  // namespace lakeferry::identity
