#include "sync/identity/backfill.hpp"

#include "sync/core/hash.hpp"
#include "sync/core/ids.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/identity/current_rows.hpp"
#include "sync/identity/progress.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/table_set.hpp"
#include "sync/identity/traits.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace lakeferry::identity {

namespace {

constexpr std::array<std::string_view, 6> fillable{"id_graph_updates", "external_id_mapping_updates",
                                                   "profile_traits_updates", "user_traits",
                                                   "user_identifiers", "profile_merges"};

// The rows of one profile, table by table.
class filler {
public:
    filler(table_set& tables, const backfill_request& what, std::uint64_t seq, std::int64_t now_us)
        : tables_(tables), what_(what), seq_(seq), now_('"' + core::format_timestamp(now_us) + '"')
    {
    }

    std::uint64_t seq() const noexcept { return seq_; }
    std::uint64_t rows() const noexcept { return rows_; }
    void write(const profile& p, const std::vector<trait>& traits);

private:
    bool wanted(fixed_table which) const { return what_.tables.contains(fixed_tables().at(static_cast<std::size_t>(which) - 1).name); }
    core::row_writer& begin(open_table& t, bool fill)
    {
        t.use_fill_lane(fill);
        ++rows_;
        return t.begin_row();
    }
    void end(open_table& t)
    {
        t.end_row();
        t.use_fill_lane(false);
    }
    void merges(const profile& p, const std::string& segment, std::uint64_t current);
    void graph(const profile& p, const std::string& segment);
    void identifiers(const profile& p, const std::string& segment, std::uint64_t current);
    void traits(const std::string& segment, const std::vector<visible_trait>& shown, std::uint64_t current);

    table_set& tables_;
    const backfill_request& what_;
    std::uint64_t seq_;
    std::uint64_t rows_ = 0;
    std::string now_;  // quoted
};

void filler::write(const profile& p, const std::vector<trait>& traits_of)
{
    const std::string segment = segment_id(p.id);
    const std::uint64_t current = ++seq_;  // one for all current rows of the profile: keys are distinct
    graph(p, segment);
    merges(p, segment, current);
    identifiers(p, segment, current);
    traits(segment, visible(traits_of), current);
}

void filler::graph(const profile& p, const std::string& segment)
{
    if (!wanted(fixed_table::id_graph_updates)) return;
    auto& t = tables_.fixed(fixed_table::id_graph_updates);
    const auto row_of = [&](const profile_id& id, bool creation) {
        auto& row = begin(t, true);
        row.text("segment_id", segment_id(id));
        row.text("canonical_segment_id", segment);
        // The creation lies before everything else that is known of the profile; its place in processing order is far
        // below every seq.
        row.bigint("seq", creation ? as_bigint(p.created + 1) : as_bigint(++seq_));
        if (creation) {
            row.timestamp("timestamp", p.created_us);
            row.text("triggering_event_type", core::to_string(p.created_type));
            row.text_if("triggering_event_id", p.created_by);
        }
        row.raw("uuid_ts", now_);
        end(t);
    };
    row_of(p.id, true);
    for (const auto& id : p.members) row_of(id, false);
}

void filler::merges(const profile& p, const std::string& segment, std::uint64_t current)
{
    if (!wanted(fixed_table::profile_merges)) return;
    auto& t = tables_.fixed(fixed_table::profile_merges);
    const auto row_of = [&](const profile_id& id, bool itself) {
        auto& row = begin(t, false);
        row.text("_op", "upsert");
        row.text("segment_id", segment_id(id));
        row.bigint("seq", as_bigint(current));
        row.text("canonical_segment_id", segment);
        if (itself) row.timestamp("received_at", p.created_received_us);
        row.raw("uuid_ts", now_);
        if (itself) row.timestamp("timestamp", p.created_us);
        end(t);
    };
    row_of(p.id, true);
    for (const auto& id : p.members) row_of(id, false);
}

void filler::identifiers(const profile& p, const std::string& segment, std::uint64_t current)
{
    const bool log = wanted(fixed_table::external_id_mapping_updates);
    const bool now = wanted(fixed_table::user_identifiers);
    for (const auto& held : p.identifiers) {
        if (log) {
            auto& t = tables_.fixed(fixed_table::external_id_mapping_updates);
            auto& row = begin(t, true);
            row.text("external_id_hash", core::sha1_hex(held.type, held.value));
            row.text("external_id_type", held.type);
            row.text("external_id_value", held.value);
            row.text("segment_id", segment);
            row.bigint("seq", as_bigint(++seq_));
            row.text("id", core::derived_id("map_", {what_.space_id, held.message_id, held.type, held.value}));
            row.timestamp("timestamp", held.first_us);
            row.timestamp("received_at", held.received_us);
            row.text_if("triggering_event_id", held.message_id);
            row.raw("uuid_ts", now_);
            end(t);
        }
        if (!now) continue;
        auto& t = tables_.fixed(fixed_table::user_identifiers);
        put_current_identifier(begin(t, false), segment, held, current, now_);
        end(t);
    }
}

void filler::traits(const std::string& segment, const std::vector<visible_trait>& shown, std::uint64_t current)
{
    if (shown.empty()) return;
    if (wanted(fixed_table::profile_traits_updates)) {
        std::int64_t received = 0;
        std::int64_t happened = 0;
        for (const auto& trait : shown) {
            received = std::max(received, trait.write->received_us);
            happened = std::max(happened, trait.write->timestamp_us);
        }
        auto& t = tables_.fixed(fixed_table::profile_traits_updates);
        auto& row = begin(t, true);
        row.text("segment_id", segment);
        row.bigint("seq", as_bigint(++seq_));
        row.timestamp("timestamp", happened);
        row.timestamp("received_at", received);
        row.raw("uuid_ts", now_);
        for (const auto& trait : shown) (void)t.value(trait.column, trait.cell->view());
        end(t);
    }
    if (!wanted(fixed_table::user_traits)) return;
    auto& t = tables_.fixed(fixed_table::user_traits);
    std::string value;
    for (const auto& trait : shown) {
        put_current_trait(begin(t, false), segment, trait, current, now_, value);
        end(t);
    }
}

struct page {
    std::vector<profile> live{};
    std::string last{};  // id of the last record that was read
    bool more = false;
};

rt::outcome<page> read_page(store::store& in, std::uint32_t space, const std::string& cursor, std::size_t profiles_max)
{
    page found;
    std::optional<rt::failure> damaged;
    std::size_t seen = 0;
    core::id128 zero{};
    const std::string all = identity_key(space, 'p', zero).substr(0, 5);
    const std::string from = cursor.empty() ? all : all + cursor + '\0';
    const auto visit = [&](std::string_view key, std::string_view value) {
        // Those that were merged away count as well, or a long row of them would be one endless step.
        if (seen == profiles_max) {
            found.more = true;
            return false;
        }
        ++seen;
        const auto id = id_from(key.substr(5));
        auto read = id ? decode_profile(*id, value) : rt::outcome<profile>(rt::failure{
                             .retry = rt::retry_class::never, .id = "identity.damaged", .detail = "a profile's key is not whole"});
        if (read.has_error()) {
            damaged = read.error();
            return false;
        }
        found.last = std::string(key.substr(5));
        if (!read->merged_into) found.live.push_back(std::move(*read));
        return true;
    };
    auto scanned = in.scan(store::family::identity, from, core::prefix_end(all), visit);
    if (scanned.has_error()) return scanned.error();
    if (damaged) return *damaged;
    return found;
}

void write_blocks(store::batch& changes, std::uint32_t space, std::uint64_t batch, table_set& tables)
{
    tables.for_each([&](open_table& t) {
        const auto put = [&](std::uint32_t number, const core::outbox_block& block) {
            changes.put(store::family::outbox, core::outbox_key(space, number, batch), core::encode_outbox_block(block));
        };
        if (t.has_fill_rows()) put(t.definition().number | core::fill_lane, t.take_fill_rows());
        if (t.has_rows()) put(t.definition().number, t.take_rows());
    });
}

}  // namespace

