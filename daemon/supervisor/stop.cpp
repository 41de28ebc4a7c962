// Stopping: named steps in reverse order of construction, each with a budget. The sum of the budgets stays below
// TimeoutStopSec of the unit.
#include "daemon/supervisor/body.hpp"
#include "net/rt/offload.hpp"

namespace lakeferry::daemon {

namespace asio = boost::asio;

namespace {

using std::chrono::seconds;

constexpr rt::duration reload_budget = seconds(5);
constexpr rt::duration intake_budget = seconds(10);
constexpr rt::duration spaces_budget = seconds(10);
constexpr rt::duration committer_budget = seconds(10);
constexpr rt::duration control_budget = seconds(3);
constexpr rt::duration infra_budget = seconds(2);

}  // namespace

void daemon_core::body::hurry()
{
    for (auto* group : {&reloads, &intake_tasks, &control_tasks})
        group->cancel();
    if (live) live->spaces.hurry();
}

// Total first ("finish what you have in hand"); after the budget, or at once in a hurry, terminal. Always waits
// until the group is empty: nothing outlives its owner.
rt::awaitable<void> daemon_core::body::end(const char* step, rt::task_group& group, rt::duration budget,
                                           asio::cancellation_type gently)
{
    bool late = false;
    // Never total after terminal: the later signal would take the earlier one back (Asio 1.81).
    group.cancel(hurried ? asio::cancellation_type::terminal : gently);
    try {
        if (!hurried && group.size() != 0) {
            const auto limit = rt::deadline::in(parts.time, budget);
            late = (co_await rt::with_deadline(parts.time, limit, group.join())).has_error();
        }
        if (group.size() != 0) group.cancel();
        co_await group.join();
    } catch (const std::exception&) {
        hurried = true;  // run() itself was cancelled, or the group reported a defect before
    }
    if (group.size() != 0) {
        group.cancel();
        try {
            co_await group.join();
        } catch (const std::exception&) {
        }
    }
    if (late) parts.log.warn("daemon.stop_late", "A step of stopping exceeded its budget and was cut short", {{"step", step}});
}

rt::awaitable<void> daemon_core::body::end_spaces(rt::duration budget)
{
    const auto began = parts.time.now();
    try {
        co_await live->spaces.stop_all();
    } catch (const std::exception&) {
        hurried = true;
    }
    if (parts.time.now() - began > budget)
        parts.log.warn("daemon.stop_late", "A step of stopping exceeded its budget", {{"step", "spaces"}});
}

rt::awaitable<void> daemon_core::body::stop_everything()
{
    using kind = asio::cancellation_type;
    co_await end("reload", reloads, reload_budget, reloading ? kind::total : kind::terminal);
    co_await end("intake", intake_tasks, intake_budget, kind::total);
    // Runs that go are cut off; what runs on the warehouse is in the journal and adopted at the next start.
    if (live) co_await end_spaces(spaces_budget);
    // Whatever was accepted is written before the committer ends, however hurried.
    const bool in_a_hurry = std::exchange(hurried, false);
    co_await end("committer", committer, committer_budget, kind::total);
    hurried = hurried || in_a_hurry;
    co_await end("control", control_tasks, control_budget, kind::total);
    co_await end("infrastructure", infra, infra_budget, kind::terminal);
    listeners.clear();
    if (live) {
        // Closing syncs the store; it may block.
        auto store = std::move(live->store);
        live.reset();
        co_await rt::offload_uncancellable(parts.workers, [&store] { store.reset(); });
    }
}

}  // namespace lakeferry::daemon
