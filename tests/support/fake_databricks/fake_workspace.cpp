#include "tests/support/fake_databricks/fake_workspace.hpp"

#include "tests/support/fake_databricks/answers.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace lakeferry::fake_databricks {

namespace json = boost::json;
using databricks::statement_state;
using detail::error_answer;
using detail::json_answer;

namespace {

// Longer than any client waits.
constexpr auto never_answered = std::chrono::minutes(30);

std::string_view path_of(const http::request& what)
{
    return http::split_target(what.target).first;
}

databricks::result_column bigint(const char* name)
{
    return {name, "BIGINT"};
}

}  // namespace

executed failed(databricks::statement_error error)
{
    executed out;
    out.error = std::move(error);
    return out;
}

executed ddl_answer(std::optional<databricks::statement_error> error)
{
    executed out;
    out.error = std::move(error);
    return out;
}

executed merge_answer(const change& c)
{
    if (c.error) return failed(*c.error);
    executed out;
    out.columns = {bigint("num_affected_rows"), bigint("num_updated_rows"), bigint("num_deleted_rows"), bigint("num_inserted_rows")};
    out.rows = {{std::to_string(c.affected()), std::to_string(c.updated), std::to_string(c.deleted), std::to_string(c.inserted)}};
    return out;
}

executed insert_answer(const change& c)
{
    if (c.error) return failed(*c.error);
    executed out;
    out.columns = {bigint("num_affected_rows"), bigint("num_inserted_rows"), bigint("num_skipped_corrupt_files")};
    out.rows = {{std::to_string(c.affected()), std::to_string(c.inserted), std::to_string(c.skipped_files)}};
    return out;
}

fake_workspace::fake_workspace(rt::time_source& clock, rt::wall_clock& calendar, rt::task_group& tasks,
                               std::mt19937_64& rng, fake_settings settings)
    : clock_(clock), calendar_(calendar), tasks_(tasks), rng_(rng), settings_(std::move(settings))
{
    executor_ = [](const statement_call&) { return executed{{{"1", "INT"}}, {{"1"}}, {}}; };
}

fake_workspace::~fake_workspace() = default;

std::optional<http::response> fake_workspace::admit(const http::request_head&)
{
    return std::nullopt;
}

std::size_t fake_workspace::body_limit(const http::request_head&)
{
    return 512U << 20;
}

http::response fake_workspace::refuse_large(const http::request_head&, std::size_t)
{
    return error_answer(413, "INVALID_PARAMETER_VALUE", "too large");
}

http::response fake_workspace::refuse_malformed(unsigned status, std::string_view why)
{
    return error_answer(status, "BAD_REQUEST", why);
}

rt::awaitable<http::response> fake_workspace::handle(http::request what)
{
    const auto entry = ledger.size();
    ledger.push_back({clock_.now(), what.method, what.target, 0, {}});
    auto got = co_await answer_one(what, entry);
    if (!got) {
        co_await rt::sleep_for(clock_, never_answered);
        co_return http::text_response(504, "nobody should have waited for this");
    }
    ledger[entry].status = got->status;
    got->fields.set("x-request-id", "req-" + std::to_string(entry));
    co_return std::move(*got);
}

bool fake_workspace::chance(unsigned per_mille)
{
    return per_mille > 0 && std::uniform_int_distribution<unsigned>(0, 999)(rng_) < per_mille;
}

std::optional<fault> fake_workspace::take_fault(const http::request& what)
{
    for (auto it = faults_.begin(); it != faults_.end(); ++it) {
        const bool fits = (it->method.empty() || it->method == what.method) &&
                          (it->path.empty() || what.target.find(it->path) != std::string::npos);
        if (!fits) continue;
        auto out = *it;
        if (--it->times == 0) faults_.erase(it);
        return out;
    }
    return weather_fault();
}

std::optional<fault> fake_workspace::weather_fault()
{
    if (chance(weather_.revoked)) revoke_tokens();
    fault out;
    if (chance(weather_.throttled)) {
        out.kind = fault_kind::throttled;
        if (chance(500)) out.retry_after_s = 2;
    } else if (chance(weather_.unavailable)) {
        out.kind = fault_kind::unavailable;
        if (chance(500)) out.retry_after_s = 1;
    } else if (chance(weather_.lost_before)) {
        out.kind = fault_kind::lost_before;
    } else if (chance(weather_.lost_after)) {
        out.kind = fault_kind::lost_after;
    } else if (chance(weather_.gateway_timeout)) {
        out.kind = fault_kind::gateway_timeout;
    } else {
        return std::nullopt;
    }
    return out;
}

std::optional<statement_fault> fake_workspace::take_statement_fault(const std::string& text)
{
    for (auto it = statement_faults_.begin(); it != statement_faults_.end(); ++it) {
        if (!it->text.empty() && text.find(it->text) == std::string::npos) continue;
        if (it->kind == statement_fault_kind::ends_script && text.find("BEGIN\n") == std::string::npos) continue;
        auto out = *it;
        if (--it->times == 0) statement_faults_.erase(it);
        return out;
    }
    if (chance(weather_.statement_conflict))
        return statement_fault{statement_fault_kind::fails, {}, 1,
                               sql_error("2D521", "DELTA_CONCURRENT_APPEND", "Files were added by a concurrent update."), {}};
    if (chance(weather_.statement_closed)) return statement_fault{statement_fault_kind::closed, {}, 1, {}, {}};
    if (chance(weather_.statement_vanishes)) return statement_fault{statement_fault_kind::vanishes, {}, 1, {}, {}};
    return std::nullopt;
}