bool can_backfill(std::string_view table) noexcept
{
    return std::find(fillable.begin(), fillable.end(), table) != fillable.end();
}

rt::outcome<backfill_progress> backfill_step(store::store& in, const backfill_request& what, backfill_progress from,
                                             const rt::wall_clock& clock, std::size_t profiles_max,
                                             const backfill_record& also)
{
    if (from.finished) return from;
    auto now = read_progress(in, what.space);
    if (now.has_error()) return now.error();
    auto found = read_page(in, what.space, from.cursor, profiles_max);
    if (found.has_error()) return found.error();
    if (from.first_seq == 0) from.first_seq = now->seq + 1;
    table_set tables(in, what.space, what.chosen);
    tables.set_next_number(static_cast<std::uint32_t>(now->next_table));
    filler rows(tables, what, now->seq, clock.now_us());
    for (const auto& p : found->live) {
        auto stored = in.get(store::family::identity, identity_key(what.space, 't', p.id));
        if (stored.has_error()) return stored.error();
        std::vector<trait> traits;
        if (stored->has_value()) {
            auto read = decode_traits(**stored);
            if (read.has_error()) return read.error();
            traits = std::move(*read);
        }
        rows.write(p, traits);
        if (tables.failure()) return *tables.failure();
    }
    store::batch changes;
    from.profiles += found->live.size();
    from.rows += rows.rows();
    from.finished = !found->more;
    if (!found->last.empty()) from.cursor = found->last;
    if (rows.rows() != 0) {
        now->seq = rows.seq();
        from.last_batch = ++now->batch;
        write_blocks(changes, what.space, now->batch, tables);
        tables.write_to(changes);
        write_progress(changes, what.space, *now);
    }
    also(changes, from);
    if (auto written = in.write(std::move(changes), store::durable::yes); written.has_error()) return written.error();
    return from;
}

}  // namespace lakeferry::identity
