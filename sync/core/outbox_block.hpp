// Rows of one table from one resolved batch, as they wait in the store's outbox.
#pragma once

#include "net/rt/failure.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::core {

// The rows are NDJSON text, ready for staging: one object a line, each ended by "\n", with the non-null columns
// of the row as {"column":value}. Values: JSON true/false, numbers, text; timestamps as text
// "2026-01-31T23:59:59.123456Z". Rows of keyed tables begin with "_op":"upsert" or "_op":"delete" and
// always carry the key columns and "seq" (a number; greater than that of any earlier row of the same key).
// A load that is sent twice must be harmless, so a block is never cut: a load takes whole blocks.
struct outbox_block {
    std::uint32_t rows = 0;
    std::uint32_t rescued = 0;  // rows with a _rescued_data column
    std::string lines{};

    friend bool operator==(const outbox_block&, const outbox_block&) = default;
};

// Compressed with zstd. decode() refuses what is not whole ("outbox.damaged").
std::string encode_outbox_block(const outbox_block& block);
rt::outcome<outbox_block> decode_outbox_block(std::string_view stored);
// Without decompressing: bytes of the lines and number of rows.
struct outbox_block_size {
    std::uint32_t rows = 0;
    std::uint32_t rescued = 0;
    std::uint64_t bytes = 0;
};
rt::outcome<outbox_block_size> measure_outbox_block(std::string_view stored);

// Key in family outbox: be32 space, be32 table number, be64 batch number (one more with every resolved batch).
// A table has a second lane, for rows that may have landed before (fillings, loads that were sent anew): its number with
// this bit set. These are landed by a MERGE that leaves out what the table has.
inline constexpr std::uint32_t fill_lane = 0x8000'0000U;
std::string outbox_key(std::uint32_t space, std::uint32_t table, std::uint64_t batch);

}  // namespace lakeferry::core