rt::awaitable<fake_workspace::answer> fake_workspace::answer_one(const http::request& what, std::size_t entry)
{
    struct counted {
        unsigned* of;
        ~counted()
        {
            if (of != nullptr) --*of;
        }
    } token_request{nullptr};
    if (path_of(what) == "/oidc/v1/token") {
        token_request.of = &token_requests_in_flight;
        token_requests_in_flight_max = std::max(token_requests_in_flight_max, ++token_requests_in_flight);
    }
    co_await rt::sleep_for(clock_, settings_.answer_time);
    const auto wrong = take_fault(what);
    if (!wrong) co_return route(what, entry);
    http::response out;
    switch (wrong->kind) {
        case fault_kind::throttled: out = error_answer(429, "REQUEST_LIMIT_EXCEEDED", "Too many requests."); break;
        case fault_kind::unavailable: out = error_answer(503, "TEMPORARILY_UNAVAILABLE", "The service is taking too long."); break;
        case fault_kind::bad_gateway:
            out = http::text_response(502, "<html><head><title>502 Bad Gateway</title></head><body></body></html>");
            out.fields.set("Content-Type", "text/html");
            break;
        case fault_kind::gateway_timeout:
            (void)route(what, entry);
            out = http::text_response(504, "DEADLINE_EXCEEDED: Deadline exceeded when awaiting statement ID");
            break;
        case fault_kind::html:
            out = http::text_response(200, "<!DOCTYPE html><html><head><title>Sign in</title></head></html>");
            out.fields.set("Content-Type", "text/html; charset=utf-8");
            break;
        case fault_kind::redirect:
            out = http::text_response(302, "");
            out.fields.set("Location", wrong->text.empty() ? "/login.html?error=private-link-validation-error:1" : wrong->text);
            break;
        case fault_kind::lost_before: co_return std::nullopt;
        case fault_kind::lost_after: (void)route(what, entry); co_return std::nullopt;
        case fault_kind::refused_token:
            out = json_answer({{"error_code", 403}, {"message", "Invalid access token."}}, 403);
            out.fields.set("x-databricks-reason-phrase", "Invalid access token.");
            break;
        case fault_kind::denied: out = error_answer(403, "PERMISSION_DENIED", wrong->text); break;
        case fault_kind::slow: co_await rt::sleep_for(clock_, wrong->pause); co_return route(what, entry);
    }
    if (wrong->retry_after_s) out.fields.set("Retry-After", std::to_string(*wrong->retry_after_s));
    co_return out;
}

http::response fake_workspace::route(const http::request& what, std::size_t entry)
{
    const auto path = path_of(what);
    if (path == "/oidc/.well-known/oauth-authorization-server")
        return json_answer({{"authorization_endpoint", settings_.host + "/oidc/v1/authorize"},
                            {"token_endpoint", settings_.host + "/oidc/v1/token"}});
    if (path == "/oidc/v1/token") return token(what);
    if (auto refused = authenticate(what)) return *refused;
    if (path.starts_with("/api/2.0/sql/warehouses")) return warehouses(what);
    if (path == "/api/2.0/sql/statements" && what.method == "POST") return submit(what, entry);
    if (path.starts_with("/api/2.0/sql/statements/")) return statement_verb(what);
    if (path == "/api/2.0/sql/history/queries") return history(what);
    if (path.starts_with("/api/2.0/fs/files/")) return file_call(what);
    if (path.starts_with("/api/2.0/fs/directories/")) return directory_call(what);
    if (path.starts_with("/api/2.1/unity-catalog/")) return unity(what);
    if (path == "/api/2.0/preview/scim/v2/Me") return me();
    return error_answer(404, "ENDPOINT_NOT_FOUND", "No API found for '" + what.method + " " + std::string(path) + "'");
}

void fake_workspace::grant(const std::string& securable, const std::string& full_name, const std::string& privilege)
{
    grants_.insert(securable + "|" + detail::lower(full_name) + "|" + privilege);
}

void fake_workspace::revoke(const std::string& securable, const std::string& full_name, const std::string& privilege)
{
    grants_.erase(securable + "|" + detail::lower(full_name) + "|" + privilege);
}

// Privileges are inherited downwards.
bool fake_workspace::allowed(const std::string& securable, const std::string& full_name, const std::string& privilege) const
{
    if (settings_.all_privileges) return true;
    auto name = detail::lower(full_name);
    auto kind = securable;
    for (;;) {
        if (grants_.contains(kind + "|" + name + "|" + privilege)) return true;
        const auto dot = name.rfind('.');
        if (dot == std::string::npos) return false;
        name.resize(dot);
        kind = name.find('.') == std::string::npos ? "catalog" : "schema";
    }
}

fake_tables::file_reader fake_workspace::file_reader(file_request how) const
{
    return [this, how = std::move(how)](const std::string& path) -> std::optional<std::vector<row>> {
        const auto found = files.find(path);
        if (found == files.end()) return std::nullopt;
        std::string why;
        auto rows = read_staged(found->second, how, why);
        if (!rows) std::fprintf(stderr, "the staged file %s: %s\n", path.c_str(), why.c_str());
        return rows;
    };
}

}  // namespace lakeferry::fake_databricks
