// A scripted Databricks workspace for the test world: the REST API as an http::service on virtual time, with
// switches for everything that goes wrong, and a ledger of everything that it accepted.
#pragma once

#include "net/http/server.hpp"
#include "net/rt/event.hpp"
#include "net/rt/task_group.hpp"
#include "net/rt/time.hpp"
#include "sync/databricks/statement_messages.hpp"
#include "tests/support/fake_databricks/fake_tables.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::fake_databricks {

// A statement as the executor sees it, at the moment at which it takes effect.
struct statement_call {
    std::string id{};
    databricks::statement what{};
    std::string principal{};
};

struct executed {
    std::vector<databricks::result_column> columns{};
    std::vector<databricks::result_row> rows{};
    std::optional<databricks::statement_error> error{};
};
// {num_affected_rows, num_inserted_rows, …} as a MERGE answers; or the error.
executed merge_answer(const change& c);
executed insert_answer(const change& c);  // affected, inserted, skipped_corrupt_files
executed ddl_answer(std::optional<databricks::statement_error> error = {});
executed failed(databricks::statement_error error);

using executor = std::function<executed(const statement_call&)>;

// One thing that goes wrong, for requests whose method and path match (empty: any; `path` is a part of the target).
enum class fault_kind {
    throttled,          // 429
    unavailable,        // 503
    bad_gateway,        // 502, HTML body
    gateway_timeout,    // 504, text body, after the effect
    html,               // 200 with a page
    redirect,           // 302 to the login page
    lost_before,        // never arrives, never answered
    lost_after,         // takes effect, never answered
    refused_token,      // 403 "Invalid access token.", once per request
    denied,             // 403 PERMISSION_DENIED with `text`
    slow                // answered after `pause`
};
struct fault {
    fault_kind kind = fault_kind::unavailable;
    std::string method{};
    std::string path{};
    unsigned times = 1;
    std::optional<unsigned> retry_after_s{};
    std::string text{};
    rt::duration pause{};
};

// What happens to statements, by a part of their text (empty: any).
enum class statement_fault_kind {
    fails,          // with `error`, without effect
    ends_script,    // with `error`, at the part of a script that holds the text; the parts before it take effect
    closed,         // takes effect, ends as CLOSED
    vanishes,       // takes effect, then 404
    canceled,       // ends as CANCELED without effect
    stalls,         // takes effect only after `pause` more
    fails_after     // takes effect, ends as FAILED with `error` (2DKD0)
};
struct statement_fault {
    statement_fault_kind kind = statement_fault_kind::fails;
    std::string text{};
    unsigned times = 1;
    databricks::statement_error error{};
    rt::duration pause{};
};

// Chances of faults for seeded runs, in per mille of requests.
struct weather {
    unsigned throttled = 0;
    unsigned unavailable = 0;
    unsigned lost_before = 0;
    unsigned lost_after = 0;
    unsigned revoked = 0;       // all tokens become invalid
    unsigned gateway_timeout = 0;
    unsigned statement_closed = 0;
    unsigned statement_conflict = 0;  // 2D521
    unsigned statement_vanishes = 0;
};

struct fake_warehouse {
    std::string id{};
    std::string name{"Starter"};
    std::string state{"STOPPED"};
    rt::duration cold_start = std::chrono::seconds(30);
    bool start_fails = false;     // ends STOPPED with a failure_reason
    bool forbidden = false;
    std::string health_summary{};
    std::string failure_code{};
    bool serverless = false;
    unsigned starts = 0;          // how often it was started
};

struct ledger_entry {
    rt::time_point at{};
    std::string method{};
    std::string target{};
    unsigned status = 0;          // 0: never answered
    std::string statement_id{};   // of a submit
};

struct fake_settings {
    std::string host{"https://dbc-1.test"};
    std::string client_id{"5f2c0000-0000-4000-8000-000000000001"};
    std::string client_secret{"right-secret"};
    std::chrono::seconds token_life{3600};
    std::set<std::string> static_tokens{};
    rt::duration statement_time = std::chrono::milliseconds(300);
    rt::duration answer_time = std::chrono::milliseconds(5);
    bool has_metastore = true;
    std::vector<std::string> catalogs{"main"};
    std::set<std::string> entitlements{"databricks-sql-access"};
    std::set<std::string> groups{};
    bool all_privileges = true;   // else only what was granted
    std::size_t rows_per_chunk = 10000;
    std::size_t list_page_size = 1000;
};

// Loop thread only. Statements live in `tasks`, whose owner cancels and joins it before this goes.
class fake_workspace final : public http::service {
public:
    fake_workspace(rt::time_source& clock, rt::wall_clock& calendar, rt::task_group& tasks,
                   std::mt19937_64& rng, fake_settings settings);
    ~fake_workspace() override;

