// The load journal: what was staged and sent, written before it is sent, so that a crash or a lost answer never
// leads to a second copy of a row.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// One statement of a load. Staged files need one; rows that travel in the statement may need several.
struct load_part {
    std::string sql{};
    std::uint64_t first_row = 0;  // rows of this part, counted within the load
    std::uint64_t rows = 0;
};

// staged: files uploaded, statement perhaps sent. landed: committed in the warehouse and the rows are out of the
// outbox; kept until its files are deleted and (keyed tables) its fence is moved.
enum class load_state : std::uint8_t { staged, landed };

// What a statement said it did, where that is not what it was sent to do. The load waits for somebody to decide.
struct count_mismatch {
    std::uint64_t staged = 0;  // rows of the part
    std::int64_t reported = 0;
    std::string statement{};   // its id in the query history
    std::int64_t at_us = 0;

    friend bool operator==(const count_mismatch&, const count_mismatch&) = default;
};

struct load {
    std::uint64_t number = 0;  // of the space, ever increasing; never reused once journalled
    std::string table{};
    core::table_kind kind = core::table_kind::append;
    std::string target{};  // quoted three-level name that it was made for
    std::uint64_t first_batch = 0;
    std::uint64_t last_batch = 0;
    std::uint64_t rows = 0;
    std::uint64_t rescued = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string> files{};  // whole paths; empty: the rows travel in the statements
    std::vector<load_part> parts{};
    std::string probe_key{};  // of one row, to ask whether the load committed
    std::string probe_at{};
    load_state state = load_state::staged;
    std::size_t part = 0;  // the part that is sent or next
    unsigned sends = 0;    // of this part; 0: surely never sent
    std::int64_t sent_us = 0;
    std::string statement_id{};
    // A load of profile_traits carries no rows: it takes those of its logs up to this seq, as of this load of a log.
    std::uint64_t log_upto = 0;
    std::uint64_t log_load = 0;
    bool fill = false;  // of the table's second lane: an insert-only MERGE
    std::optional<count_mismatch> stuck{};
    bool fenced = false;
    bool cleaned = false;
    // Sent instead of the one part, if there is anything: a script that does the same, and after it what ends the run. Not
    // journalled: a later run sends the part alone.
    std::string together{};
    // Rows that its statements say they changed; nullopt: not known. Not journalled.
    std::optional<std::int64_t> affected{};
};

std::string encode_load(const load& l);
rt::outcome<load> decode_load(std::string_view stored);

// Blocking: workers only.
class load_journal {
public:
    load_journal(store::store& in, std::uint32_t space) : store_(in), space_(space) {}

    // In order of their numbers.
    rt::outcome<std::vector<load>> all();
    // The next number; the caller journals the load before anybody else asks.
    rt::outcome<std::uint64_t> last_number();
    rt::outcome<void> save(const load& l, store::durable when);
    // In one step: the load is landed, its rows leave the outbox.
    rt::outcome<void> land(load& l, std::uint32_t table_number);
    rt::outcome<void> forget(const load& l);
    // Takes a load of an append-only table back: its rows go to the second lane of the table, its files are still to be
    // deleted. In one step.
    rt::outcome<void> send_anew(const load& l, std::uint32_t table_number);

private:
    std::string key(std::uint64_t number) const;

    store::store& store_;
    std::uint32_t space_;
};

}  // namespace lakeferry::profiles
