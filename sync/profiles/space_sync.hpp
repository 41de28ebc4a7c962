// Profiles Sync of one space: carries the rows that identity resolution left in the outbox into the managed
// tables of a Databricks workspace. See docs/architecture.md, "The way of a statement".
#pragma once

#include "net/obs/log.hpp"
#include "net/rt/deadline.hpp"
#include "net/rt/failure.hpp"
#include "net/rt/limiter.hpp"
#include "sync/core/space_config.hpp"
#include "sync/core/table.hpp"
#include "sync/profiles/run_report.hpp"
#include "sync/store/store.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace lakeferry::databricks {
class statements;
class workspace;
class warehouse_registry;
}  // namespace lakeferry::databricks

namespace lakeferry::profiles {

struct planned_run {
    std::int64_t at_us = 0;  // 0: none
    std::string why{};       // "every 1h", "paused by hand"
};

// What a space borrows; the owner keeps all of it until run() has returned.
struct sync_parts {
    rt::time_source& time;
    rt::wall_clock& wall;
    std::mt19937_64& rng;
    obs::log& log;
    boost::asio::any_io_executor loop;
    boost::asio::any_io_executor workers;
    store::store& store;
    databricks::workspace& door;
    databricks::statements& statements;
    databricks::warehouse_registry& warehouses;
    rt::limiter& staging;  // one lease per file in memory, all spaces together
    // The tables of the space, as identity resolution fills them. Called on a worker.
    std::function<rt::outcome<std::vector<core::table>>()> tables;
    // Runs `work` on a worker while identity resolution pauses, which then reads its tables anew. Empty: there is none.
    std::function<rt::awaitable<rt::outcome<void>>(std::function<rt::outcome<void>()> work)> while_not_resolving{};
    std::string host{};  // of this machine, for people who find its name in the schema
    // How many calls of the space were ever refused. Called on a worker. Empty: nobody counts.
    std::function<rt::outcome<std::uint64_t>()> refused{};
    // When the next run is planned. Empty: nobody plans.
    std::function<planned_run()> next{};
};

enum class sync_phase { idle, settling, waiting_for_warehouse, structure, loading, fencing };
const char* to_string(sync_phase p) noexcept;

struct sync_status {
    sync_phase phase = sync_phase::idle;
    std::string activity{};  // a sentence: "waiting for warehouse w1: STARTING for 42 s"
    std::optional<run_report> running{};
    std::optional<run_report> last{};        // ended
    std::int64_t last_success_us = 0;        // wall clock; 0: never
    unsigned failures_in_a_row = 0;
    std::string error_id{};                  // of the last run, empty after a success
    std::string error{};
};

// One run at a time. Nothing runs between runs: no timer, no connection of its own.
class space_sync {
public:
    space_sync(sync_parts parts, std::shared_ptr<const core::space_config> config, core::limits limits,
               std::uint32_t space_number);
    ~space_sync();
    space_sync(const space_sync&) = delete;
    space_sync& operator=(const space_sync&) = delete;

    // Lands everything resolved so far. With nothing to land (and no unfinished load) it touches neither
    // network nor warehouse and answers a report of zero rows that is not kept in the history. Fails only with
    // "sync.running" (another run goes) and failures of the store; all else is in the report. Cancelling
    // leaves journalled loads to the next run, which adopts them.
    rt::awaitable<rt::outcome<run_report>> run(std::string trigger);

    // True if rows wait or a load is unfinished. Blocking reads on a worker.
    rt::awaitable<rt::outcome<bool>> due();

    // The next run takes the schema over if another daemon has it, and begins even with nothing to land. Only for one
    // run; the other daemon stops landing, and what it still has on its way changes no keyed table any more.
    void take_over() noexcept;

    // Whether calls that only one daemon may take are this one's: whose is the schema? See lease::allowed().
    rt::awaitable<rt::outcome<void>> may_take_calls(bool afresh, rt::deadline limit);

    // A load whose counts do not match waits for this. accept: its rows are there, as far as they are to be. resend: they
    // are sent anew by a statement that leaves out what the table has. Not while a run goes. Failures: "load.unknown",
    // "load.not_stuck" (never), those of the store.
    rt::awaitable<rt::outcome<void>> resolve_load(std::uint64_t load, bool resend);

    const sync_status& status() const noexcept;
    // The newest report of an earlier process, for status(). Ignored once a run has ended here.
    void remember(const run_report& last);

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace lakeferry::profiles