    // http::service
    std::optional<http::response> admit(const http::request_head& head) override;
    std::size_t body_limit(const http::request_head& head) override;
    http::response refuse_large(const http::request_head& head, std::size_t limit) override;
    http::response refuse_malformed(unsigned status, std::string_view why) override;
    rt::awaitable<http::response> handle(http::request what) override;

    // Script.
    void execute_with(executor how) { executor_ = std::move(how); }
    void add_warehouse(fake_warehouse w);
    fake_warehouse& warehouse(const std::string& id);
    void stop_warehouse(const std::string& id);
    void inject(fault f) { faults_.push_back(std::move(f)); }
    void clear_faults() { faults_.clear(); }
    void inject(statement_fault f) { statement_faults_.push_back(std::move(f)); }
    void set_weather(weather w) { weather_ = w; }
    void revoke_tokens() { tokens_.clear(); }
    void rotate_secret(std::string secret) { settings_.client_secret = std::move(secret); }
    void grant(const std::string& securable, const std::string& full_name, const std::string& privilege);
    void revoke(const std::string& securable, const std::string& full_name, const std::string& privilege);
    bool allowed(const std::string& securable, const std::string& full_name, const std::string& privilege) const;
    fake_settings& settings() noexcept { return settings_; }

    // State.
    fake_tables tables{};
    std::map<std::string, std::string> files{};  // by decoded path
    std::set<std::string> volumes{};             // "main.acme.lakeferry"
    std::vector<ledger_entry> ledger{};
    // Reads a staged file for copy_into. What cannot be read counts as not there, and stderr says why.
    fake_tables::file_reader file_reader(file_request how = {}) const;

    // Counters for oracles.
    unsigned tokens_issued = 0;
    unsigned token_requests_in_flight = 0;
    unsigned token_requests_in_flight_max = 0;
    unsigned statements_accepted = 0;
    unsigned statements_running = 0;
    unsigned statements_running_max = 0;
    std::size_t statements_open() const;  // accepted and not ended

    struct statement_record;
    const statement_record* statement(const std::string& id) const;

private:
    using answer = std::optional<http::response>;  // nullopt: lost

    rt::awaitable<answer> answer_one(const http::request& what, std::size_t entry);
    http::response route(const http::request& what, std::size_t entry);
    std::optional<fault> weather_fault();
    std::optional<fault> take_fault(const http::request& what);
    std::optional<statement_fault> take_statement_fault(const std::string& text);
    http::response token(const http::request& what);
    std::optional<http::response> authenticate(const http::request& what) const;
    http::response warehouses(const http::request& what);
    http::response submit(const http::request& what, std::size_t entry);
    http::response statement_verb(const http::request& what);
    http::response statement_answer(const statement_record& of) const;
    std::optional<http::response> refuse_warehouse(const std::string& id) const;
    http::response history(const http::request& what);
    http::response file_call(const http::request& what);
    http::response directory_call(const http::request& what);
    http::response unity(const http::request& what);
    http::response unity_list(const http::request& what, bool of_tables);
    http::response effective_permissions(const http::request& what);
    http::response me() const;
    http::response warehouse_answer(const fake_warehouse& w) const;
    void start(fake_warehouse& w);
    void take_effect(statement_record& of);
    rt::awaitable<void> wake(std::string id);
    rt::awaitable<void> live(std::shared_ptr<statement_record> mine);
    rt::awaitable<bool> until_running(std::string warehouse_id);
    bool chance(unsigned per_mille);

    rt::time_source& clock_;
    rt::wall_clock& calendar_;
    rt::task_group& tasks_;
    std::mt19937_64& rng_;
    fake_settings settings_;
    executor executor_;
    weather weather_{};
    std::deque<fault> faults_;
    std::deque<statement_fault> statement_faults_;
    std::set<std::string> directories_;
    std::map<std::string, fake_warehouse> warehouses_;
    std::map<std::string, rt::time_point> tokens_;  // token → expiry
    std::map<std::string, std::shared_ptr<statement_record>> statements_;
    std::set<std::string> grants_;
    std::uint64_t sequence_ = 0;
};

// A statement in the life of the fake.
struct fake_workspace::statement_record {
    std::string id{};
    databricks::statement what{};
    std::string principal{};
    databricks::statement_state state = databricks::statement_state::pending;
    std::optional<statement_fault> fault{};
    executed result{};
    bool cancel_asked = false;
    bool vanished = false;
    bool took_effect = false;
    std::int64_t submitted_ms = 0;
};

}  // namespace lakeferry::fake_databricks
