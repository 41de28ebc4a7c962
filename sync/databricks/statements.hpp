// Running SQL on a warehouse: submit, wait, adopt, cancel.
#pragma once

#include "net/rt/limiter.hpp"
#include "sync/databricks/poll_fsm.hpp"
#include "sync/databricks/rest.hpp"
#include "sync/databricks/statement_messages.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace lakeferry::databricks {

// Of warehouses, shared by all spaces: caps on statements in flight, and which take no scripts. Owned by the daemon,
// outlives every space.
class statement_limits {
public:
    statement_limits(boost::asio::any_io_executor ex, std::size_t per_warehouse);
    rt::limiter& of(const http::origin& host, const std::string& warehouse_id);
    void resize(std::size_t per_warehouse);
    // SQL scripts (BEGIN … END) are younger than some warehouses: who has met one says so, and nobody tries again.
    bool takes_scripts(const http::origin& host, const std::string& warehouse_id) const;
    void note_no_scripts(const http::origin& host, const std::string& warehouse_id);

private:
    using warehouse_key = std::pair<http::origin, std::string>;

    boost::asio::any_io_executor ex_;
    std::size_t per_warehouse_;
    std::map<warehouse_key, std::unique_ptr<rt::limiter>> all_;
    std::set<warehouse_key> without_scripts_;
};

// Leave to have one statement in flight; gives it back when it goes. Hold it from before submit until the end of wait.
struct statement_slot {
    rt::limiter::permit of_space{};
    rt::limiter::permit of_warehouse{};
};

struct wait_options {
    bool cancel_at_deadline = false;  // ask the workspace to cancel when the deadline passes (reads)
    std::size_t rows_max = 1'000'000; // more: failure "statement.too_large"
    bool fetch_rows = true;           // false: the end is enough, the result is read otherwise
    // Called after each answer, e.g. to show progress. Optional.
    std::function<void(statement_state)> progress{};
};

// The statements of one space. Everything it is made of outlives it, and it outlives its calls.
class statements {
public:
    statements(workspace& door, statement_limits& limits, rt::limiter& of_space);

    // Waits for a place in both caps. Failure "statement.no_slot" (transient): the deadline passed first.
    rt::awaitable<rt::outcome<statement_slot>> admit(std::string warehouse_id, rt::deadline limit);

    // Sends it once and returns its id without waiting for it to run. Sent again only when it certainly
    // was not accepted (429, 503 with Retry-After, connection refused); a failure of class unknown_outcome
    // means that it may be running: look with find(), or send it again if it is idempotent by construction.
    // A refusal at once ("warehouse.forbidden", …) is a failure. Needs a slot.
    rt::awaitable<rt::outcome<std::string>> submit(statement what, rt::deadline limit);

    // One look. A statement that failed is a value here.
    rt::awaitable<rt::outcome<statement_status>> peek(std::string id, rt::deadline limit);

    // Polls until it ends (0.1 s growing to 5 s), through expired tokens, throttling, restarts and resets;
    // fetches all rows. CLOSED and 2DKD0 are success without a result. Failures: statement_failure's, "statement.vanished" (unknown_outcome), "statement.deadline"
    // (unknown_outcome: it still runs unless cancelled), and any refusal of the polling itself (unknown_outcome:
    // a revoked principal does not stop its statements). Cancelling the caller does not cancel the statement.
    rt::awaitable<rt::outcome<statement_result>> wait(std::string id,
                                                      rt::deadline limit,
                                                      wait_options options = {});

    // Asks for it; may lose the race: wait() for the end state. An unknown statement is no failure.
    rt::awaitable<rt::outcome<void>> cancel(std::string id, rt::deadline limit);

    // The newest statement with that tag on that warehouse since then, by the query history (which may lag).
    // since_us: calendar time.
    rt::awaitable<rt::outcome<std::optional<found_statement>>> find(query_tag tag,
                                                                    std::int64_t since_us,
                                                                    std::string warehouse_id,
                                                                    rt::deadline limit);

    // For idempotent DDL: slot, submit and wait; repeated after unknown outcomes, vanished statements and
    // transient failures (conflicts included) until the deadline, attempts_max times at most. The result may be lost.
    rt::awaitable<rt::outcome<statement_result>> run(statement what,
                                                     rt::deadline limit,
                                                     unsigned attempts_max = 5);
    // For reads: the same, and a lost result is read again.
    rt::awaitable<rt::outcome<statement_result>> read(statement what,
                                                      rt::deadline limit,
                                                      unsigned attempts_max = 5);

    // As statement_limits knows of this workspace's warehouse.
    bool takes_scripts(const std::string& warehouse_id) const;
    // Notes it, and returns true, if that is why a script failed: not what stands in it, but that it is one.
    bool note_if_no_scripts(const std::string& warehouse_id, const rt::failure& why);

    workspace& door() const noexcept { return door_; }

private:
    rt::awaitable<rt::outcome<statement_result>> fetch(statement_status status,
                                                       rt::deadline limit,
                                                       std::size_t rows_max);
    rt::awaitable<rt::outcome<statement_result>> run_once(const statement& what, rt::deadline limit);
    rt::awaitable<rt::outcome<statement_result>> repeat(statement what,
                                                        rt::deadline limit,
                                                        unsigned attempts_max,
                                                        bool needs_result);
    double unit();

    workspace& door_;
    statement_limits& limits_;
    rt::limiter& of_space_;
};

}  // namespace lakeferry::databricks
