// The embedded store: one door to RocksDB, the only durable state on the machine.
#pragma once

#include "net/rt/failure.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class Env;
}
namespace lakeferry::rt {
class wall_clock;
}

namespace lakeferry::store {

// One column family a purpose. Keys begin with the space's number (be32) in all but meta.
enum class family : unsigned {
    meta,       // format, numbers of spaces, counters, cursors, progress of imports
    events,     // accepted calls in arrival order, until resolved
    seen,       // message ids inside the dedupe window
    identity,   // identifiers, profiles, traits
    outbox,     // rows per table, until a load has committed them
    schema,     // tables and columns
    loads,      // load journal
    runs,       // reports of sync runs
    refusals,   // the last refused calls
};
inline constexpr unsigned family_count = 9;

// Changes that happen all or not at all. Reusable after clear().
class batch {
public:
    batch();
    ~batch();
    batch(batch&&) noexcept;
    batch& operator=(batch&&) noexcept;

    void put(family where, std::string_view key, std::string_view value);
    void remove(family where, std::string_view key);
    // [from, to)
    void remove_range(family where, std::string_view from, std::string_view to);
    std::size_t bytes() const noexcept;
    bool empty() const noexcept;
    void clear();

    struct body;
    body& raw() noexcept { return *body_; }

private:
    std::unique_ptr<body> body_;
};

// yes: on disk before write() returns, with everything written earlier. no: after a crash it may be
// missing, but then everything written later is missing too.
enum class durable : bool { no, yes };

struct store_options {
    std::string directory{};
    std::size_t memory_bytes = 32U << 20;  // cache and write buffers together
    rocksdb::Env* env = nullptr;           // nullptr: the real disk
    // Message ids are forgotten when they were stored longer than this ago (see seen.hpp); 0 or no clock: never.
    unsigned seen_days = 0;
    const rt::wall_clock* clock = nullptr;  // outlives the store
};

// Thread-safe. Every call may block: workers only, never the loop. Failures: "store.locked" (another
// process has it open), "store.disk_full" (transient), "store.damaged" (never), "store.io" (transient). A write
// that failed may still have happened; the first write after the disk works again reopens the database. Opening wants
// memory_bytes free on the disk: as much as the log may bring back, which is then written into tables.
class store {
public:
    static rt::outcome<std::unique_ptr<store>> open(store_options options);
    virtual ~store() = default;

    virtual rt::outcome<void> write(batch changes, durable when) = 0;
    virtual rt::outcome<std::optional<std::string>> get(family where, std::string_view key) = 0;
    // One answer per key, in order.
    virtual rt::outcome<std::vector<std::optional<std::string>>> multi_get(family where,
                                                                          std::span<const std::string> keys) = 0;
    // Visits [from, to) in key order until visit returns false. The views live for the call only.
    using visitor = std::function<bool(std::string_view key, std::string_view value)>;
    virtual rt::outcome<void> scan(family where, std::string_view from, std::string_view to, const visitor& visit) = 0;
    // The last key in [from, to) with its value.
    virtual rt::outcome<std::optional<std::pair<std::string, std::string>>> last(family where, std::string_view from,
                                                                                std::string_view to) = 0;
    // Rough size on disk of [from, to), with what was removed there and is not freed yet.
    virtual std::uint64_t approximate_bytes(family where, std::string_view from, std::string_view to) = 0;
    // What the disk has left for everybody; nullopt: it does not say.
    virtual std::optional<std::uint64_t> free_bytes() = 0;
    // Rewrites what [from, to) has on disk, so that the bytes of removed and replaced values are gone from the files, and
    // from the log. Takes as long as reading and writing the range does.
    virtual rt::outcome<void> compact(family where, std::string_view from, std::string_view to) = 0;
    // Frees what ranges removed from the queues (events, outbox) still hold on disk, and counts in approximate_bytes. That
    // happens by itself where enough is written; who refuses to write because too much is there has to ask. Cheap if nothing
    // was removed since the last time; does nothing while the disk has less than memory_bytes left.
    virtual rt::outcome<void> reclaim() = 0;
};

// The number under which a space's keys stand; given out at first sight, never reused.
rt::outcome<std::uint32_t> space_number(store& in, const std::string& space_id);

}  // namespace lakeferry::store
