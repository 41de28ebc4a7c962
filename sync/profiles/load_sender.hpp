// Brings one journalled load to its end in the warehouse: sends its statements, adopts those whose answer was
// lost, and checks what they say they did.
#pragma once

#include "net/rt/deadline.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/profiles/space_sync.hpp"
#include "sync/profiles/staging.hpp"

#include <functional>
#include <string>
#include <vector>

namespace lakeferry::profiles {

class load_sender {
public:
    load_sender(sync_parts& with, load_journal& journal, std::string space, std::string warehouse_id)
        : with_(with), journal_(journal), space_(std::move(space)), warehouse_id_(std::move(warehouse_id))
    {
    }

    // Gives the rows of a part of a load without files. Called on the loop, may suspend.
    using rows_of_part = std::function<rt::awaitable<rt::outcome<std::string>>(std::size_t part)>;

    // All parts, in order. On success every row of the load is committed in the warehouse and nothing of it is
    // on its way any more, or is harmless if it is. On failure the journal holds what the next try needs; nothing is
    // lost and nothing is sent that a later try could double. fresh: staged by this run, never sent before.
    rt::awaitable<rt::outcome<void>> finish(load& l, bool fresh, rows_of_part rows, rt::deadline limit);

    // Did an append-only load commit? Asks the table for one of its rows.
    rt::awaitable<rt::outcome<bool>> committed(const load& l, const core::table& t, const place& at, std::uint64_t run,
                                               rt::deadline limit);

    std::uint64_t statements_sent() const noexcept { return sent_; }
    std::uint64_t adopted() const noexcept { return adopted_; }

private:
    rt::awaitable<rt::outcome<databricks::statement_result>> send_part(load& l, rows_of_part& rows, rt::deadline limit);
    rt::awaitable<rt::outcome<bool>> adopt(load& l, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> submit(load& l, rows_of_part& rows, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> save(const load& l, store::durable when);

    sync_parts& with_;
    load_journal& journal_;
    std::string space_;
    std::string warehouse_id_;
    std::uint64_t sent_ = 0;
    std::uint64_t adopted_ = 0;
};

// What the counts of a finished part must be: exactly its rows, or none when it had perhaps been loaded by an
// earlier sending. A failure "landing.count_mismatch" (never) otherwise.
rt::outcome<void> check_counts(const load& l, const databricks::statement_result& result, bool repeated);
// That failure in words: what was seen and what to do. space: for the command; empty: "SPACE".
rt::failure describe(const load& l, const count_mismatch& seen, const std::string& space);

}  // namespace lakeferry::profiles
