// One space at work: resolves its calls, lands its rows when they are due, comes back after a defect.
#pragma once

#include "auth/token_source.hpp"
#include "daemon/schedule/plan.hpp"
#include "daemon/supervisor/views.hpp"
#include "net/http/client.hpp"
#include "net/obs/metrics.hpp"
#include "net/rt/backoff.hpp"
#include "net/rt/event.hpp"
#include "net/rt/limiter.hpp"
#include "net/rt/task_group.hpp"
#include "sync/core/space_config.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/databricks/warehouses.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/profiles/connection_test.hpp"
#include "sync/profiles/space_sync.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace lakeferry::daemon {

// What a space borrows from the daemon; all of it outlives run().
struct space_needs {
    boost::asio::any_io_executor loop;
    boost::asio::any_io_executor workers;
    rt::time_source& time;
    rt::wall_clock& wall;
    std::mt19937_64& rng;
    obs::log& log;
    obs::metrics& metrics;
    store::store& store;
    http::client& client;
    const auth::credential_store& credentials;
    databricks::statement_limits& statement_limits;
    databricks::warehouse_registry& warehouses;
    rt::limiter& staging;
    core::limits limits{};
    bool resolve_two_threads = true;
    // Clients are waiting for intake and there is room to let events wait. Empty: never.
    std::function<bool()> intake_busy{};
};

// Owner: the daemon, which spawns run() once in a group of its own and joins it before this goes. Loop thread only.
// The constructor does no I/O.
class space_runner {
public:
    space_runner(space_needs needs, std::shared_ptr<const core::space_config> config, std::uint32_t number,
                 std::uint64_t generation);
    ~space_runner();
    space_runner(const space_runner&) = delete;
    space_runner& operator=(const space_runner&) = delete;

    // The life of the space: ends when it is cancelled, with nothing left. Loads that run on the warehouse are left to
    // the next start, which adopts them.
    rt::awaitable<void> run();

    // New calls are in the store.
    void wake();
    // A run as soon as the calls that are here are resolved and no other run goes. The answer comes when it has ended.
    // Failures: "space.stopped" (transient), those of space_sync::run. Cancelling the caller leaves the run alone.
    rt::awaitable<rt::outcome<profiles::run_report>> sync_now();
    // The same without waiting.
    void request_sync();
    // By hand, until the daemon or the space restarts. Calls are still accepted and resolved.
    void pause(bool on);

    space_view view() const;
    const core::space_config& config() const noexcept { return *config_; }
    std::uint32_t number() const noexcept { return number_; }
    // Test Connection with what the space itself uses. Ends with "space.stopped" when the space does.
    rt::awaitable<rt::outcome<profiles::connection_report>> check(bool wake);

private:
    struct request {
        rt::event done;
        std::optional<rt::outcome<profiles::run_report>> result{};
        explicit request(const boost::asio::any_io_executor& ex) : done(ex) {}
    };
    struct check_request {
        rt::event done;
        std::optional<profiles::connection_report> result{};
        explicit check_request(const boost::asio::any_io_executor& ex) : done(ex) {}
    };
    using requests = std::vector<std::shared_ptr<request>>;
    struct counters {
        std::uint64_t& calls;
        std::uint64_t& duplicates;
        std::uint64_t& rows;
        std::uint64_t& rescued;
        std::uint64_t& resolve_failures;
        std::uint64_t& runs;
        std::uint64_t& runs_failed;
        std::uint64_t& rows_landed;
        std::uint64_t& skipped;
        std::uint64_t& restarts;
    };

    rt::awaitable<void> loops();
    rt::awaitable<void> resolve_loop();
    rt::awaitable<bool> resolve_step(rt::backoff& patience);
    rt::awaitable<void> let_intake_go_first();
    rt::awaitable<void> sync_loop(rt::task_group& tasks);
    rt::awaitable<void> wait_until_due(rt::task_group& tasks, run_plan& plan);
    rt::awaitable<void> answer_requests(rt::task_group& tasks, run_plan& plan);
    rt::awaitable<void> run_check(bool wake, std::shared_ptr<check_request> who);
    rt::awaitable<void> run_once(std::string trigger, requests who);
    rt::awaitable<std::int64_t> last_start_us();
    void fail_requests(const rt::failure& why);
    void note(const identity::resolve_result& r);
    double unit();

    space_needs needs_;
    std::shared_ptr<const core::space_config> config_;
    std::uint32_t number_;
    std::uint64_t generation_;
    counters counts_;
    rt::task_group refreshes_;
    rt::task_group checks_;
    std::unique_ptr<auth::token_source> tokens_;
    databricks::workspace door_;
    rt::limiter of_space_;
    databricks::statements statements_;
    profiles::space_sync sync_;
    std::unique_ptr<identity::resolver> resolver_;

    rt::event events_;     // calls wait
    rt::event drained_;    // every call that was here is resolved, or cannot be for now
    rt::event asked_;      // requests_ is not empty, or a switch was turned
    rt::event idle_;       // no run goes
    requests requests_{};
    std::optional<run_plan> plan_{};
    identity_view identity_{};
    std::string defect_{};
    bool paused_by_hand_ = false;
    bool stopped_ = false;
    std::uint64_t skipped_ = 0;
    std::uint64_t restarts_ = 0;
};

}  // namespace lakeferry::daemon
