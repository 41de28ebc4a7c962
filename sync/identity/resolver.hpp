// Identity resolution: turns accepted calls into profiles and rows (Segment's public docs, Unify: identity
// resolution, Profiles Sync: tables and materialized views; what they leave open is settled in docs/tables.md).
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/call.hpp"
#include "sync/core/space_config.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lakeferry::rt {
class wall_clock;
}
namespace lakeferry::store {
class store;
}

namespace lakeferry::identity {

class holder_cache;

struct resolver_settings {
    std::string space_id{};   // the space's id in the configuration: part of every derived id
    std::uint32_t space = 0;  // its number in the store
    core::identity_settings rules{};
    std::vector<core::source_settings> sources{};  // names and slugs of triggering events' sources
    bool materialized = true;  // false: no rows for user_traits, user_identifiers, profile_merges
    core::select_settings select{};  // rows and values that it leaves out are not written
};

// How much one step takes at most (it takes whole blocks of events, and at least one). A step needs about five times
// these bytes of memory.
struct resolve_limits {
    std::size_t calls = 5'000;
    std::size_t bytes = std::size_t{6} << 20U;
    bool two_threads = true;  // reads the next calls while the last ones are decided; the result is the same
};

struct table_rows {
    std::uint64_t rows = 0;
    std::uint64_t rescued = 0;  // rows with a value that did not fit its column
};

struct resolve_result {
    std::uint64_t blocks = 0;
    std::uint64_t calls = 0;                  // in those blocks
    std::array<std::uint64_t, 6> by_type{};   // landed, by core::call_type
    std::uint64_t duplicates = 0;             // message id seen before: ignored
    std::uint64_t unreadable = 0;             // stored, yet refused when read again: ignored
    std::uint64_t profiles_created = 0;
    std::uint64_t profiles_merged = 0;        // into another one
    std::uint64_t identifiers_added = 0;
    // no_identifiers, limit_exceeded, time_limit_exceeded, merge_limit, mapping_limit, blocked (observations.hpp);
    // column_limit
    std::map<std::string, std::uint64_t> notes{};
    std::map<std::string, table_rows> tables{};  // by table name
    std::uint64_t rows = 0;
    std::uint64_t rescued = 0;
    std::uint64_t batch = 0;  // number of the batch that was written; 0: there was nothing to do
    bool more = false;        // more events were waiting
};

// Owner: the space's loop. One at a time per space; step() blocks and belongs on a worker. The store, the clock and the
// cache outlive the resolver. Between steps it keeps tables and names in memory while there is more to do, nothing after.
class resolver {
public:
    // cache: of this process, for all spaces; nullptr: none.
    resolver(store::store& in, resolver_settings settings, const rt::wall_clock& clock, holder_cache* cache = nullptr);
    ~resolver();
    resolver(resolver&&) noexcept;
    resolver& operator=(resolver&&) noexcept;

    // Reads a run of event blocks, decides, and writes one atomic batch: profiles, rows, tables, message ids, counters,
    // the cursor, and the removal of the events. A failure or a crash leaves everything as it was; the next step
    // comes to the same result, ids included. Failures: those of the store; "events.damaged", "identity.damaged",
    // "schema.damaged" (never).
    rt::outcome<resolve_result> step(const resolve_limits& limits);

private:
    struct body;
    std::unique_ptr<body> body_;
};

// Notes counted since the space exists, by name.
rt::outcome<std::map<std::string, std::uint64_t>> read_notes(store::store& in, std::uint32_t space);

}  // namespace lakeferry::identity
