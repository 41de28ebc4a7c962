#include "sync/databricks/warehouses.hpp"

#include <algorithm>
#include <utility>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

constexpr auto wait_max = std::chrono::minutes(20);

long long seconds_of(rt::duration d)
{
    return std::chrono::duration_cast<std::chrono::seconds>(d).count();
}

failure too_late(const std::string& id, rt::duration waited, const std::string& summary)
{
    std::string text = "The SQL warehouse " + id + " was not running after " + std::to_string(seconds_of(waited)) + " s";
    if (!summary.empty()) text += " (Databricks says: " + summary + ")";
    return {retry_class::transient, "warehouse.start_timeout", text + "."};
}

}  // namespace

// What all who wait for one warehouse share.
struct warehouse_registry::shared_wait {
    warehouse_wait shown{};
    warehouse_start_fsm decide{};
    bool led = false;          // somebody looks at the moment
    bool looked = false;
    bool was_started = false;
    std::optional<rt::outcome<warehouse_info>> ended{};
    std::list<seat*> seats{};  // those who wait, in order of arrival
};

// A caller's place: leaving it, by cancellation too, hands the looking to somebody else.
struct warehouse_registry::seat {
    warehouse_registry& registry;
    const key of;
    std::shared_ptr<shared_wait> wait;
    rt::event woken;
    bool leading = false;
    std::list<seat*>::iterator at;

    seat(warehouse_registry& r, key k, std::shared_ptr<shared_wait> w)
        : registry(r), of(std::move(k)), wait(std::move(w)), woken(r.ex_), at(wait->seats.insert(wait->seats.end(), this))
    {
        wait->shown.callers = wait->seats.size();
    }
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;
    ~seat()
    {
        wait->seats.erase(at);
        wait->shown.callers = wait->seats.size();
        // Also when this one was about to take over and is cancelled: somebody must look.
        if (leading || !wait->led) step_down();
        if (wait->seats.empty()) forget();
        registry.changed();
    }

    void step_down()
    {
        leading = false;
        wait->led = false;
        for (auto* other : wait->seats) {
            if (other == this) continue;
            other->woken.set();
            if (!wait->ended) return;  // one successor is enough
        }
    }
    // Callers from now on begin a new wait.
    void forget()
    {
        const auto found = registry.waits_.find(of);
        if (found != registry.waits_.end() && found->second == wait) registry.waits_.erase(found);
    }
};

warehouse_registry::warehouse_registry(boost::asio::any_io_executor ex, rt::time_source& clock, obs::log& log)
    : ex_(std::move(ex)), clock_(clock), log_(log)
{
}

warehouse_registry::~warehouse_registry()
{
    rt::check(waits_.empty(), "nobody waits for a warehouse any more when its registry goes");
}

rt::awaitable<rt::outcome<ready_warehouse>> warehouse_registry::ensure_running(workspace& door,
                                                                               std::string warehouse_id,
                                                                               rt::deadline limit)
{
    const auto since = clock_.now();
    const key of{door.host(), warehouse_id};
    auto& slot = waits_[of];
    if (!slot) {
        slot = std::make_shared<shared_wait>();
        slot->shown = {door.host(), warehouse_id, {}, warehouse_state::unknown, {}, since, 0};
    }
    seat mine(*this, of, slot);
    for (;;) {
        auto& wait = *mine.wait;
        if (wait.ended) {
            if (wait.ended->has_error()) co_return wait.ended->error();
            co_return ready_warehouse{**wait.ended, wait.was_started, clock_.now() - since};
        }
        if (!wait.led) {
            wait.led = mine.leading = true;
            const auto own = co_await lead(door, wait, limit);
            if (wait.ended) mine.forget();
            mine.step_down();
            if (own) co_return *own;
            continue;
        }
        mine.woken.clear();
        const auto ended = co_await rt::with_deadline(clock_, limit, mine.woken.wait());
        if (ended.has_error() && !wait.ended)
            co_return too_late(warehouse_id, clock_.now() - since, wait.shown.health_summary);
    }
}

// Looks until the wait has ended (for all), or until this caller cannot go on: then it says why.
rt::awaitable<std::optional<failure>> warehouse_registry::lead(workspace& door, shared_wait& wait, rt::deadline limit)
{
    const auto id = wait.shown.warehouse_id;
    for (;;) {
        const auto waited = clock_.now() - wait.shown.since;
        if (waited >= wait_max) {
            wait.ended = too_late(id, waited, wait.shown.health_summary);
            co_return std::nullopt;
        }
        if (limit.passed(clock_.now())) co_return too_late(id, waited, wait.shown.health_summary);
        auto info = co_await get_warehouse(door, id, limit);
        if (info.has_error()) co_return info.error();
        note(wait, *info);
        switch (wait.decide.answered(*info)) {
            case warehouse_start_fsm::action::done:
                if (wait.was_started)
                    log_.info("warehouse.running", "The SQL warehouse runs.",
                              {{"warehouse", id}, {"name", info->name}, {"host", door.host().host},
                               {"waited_s", seconds_of(clock_.now() - wait.shown.since)}});
                wait.ended = std::move(*info);
                co_return std::nullopt;
            case warehouse_start_fsm::action::give_up: wait.ended = start_failure(*info); co_return std::nullopt;
            case warehouse_start_fsm::action::request_start: {
                auto started = co_await start_warehouse(door, id, limit);
                if (started.has_error()) {
                    wait.decide.request_failed();
                    co_return started.error();
                }
                log_.info("warehouse.starting", "The SQL warehouse was asleep and is starting.",
                          {{"warehouse", id}, {"name", info->name}, {"host", door.host().host}, {"space", door.space()}});
                break;
            }
            case warehouse_start_fsm::action::pause: break;
        }
        const auto pause = wait.decide.pause(std::uniform_real_distribution<double>(0.0, 1.0)(door.rng()));
        co_await clock_.async_wait_until(std::min(clock_.now() + pause, limit.at()), boost::asio::use_awaitable);
    }
}

void warehouse_registry::note(shared_wait& wait, const warehouse_info& info)
{
    if (info.state != warehouse_state::running) wait.was_started = true;
    const bool same = wait.looked && wait.shown.state == info.state && wait.shown.health_summary == info.health_summary;
    wait.looked = true;
    wait.shown.state = info.state;
    wait.shown.name = info.name;
    wait.shown.health_summary = info.health_summary;
    if (!same) changed();
}

void warehouse_registry::changed()
{
    if (listener_) listener_();
}

std::vector<warehouse_wait> warehouse_registry::waiting() const
{
    std::vector<warehouse_wait> out;
    for (const auto& [of, wait] : waits_)
        if (wait->was_started) out.push_back(wait->shown);  // one that runs is not waited for
    return out;
}

}  // namespace lakeferry::databricks
