#include "sync/identity/current_rows.hpp"

namespace lakeferry::identity {

void put_current_identifier(core::row_writer& row, std::string_view segment, const held_identifier& held,
                            std::uint64_t seq, std::string_view now)
{
    row.text("_op", "upsert");
    row.text("canonical_segment_id", segment);
    row.text("type", held.type);
    row.text("value", held.value);
    row.bigint("seq", as_bigint(seq));
    row.timestamp("received_at", held.received_us);
    row.raw("uuid_ts", now);
    row.timestamp("timestamp", held.first_us);
}

void put_current_trait(core::row_writer& row, std::string_view segment, const visible_trait& trait, std::uint64_t seq,
                       std::string_view now, std::string& scratch)
{
    scratch.clear();
    core::append_as_text(scratch, trait.cell->view());
    row.text("_op", "upsert");
    row.text("canonical_segment_id", segment);
    row.text("name", trait.column);
    row.bigint("seq", as_bigint(seq));
    row.raw("value", scratch);
    row.timestamp("received_at", trait.write->received_us);
    row.raw("uuid_ts", now);
    row.timestamp("timestamp", trait.write->timestamp_us);
}

}  // namespace lakeferry::identity
