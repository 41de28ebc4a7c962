#include "sync/identity/writer.hpp"

#include "sync/core/hash.hpp"
#include "sync/core/ids.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/identity/current_rows.hpp"

namespace lakeferry::identity {

namespace {

std::string_view trigger_name(const event_view& event)
{
    const auto& call = event.call;
    if (call.type == core::call_type::track) return event.text(call.event);
    return call.name ? event.text(*call.name) : std::string_view();
}

fixed_table table_of(core::call_type type) noexcept
{
    switch (type) {
        case core::call_type::identify: return fixed_table::identifies;
        case core::call_type::track: return fixed_table::tracks;
        case core::call_type::page: return fixed_table::pages;
        case core::call_type::screen: return fixed_table::screens;
        case core::call_type::group: return fixed_table::groups;
        case core::call_type::alias: return fixed_table::aliases;
    }
    return fixed_table::tracks;
}

}  // namespace

row_maker::row_maker(table_set& tables, const std::vector<core::source_settings>& sources, std::string_view space_id,
                     bool materialized, std::uint64_t last_seq, std::int64_t now_us)
    : tables_(tables), space_id_(space_id), materialized_(materialized), seq_(last_seq)
{
    for (const auto& source : sources) sources_.emplace(source.id, &source);
    now_ = '"' + core::format_timestamp(now_us) + '"';
}

void row_maker::trigger(core::row_writer& row, const event_view& event)
{
    row.text("triggering_event_id", event.text(event.call.message_id));
    row.text_if("triggering_event_name", trigger_name(event));
    row.text("triggering_event_type", core::to_string(event.call.type));
    row.text_if("triggering_event_source_id", event.call.source);
    if (const auto known = sources_.find(event.call.source); known != sources_.end()) {
        row.text_if("triggering_event_source_name", known->second->name);
        row.text_if("triggering_event_source_slug", known->second->slug);
    }
}

void row_maker::graph_row(const event_view& event, std::string_view segment, std::string_view canonical)
{
    ++seq_;
    auto& table = tables_.fixed(fixed_table::id_graph_updates);
    auto& row = table.begin_row();
    row.text("segment_id", segment);
    row.text("canonical_segment_id", canonical);
    row.bigint("seq", as_bigint(seq_));
    row.timestamp("timestamp", event.call.timestamp_us);
    row.text("triggering_event_type", core::to_string(event.call.type));
    row.text("triggering_event_id", event.text(event.call.message_id));
    row.raw("uuid_ts", now_);
    table.end_row();
    if (!materialized_) return;
    auto& current = tables_.fixed(fixed_table::profile_merges);
    auto& merged = current.begin_row();
    merged.text("_op", "upsert");
    merged.text("segment_id", segment);
    merged.bigint("seq", as_bigint(seq_));
    merged.text("canonical_segment_id", canonical);
    merged.timestamp("received_at", event.call.received_us);
    merged.raw("uuid_ts", now_);
    merged.timestamp("timestamp", event.call.timestamp_us);
    current.end_row();
}

void row_maker::current_identifier_gone(std::string_view segment, const held_identifier& held, std::uint64_t seq)
{
    if (!materialized_) return;
    auto& table = tables_.fixed(fixed_table::user_identifiers);
    auto& row = table.begin_row();
    row.text("_op", "delete");
    row.text("canonical_segment_id", segment);
    row.text("type", held.type);
    row.text("value", held.value);
    row.bigint("seq", as_bigint(seq));
    table.end_row();
}

void row_maker::current_identifier(std::string_view segment, const held_identifier& held, std::uint64_t seq)
{
    if (!materialized_) return;
    auto& table = tables_.fixed(fixed_table::user_identifiers);
    put_current_identifier(table.begin_row(), segment, held, seq, now_);
    table.end_row();
}

void row_maker::identifier_row(const event_view& event, std::string_view segment, const held_identifier& held)
{
    ++seq_;
    auto& table = tables_.fixed(fixed_table::external_id_mapping_updates);
    auto& row = table.begin_row();
    row.text("external_id_hash", core::sha1_hex(held.type, held.value));
    row.text("external_id_type", held.type);
    row.text("external_id_value", held.value);
    row.text("segment_id", segment);
    row.bigint("seq", as_bigint(seq_));
    row.text("id", core::derived_id("map_", {space_id_, held.message_id, held.type, held.value}));
    row.timestamp("timestamp", held.first_us);
    row.timestamp("received_at", held.received_us);
    trigger(row, event);
    row.raw("uuid_ts", now_);
    table.end_row();
    current_identifier(segment, held, seq_);
}

void row_maker::graph_rows(const event_view& event, const decision& done, const profile& to)
{
    const std::string segment = segment_id(to.id);
    graph_seq_ = seq_ + 1;
    if (done.created) graph_row(event, segment, segment);
    for (const auto& merged : done.merged) {
        for (const auto& id : merged.repointed) graph_row(event, segment_id(id), segment);
    }
    for (const auto& merged : done.merged) {
        const std::string away = segment_id(merged.id);
        for (const auto& held : merged.identifiers) {
            current_identifier_gone(away, held, graph_seq_);
            current_identifier(segment, held, graph_seq_);
        }
    }
    for (const auto& held : done.attached) identifier_row(event, segment, held);
}

void row_maker::current_trait_gone(std::string_view segment, std::string_view name, std::uint64_t seq)
{
    auto& table = tables_.fixed(fixed_table::user_traits);
    auto& row = table.begin_row();
    row.text("_op", "delete");
    row.text("canonical_segment_id", segment);
    row.text("name", name);
    row.bigint("seq", as_bigint(seq));
    table.end_row();
}

void row_maker::gone_trait_rows(const profile_id& of, const std::vector<visible_trait>& shown, std::uint64_t seq)
{
    if (!materialized_) return;
    const std::string segment = segment_id(of);
    for (const auto& trait : shown) current_trait_gone(segment, trait.column, seq);
}

void row_maker::trait_rows(const event_view& event, const profile_id& of, const std::vector<visible_trait>& now,
                           const trait_changes& changes)
{
    const std::string segment = segment_id(of);
    ++seq_;
    auto& table = tables_.fixed(fixed_table::profile_traits_updates);
    auto& row = table.begin_row();
    row.text("segment_id", segment);
    row.bigint("seq", as_bigint(seq_));
    row.timestamp("timestamp", event.call.timestamp_us);
    row.timestamp("received_at", event.call.received_us);
    trigger(row, event);
    row.raw("uuid_ts", now_);
    for (const auto& trait : now) {
        if (!table.value(trait.column, trait.cell->view())) ++columns_refused_;
    }
    table.end_row();
    if (!materialized_) return;
    for (const auto& name : changes.gone) current_trait_gone(segment, name, seq_);
    auto& current = tables_.fixed(fixed_table::user_traits);
    std::string value;
    for (const auto& trait : changes.set) {
        put_current_trait(current.begin_row(), segment, trait, seq_, now_, value);
        current.end_row();
    }
}

void row_maker::values(open_table& table, const event_view& event, range which, std::string_view skip_a,
                       std::string_view skip_b)
{
    for (auto i = which.first; i < which.last; ++i) {
        const auto& value = event.chunk.flat.values[i];
        if (!skip_a.empty() && value.column == skip_a) continue;
        if (!skip_b.empty() && value.column == skip_b) continue;
        if (!table.value(value.column, core::at(event.chunk.text, value.range))) ++columns_refused_;
    }
}

void row_maker::event_row(open_table& table, const event_view& event, std::string_view segment, bool fields)
{
    const auto& call = event.call;
    auto& row = table.begin_row();
    row.text("id", event.text(call.message_id));
    row.timestamp("received_at", call.received_us);
    row.text_if("user_id", event.text(call.user_id));
    row.text_if("anonymous_id", event.text(call.anonymous_id));
    row.text_if("segment_id", segment);
    row.timestamp("timestamp", call.timestamp_us);
    row.timestamp("original_timestamp", call.original_us);
    if (call.sent_us) row.timestamp("sent_at", *call.sent_us);
    row.text_if("event_source_id", call.source);
    row.raw("uuid_ts", now_);
    if (call.type == core::call_type::track) {
        row.text("event", event.text(call.table));
        row.text("event_text", event.text(call.event));
    }
    if (call.type == core::call_type::group) row.text_if("group_id", event.text(call.group_id));
    if (call.type == core::call_type::alias) row.text_if("previous_id", event.text(call.previous_id));
    if (call.name) row.text("name", event.text(*call.name));
    if (call.category) row.text("category", event.text(*call.category));
    if (fields) values(table, event, call.fields, call.name ? "name" : "", call.category ? "category" : "");
    values(table, event, call.context, {}, {});
    table.end_row();
}

void row_maker::event_rows(const event_view& event, const std::optional<profile_id>& of)
{
    const std::string segment = of ? segment_id(*of) : std::string();
    const bool track = event.call.type == core::call_type::track;
    event_row(tables_.fixed(table_of(event.call.type)), event, segment, !track);
    if (track)
        event_row(tables_.event(event.text(event.call.table), event.text(event.call.event)), event, segment, true);
}

bool row_maker::refill_row(const event_view& event, const std::optional<profile_id>& of, std::string_view table)
{
    const bool track = event.call.type == core::call_type::track;
    const bool by_event = track && event.text(event.call.table) == table;
    const auto& of_type = fixed_tables().at(static_cast<std::size_t>(table_of(event.call.type)) - 1);
    if (!by_event && of_type.name != table) return false;
    auto& to = by_event ? tables_.event(table, event.text(event.call.event)) : tables_.fixed(table_of(event.call.type));
    to.use_fill_lane(true);
    event_row(to, event, of ? segment_id(*of) : std::string(), by_event || !track);
    to.use_fill_lane(false);
    return true;
}

}  // namespace lakeferry::identity
