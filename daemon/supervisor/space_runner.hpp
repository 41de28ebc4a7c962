// One space at work: resolves its calls, lands its rows when they are due, comes back after a defect.
#pragma once

#include "auth/token_source.hpp"
#include "daemon/schedule/plan.hpp"
#include "daemon/supervisor/space_erasures.hpp"
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
#include "sync/identity/holder_cache.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/profiles/connection_test.hpp"
#include "sync/profiles/space_sync.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/profiles/table_job.hpp"

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
    identity::holder_cache& holders;
    core::limits limits{};
    bool resolve_two_threads = true;
    bool align_runs = true;  // see run_plan
    // Clients are waiting for intake and there is room to let events wait. Empty: never.
    std::function<bool()> intake_busy{};
    // Everything that was accepted until now is on disk when it returns.
    std::function<rt::awaitable<rt::outcome<void>>()> flush_intake{};
    // Of this space: whose calls are dropped. Survives a reload.
    std::shared_ptr<intake::suppression_list> suppressed{};
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
    // A run that takes the schema over from another daemon; see space_sync::take_over().
    rt::awaitable<rt::outcome<profiles::run_report>> take_over();
    // Somebody says that the profiles of a schema that was taken over are settled: its notice ends. Fails as the store
    // does.
    rt::awaitable<rt::outcome<void>> settle_profiles();
    // Whether the calls of a topic are this daemon's to take; see space_sync::may_take_calls(). Also "space.stopped".
    rt::awaitable<rt::outcome<void>> may_take_calls(bool afresh);
    // What is planned, and why then.
    profiles::planned_run next_run() const;
    // By hand, until it is taken back, restarts included. Calls are still accepted and resolved. Fails as the store does.
    rt::awaitable<rt::outcome<void>> pause(bool on, std::string reason);
    bool paused() const noexcept { return config_->profiles_sync.paused || paused_by_hand_.on; }
    // Work on tables, written down for the next run. Failures: "backfill.…", "retype.…" (never), those of the store.
    rt::awaitable<rt::outcome<profiles::table_job>> add_job(profiles::table_job job);
    rt::awaitable<rt::outcome<std::vector<profiles::table_job>>> jobs();
    // The load journal; and what somebody decided about a load whose counts do not match (space_sync::resolve_load).
    rt::awaitable<rt::outcome<std::vector<profiles::load>>> loads();
    rt::awaitable<rt::outcome<void>> resolve_load(std::uint64_t load, bool resend);

    // People to be forgotten: begins as soon as no run goes. Shared with callers that may outlive this.
    const std::shared_ptr<space_erasures>& erasures() const noexcept { return erasures_; }
    void wake_erasures() { asked_.set(); }
    // What an erasure would remove. Failures: "space.stopped" (transient), those of space_erasures::count.
    rt::awaitable<rt::outcome<profiles::erasure>> count_erasure(erase_request what);
    // For the sources of the space.
    const std::shared_ptr<const intake::suppression>& suppression() const noexcept { return suppression_; }

    space_view view() const;
    // Shown in view(); nullptr: the space takes no calls from Kafka. Outlives this, or is taken back.
    void show_kafka(const intake::kafka_reader* reader) noexcept { kafka_ = reader; }
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
    struct count_request {
        rt::event done;
        std::optional<rt::outcome<profiles::erasure>> result{};
        explicit count_request(const boost::asio::any_io_executor& ex) : done(ex) {}
    };
    struct child_request {
        rt::event done;
        std::optional<rt::outcome<void>> result{};
        explicit child_request(const boost::asio::any_io_executor& ex) : done(ex) {}
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
    void make_erasures();
    std::unique_ptr<identity::resolver> make_resolver();
    rt::awaitable<rt::outcome<void>> while_not_resolving(std::function<rt::outcome<void>()> work);
    rt::awaitable<rt::outcome<void>> as_child(rt::awaitable<rt::outcome<void>> work);
    rt::awaitable<rt::outcome<void>> set_pause(bool on, std::string reason);
    rt::awaitable<void> read_pause();
    rt::awaitable<void> read_succession();
    rt::awaitable<rt::outcome<void>> forget_succession();
    rt::awaitable<void> look_whose_schema();
    // Why it is paused; empty: it is not.
    std::string pause_words() const;
    rt::awaitable<rt::outcome<void>> settle_loads();
    rt::awaitable<void> start_erasures(rt::task_group& tasks);
    rt::awaitable<void> run_erasures();
    rt::awaitable<void> run_count(erase_request what, std::shared_ptr<count_request> who);
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
    rt::limiter resolving_;  // who reads or writes the graph
    std::shared_ptr<const intake::suppression> suppression_;
    std::shared_ptr<space_erasures> erasures_;
    requests requests_{};
    std::optional<run_plan> plan_{};
    identity_view identity_{};
    std::string defect_{};
    std::string held_elsewhere_{};  // as found at a first start: another daemon keeps the schema
    const intake::kafka_reader* kafka_ = nullptr;
    struct hand_pause {
        bool on = false;
        std::int64_t at_us = 0;
        std::string reason{};
    };
    hand_pause paused_by_hand_{};
    bool stopped_ = false;
    std::uint64_t skipped_ = 0;
    std::uint64_t restarts_ = 0;
};

}  // namespace lakeferry::daemon
