// SQL warehouses: looking, starting, and one wait for all who need one that sleeps.
// Databricks' public docs: REST API, SQL warehouses.
#pragma once

#include "net/rt/event.hpp"
#include "sync/databricks/rest.hpp"

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::databricks {

// The warehouse id in "/sql/1.0/warehouses/<id>" or "/sql/1.0/endpoints/<id>". Failures (never):
// "http_path.cluster" (the path of an all-purpose cluster), "http_path.malformed".
rt::outcome<std::string> parse_http_path(std::string_view path);

enum class warehouse_state { starting, running, stopping, stopped, deleting, deleted, unknown };
const char* to_string(warehouse_state s) noexcept;

struct warehouse_info {
    std::string id{};
    std::string name{};
    warehouse_state state = warehouse_state::unknown;
    std::string health{};          // "HEALTHY", "DEGRADED", "FAILED"; empty: not said
    std::string health_summary{};  // in Databricks' words
    std::string failure_code{};
    std::string failure_type{};
    std::string size{};            // "2X-Small"
    std::string type{};            // "CLASSIC", "PRO"
    bool serverless = false;
    int min_clusters = 0;
    int max_clusters = 0;
    int clusters = 0;
    int auto_stop_minutes = 0;     // 0: never
    std::string http_path{};
};
rt::outcome<warehouse_info> parse_warehouse(std::string_view body);
// The failed start in words: failure_reason, summary and what to do.
rt::failure start_failure(const warehouse_info& info);

// Failures of all: those of workspace::call.
rt::awaitable<rt::outcome<warehouse_info>> get_warehouse(workspace& door, std::string id, rt::deadline limit);
rt::awaitable<rt::outcome<std::vector<warehouse_info>>> list_warehouses(workspace& door, rt::deadline limit);
rt::awaitable<rt::outcome<void>> start_warehouse(workspace& door, std::string id, rt::deadline limit);
rt::awaitable<rt::outcome<void>> stop_warehouse(workspace& door, std::string id, rt::deadline limit);

// What to do next while a warehouse wakes. No I/O, no clock.
class warehouse_start_fsm {
public:
    enum class action { done, request_start, pause, give_up };
    action answered(const warehouse_info& info) noexcept;
    // The request was refused or lost: the next one who looks asks again.
    void request_failed() noexcept { start_requested_ = false; }
    // min(attempt, 10) s and up to one more.
    rt::duration pause(double unit) noexcept;
    bool start_requested() const noexcept { return start_requested_; }

private:
    bool start_requested_ = false;
    bool seen_starting_ = false;
    unsigned stopped_since_request_ = 0;
    unsigned attempt_ = 0;
};

// For status pages: a warehouse that somebody waits for.
struct warehouse_wait {
    http::origin host{};
    std::string warehouse_id{};
    std::string name{};
    warehouse_state state = warehouse_state::unknown;
    std::string health_summary{};
    rt::time_point since{};
    std::size_t callers = 0;
};

// How a wait ended, for budgets and metrics.
struct ready_warehouse {
    warehouse_info info{};
    bool was_started = false;     // it did not run when the first of the callers looked
    rt::duration waited{};        // by this caller
};

// One per daemon; outlives every space. All who need the same warehouse (host and id) share one wait: one
// of the callers looks, through his own door, the others sleep; when he is cancelled or may not look, the
// next one takes over, so nobody's credentials or life matter to the others. The start is requested once.
class warehouse_registry {
public:
    warehouse_registry(boost::asio::any_io_executor ex, rt::time_source& clock, obs::log& log);
    ~warehouse_registry();
    warehouse_registry(const warehouse_registry&) = delete;
    warehouse_registry& operator=(const warehouse_registry&) = delete;

    // Failures: workspace::call's (each caller's own), "warehouse.failed_to_start", "warehouse.deleted",
    // "warehouse.start_timeout" (20 minutes, or the caller's deadline; transient).
    rt::awaitable<rt::outcome<ready_warehouse>> ensure_running(workspace& door,
                                                               std::string warehouse_id,
                                                               rt::deadline limit);
    std::vector<warehouse_wait> waiting() const;
    // Called after every change of what waiting() says. Empty: nobody listens.
    void on_change(std::function<void()> listener) { listener_ = std::move(listener); }

private:
    using key = std::pair<http::origin, std::string>;
    struct shared_wait;
    struct seat;

    rt::awaitable<std::optional<rt::failure>> lead(workspace& door, shared_wait& wait, rt::deadline limit);
    void note(shared_wait& wait, const warehouse_info& info);
    void changed();

    boost::asio::any_io_executor ex_;
    rt::time_source& clock_;
    obs::log& log_;
    std::map<key, std::shared_ptr<shared_wait>> waits_;
    std::function<void()> listener_;
};

}  // namespace lakeferry::databricks
