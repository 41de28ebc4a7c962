// Rows of one table out of the outbox, in the shape in which they travel: Parquet files, or JSON text for
// the statement itself. Memory is bounded by the limits, whatever the table's size.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/profiles/row_file.hpp"
#include "sync/store/store.hpp"

#include <boost/json/fwd.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// Text of a value as it stands in a row of ours; empty if there is none.
std::string text_of(const boost::json::object& row, std::string_view column);

struct slice_facts {
    std::uint64_t first_batch = 0;
    std::uint64_t last_batch = 0;  // whole batches only: a load takes all rows of the table in them
    std::uint64_t rows = 0;
    std::uint64_t rescued = 0;
    std::uint64_t bytes = 0;       // uncompressed
    std::string probe_key{};       // row key and received_at of the first row
    std::string probe_at{};
    std::string low{};             // smallest and greatest first key column (keyed), received_at or seq (append)
    std::string high{};
};

// Reads the outbox of one table in [first, frozen] until the byte limit (at least one batch). Blocking: workers.
class slice_reader {
public:
    slice_reader(store::store& in, std::uint32_t space, core::table table, std::uint64_t frozen,
                 std::size_t bytes_max);

    // The lines of the next batch; nullopt: the slice is complete.
    rt::outcome<std::optional<std::string>> next();
    // Of what next() has given so far.
    const slice_facts& facts() const noexcept { return facts_; }
    const core::table& table() const noexcept { return table_; }

    // For a load that is known: exactly its batches.
    static slice_reader again(store::store& in, std::uint32_t space, core::table table, std::uint64_t first_batch,
                              std::uint64_t last_batch);

private:
    store::store& store_;
    std::uint32_t space_;
    core::table table_;
    std::uint64_t from_ = 0;
    std::uint64_t frozen_;
    std::size_t bytes_max_;
    slice_facts facts_{};
};

// The smallest value of a column over the rows of a slice; empty: none has any. Times and seq have a fixed width, so their
// texts sort like their values. Blocking: workers.
rt::outcome<std::string> smallest(slice_reader from, std::string_view column);

// How the names of staged files end.
inline constexpr std::string_view file_ending = ".parquet";

// One file to upload.
struct staged_file {
    std::string parquet{};
    std::uint64_t rows = 0;
};

// How much of a file is held before it is compressed.
std::size_t group_bytes(std::size_t file_bytes_max) noexcept;

// Files of an append-only slice, one by one; none is empty. Every file has every column of the table. A file ends
// with the row group that reaches its limit.
class append_stager {
public:
    append_stager(slice_reader from, std::size_t file_bytes_max)
        : from_(std::move(from)),
          file_(from_.table(), group_bytes(file_bytes_max), file_bytes_max),
          file_bytes_max_(file_bytes_max)
    {
    }

    rt::outcome<std::optional<staged_file>> next();
    const slice_facts& facts() const noexcept { return from_.facts(); }

private:
    slice_reader from_;
    row_file file_;
    std::size_t file_bytes_max_;
    bool ended_ = false;
};

// The last operation per key of a keyed slice, in key order: key -> row with _op.
struct folded_slice {
    std::map<std::string, std::string> rows{};
    slice_facts facts{};
};
rt::outcome<folded_slice> fold(slice_reader from);
rt::outcome<std::vector<staged_file>> stage_folded(const folded_slice& rows, const core::table& t,
                                                   std::size_t file_bytes_max);

// Rows for a statement's parameter :rows, at most `bytes_max` a part (a larger row stands alone).
struct inline_part {
    std::string json{};  // array of objects
    std::uint64_t first_row = 0;
    std::uint64_t rows = 0;
};
class inline_packer {
public:
    explicit inline_packer(std::size_t bytes_max) : bytes_max_(bytes_max) {}
    void add(std::string_view line);
    std::vector<inline_part> take();

private:
    std::size_t bytes_max_;
    std::vector<inline_part> parts_{};
};

// The rows of a slice (folded for keyed tables) as parts; the same slice gives the same parts.
rt::outcome<std::vector<inline_part>> pack_slice(slice_reader from, const core::table& t, std::size_t part_bytes_max,
                                                 slice_facts& facts);

}  // namespace lakeferry::profiles
