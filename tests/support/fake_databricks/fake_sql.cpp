// Tokens, warehouses and statements of the scripted workspace.
#include "net/http/message.hpp"
#include "tests/support/fake_databricks/answers.hpp"
#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/fake_databricks/recording.hpp"

#include <boost/json/parse.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace lakeferry::fake_databricks {

namespace json = boost::json;
using databricks::statement_state;
using detail::error_answer;
using detail::json_answer;

namespace {

std::string text_of(const json::object& in, std::string_view key)
{
    const auto* v = in.if_contains({key.data(), key.size()});
    if (v == nullptr || !v->is_string()) return {};
    return {v->get_string().data(), v->get_string().size()};
}

std::string base64(const std::string& plain)
{
    std::string out(4 * ((plain.size() + 2) / 3) + 1, '\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(plain.data()), static_cast<int>(plain.size()));
    out.resize(static_cast<std::size_t>(n));
    return out;
}

std::optional<databricks::statement> parse_submit(const std::string& body)
{
    boost::system::error_code ec;
    const auto value = json::parse(body, ec);
    if (ec || !value.is_object()) return std::nullopt;
    const auto& in = value.get_object();
    databricks::statement out;
    out.text = text_of(in, "statement");
    out.warehouse_id = text_of(in, "warehouse_id");
    out.catalog = text_of(in, "catalog");
    out.schema = text_of(in, "schema");
    if (const auto* all = in.if_contains("parameters")) {
        for (const auto& one : all->as_array()) {
            const auto& p = one.as_object();
            databricks::parameter to{text_of(p, "name"), text_of(p, "type"), {}};
            if (p.contains("value") && p.at("value").is_string()) to.value = text_of(p, "value");
            out.parameters.push_back(std::move(to));
        }
    }
    if (const auto* all = in.if_contains("query_tags")) {
        for (const auto& one : all->as_array())
            out.tags.push_back({text_of(one.as_object(), "key"), text_of(one.as_object(), "value")});
    }
    return out;
}

json::array rows_of(const std::vector<databricks::result_row>& rows, std::size_t from, std::size_t count)
{
    json::array out;
    for (std::size_t i = from; i < std::min(rows.size(), from + count); ++i) {
        json::array cells;
        for (const auto& c : rows[i]) {
            if (c)
                cells.emplace_back(json::string(*c));
            else
                cells.emplace_back(nullptr);
        }
        out.push_back(std::move(cells));
    }
    return out;
}

json::object chunk_of(const fake_workspace::statement_record& of, std::size_t index, std::size_t per_chunk)
{
    json::object out;
    out["chunk_index"] = index;
    out["row_offset"] = index * per_chunk;
    out["data_array"] = rows_of(of.result.rows, index * per_chunk, per_chunk);
    if ((index + 1) * per_chunk < of.result.rows.size()) {
        out["next_chunk_index"] = index + 1;
        out["next_chunk_internal_link"] = "/api/2.0/sql/statements/" + of.id + "/result/chunks/" + std::to_string(index + 1) +
                                          "?row_offset=" + std::to_string((index + 1) * per_chunk);
    }
    return out;
}

const char* history_status(statement_state s)
{
    switch (s) {
        case statement_state::pending: return "QUEUED";
        case statement_state::running: return "RUNNING";
        case statement_state::failed: return "FAILED";
        case statement_state::canceled: return "CANCELED";
        case statement_state::succeeded:
        case statement_state::closed:
        case statement_state::unknown: break;
    }
    return "FINISHED";
}

}  // namespace

http::response fake_workspace::token(const http::request& what)
{
    const auto wanted = "Basic " + base64(settings_.client_id + ":" + settings_.client_secret);
    if (what.fields.find("Authorization") != std::optional<std::string_view>(wanted))
        return json_answer({{"error", "invalid_client"}, {"error_description", "Client authentication failed"}}, 401);
    ++tokens_issued;
    const auto text = "token-" + std::to_string(tokens_issued);
    tokens_[text] = clock_.now() + settings_.token_life;
    return json_answer({{"access_token", text}, {"token_type", "Bearer"}, {"expires_in", settings_.token_life.count()},
                        {"scope", "all-apis"}});
}

std::optional<http::response> fake_workspace::authenticate(const http::request& what) const
{
    const auto given = what.fields.find("Authorization").value_or("");
    if (!given.starts_with("Bearer "))
        return error_answer(401, "401", "Credential was not sent or was of an unsupported type for this API.");
    const std::string text(given.substr(7));
    const auto found = tokens_.find(text);
    if (settings_.static_tokens.contains(text) || (found != tokens_.end() && clock_.now() < found->second))
        return std::nullopt;
    auto out = json_answer({{"error_code", 403}, {"message", "Invalid access token."}}, 403);
    out.fields.set("x-databricks-reason-phrase", "Invalid access token.");
    return out;
}

void fake_workspace::add_warehouse(fake_warehouse w)
{
    const auto id = w.id;
    warehouses_[id] = std::move(w);
}

fake_warehouse& fake_workspace::warehouse(const std::string& id)
{
    return warehouses_.at(id);
}

void fake_workspace::stop_warehouse(const std::string& id)
{
    warehouses_.at(id).state = "STOPPED";
}

void fake_workspace::start(fake_warehouse& w)
{
    if (w.state != "STOPPED") return;
    w.state = "STARTING";
    ++w.starts;
    tasks_.spawn("warehouse " + w.id, wake(w.id), rt::on_error::log_and_continue);
}

rt::awaitable<void> fake_workspace::wake(std::string id)
{
    co_await rt::sleep_for(clock_, warehouses_.at(id).cold_start);
    auto& w = warehouses_.at(id);
    if (w.state != "STARTING") co_return;
    w.state = w.start_fails ? "STOPPED" : "RUNNING";
    if (w.start_fails && w.failure_code.empty()) w.failure_code = "INSUFFICIENT_INSTANCE_CAPACITY";
}

std::optional<http::response> fake_workspace::refuse_warehouse(const std::string& id) const
{
    const auto found = warehouses_.find(id);
    if (found == warehouses_.end())
        return error_answer(404, "RESOURCE_DOES_NOT_EXIST", "SQL warehouse " + id + " does not exist");
    if (!settings_.entitlements.contains("databricks-sql-access"))
        return error_answer(403, "PERMISSION_DENIED",
                            "This API is disabled for users without the databricks-sql-access or workspace-access entitlements");
    if (found->second.forbidden)
        return error_answer(403, "PERMISSION_DENIED", "You do not have permission to use the SQL Warehouse.");
    return std::nullopt;
}

http::response fake_workspace::warehouse_answer(const fake_warehouse& w) const
{
    json::object health{{"status", w.state == "STOPPED" && !w.failure_code.empty() ? "FAILED" : "HEALTHY"},
                        {"summary", w.health_summary}};
    if (!w.failure_code.empty())
        health["failure_reason"] = json::object{{"code", w.failure_code}, {"type", "CLOUD_FAILURE"}};
    return json_answer({{"id", w.id}, {"name", w.name}, {"state", w.state}, {"cluster_size", "2X-Small"},
                        {"warehouse_type", "PRO"}, {"enable_serverless_compute", w.serverless}, {"min_num_clusters", 1},
                        {"max_num_clusters", 1}, {"num_clusters", w.state == "RUNNING" ? 1 : 0}, {"auto_stop_mins", "10"},
                        {"health", std::move(health)}, {"odbc_params", json::object{{"path", "/sql/1.0/warehouses/" + w.id}}}});
}

http::response fake_workspace::warehouses(const http::request& what)
{
    const auto parts = detail::split(http::split_target(what.target).first.substr(1), '/');
    if (parts.size() == 4) {
        json::array all;
        for (const auto& [id, w] : warehouses_)
            if (!w.forbidden) all.push_back(json::parse(warehouse_answer(w).body));
        return json_answer({{"warehouses", std::move(all)}});
    }
    if (auto refused = refuse_warehouse(parts[4])) return *refused;
    auto& w = warehouses_.at(parts[4]);
    if (parts.size() == 5) return warehouse_answer(w);
    if (parts[5] == "start") start(w);
    if (parts[5] == "stop") w.state = "STOPPED";
    return json_answer({});
}

http::response fake_workspace::submit(const http::request& what, std::size_t entry)
{
    auto parsed = parse_submit(what.body);
    if (!parsed) return error_answer(400, "MALFORMED_REQUEST", "Could not parse request object");
    if (auto refused = refuse_warehouse(parsed->warehouse_id)) return *refused;
    auto made = std::make_shared<statement_record>();
    made->id = detail::hex_id(++sequence_);
    record_statement(what.body, parsed->text);
    made->what = std::move(*parsed);
    made->principal = settings_.client_id;
    made->fault = take_statement_fault(made->what.text);
    made->submitted_ms = calendar_.now_us() / 1000;
    statements_[made->id] = made;
    ++statements_accepted;
    ledger[entry].statement_id = made->id;
    tasks_.spawn("statement " + made->id, live(made), rt::on_error::log_and_continue);
    return json_answer({{"statement_id", made->id}, {"status", json::object{{"state", "PENDING"}}}});
}

// False: the warehouse did not come up.
rt::awaitable<bool> fake_workspace::until_running(std::string warehouse_id)
{
    bool started = false;
    for (;;) {
        const auto found = warehouses_.find(warehouse_id);
        if (found == warehouses_.end()) co_return false;
        auto& w = found->second;
        if (w.state == "RUNNING") co_return true;
        if (w.state == "STOPPED" && std::exchange(started, true)) co_return false;
        start(w);
        co_await rt::sleep_for(clock_, std::chrono::milliseconds(500));
    }
}

rt::awaitable<void> fake_workspace::live(std::shared_ptr<statement_record> mine)
{
    if (!co_await until_running(mine->what.warehouse_id)) {
        mine->state = statement_state::failed;
        mine->result.error = databricks::statement_error{mine->id, {}, "BAD_REQUEST", "The warehouse failed to start."};
        co_return;
    }
    mine->state = statement_state::running;
    statements_running_max = std::max(statements_running_max, ++statements_running);
    struct ending {
        unsigned& running;
        ~ending() { --running; }
    } const at_end{statements_running};
    auto time = settings_.statement_time;
    if (mine->fault && mine->fault->kind == statement_fault_kind::stalls) time += mine->fault->pause;
    const auto until = clock_.now() + time;
    while (clock_.now() < until && !mine->cancel_asked)
        co_await rt::sleep_for(clock_, std::min<rt::duration>(until - clock_.now(), std::chrono::seconds(5)));
    if (mine->cancel_asked)
        mine->state = statement_state::canceled;
    else
        take_effect(*mine);
}

void fake_workspace::take_effect(statement_record& of)
{
    const auto kind = of.fault ? std::optional(of.fault->kind) : std::nullopt;
    if (kind == statement_fault_kind::canceled) {
        of.state = statement_state::canceled;
        return;
    }
    if (kind == statement_fault_kind::fails) {
        of.state = statement_state::failed;
        of.result.error = of.fault->error;
        return;
    }
    if (kind == statement_fault_kind::ends_script) {
        auto before = of.what;
        before.text.erase(before.text.rfind('\n', before.text.find(of.fault->text)) + 1);
        before.text += "END";
        const auto half = executor_({of.id, std::move(before), of.principal});
        of.result.error = half.error ? half.error : of.fault->error;
        of.state = statement_state::failed;
        return;
    }
    of.result = executor_({of.id, of.what, of.principal});
    of.took_effect = !of.result.error;
    if (of.took_effect && kind == statement_fault_kind::fails_after) of.result.error = of.fault->error;
    of.state = of.result.error ? statement_state::failed : statement_state::succeeded;
    if (of.took_effect && kind == statement_fault_kind::closed) of.state = statement_state::closed;
    of.vanished = kind == statement_fault_kind::vanishes;
}

http::response fake_workspace::statement_answer(const statement_record& of) const
{
    json::object status{{"state", databricks::to_string(of.state)}};
    if (of.state == statement_state::failed && of.result.error) {
        const auto& e = *of.result.error;
        status["error"] = json::object{{"error_code", e.error_code}, {"message", e.message}};
        if (!e.sql_state.empty()) status["sql_state"] = e.sql_state;
    }
    json::object out{{"statement_id", of.id}, {"status", std::move(status)}};
    if (of.state != statement_state::succeeded) return json_answer(out);
    json::object schema{{"column_count", of.result.columns.size()}};
    if (!of.result.columns.empty()) {
        auto& columns = schema["columns"].emplace_array();
        for (const auto& c : of.result.columns) columns.push_back(json::object{{"name", c.name}, {"type_text", c.type_text}});
    }
    const auto rows = of.result.rows.size();
    const auto chunks = (rows + settings_.rows_per_chunk - 1) / settings_.rows_per_chunk;
    out["manifest"] = json::object{{"format", "JSON_ARRAY"}, {"schema", std::move(schema)}, {"total_row_count", rows},
                                   {"total_chunk_count", chunks}, {"truncated", false}};
    out["result"] = of.result.columns.empty() ? json::object{} : chunk_of(of, 0, settings_.rows_per_chunk);
    return json_answer(out);
}

http::response fake_workspace::statement_verb(const http::request& what)
{
    const auto parts = detail::split(http::split_target(what.target).first.substr(1), '/');
    const auto found = statements_.find(parts[4]);
    if (found == statements_.end() || found->second->vanished)
        return error_answer(404, "NOT_FOUND", "The statement " + parts[4] + " was not found.");
    auto& of = *found->second;
    if (parts.size() == 6 && parts[5] == "cancel") {
        of.cancel_asked = true;
        return json_answer({});
    }
    if (parts.size() != 8) return statement_answer(of);
    std::size_t index = 0;
    std::from_chars(parts[7].data(), parts[7].data() + parts[7].size(), index);
    return json_answer(chunk_of(of, index, settings_.rows_per_chunk));
}

http::response fake_workspace::history(const http::request& what)
{
    const auto warehouse_id = http::query_parameter(what.target, "filter_by.warehouse_ids").value_or("");
    const auto since = std::stoll(http::query_parameter(what.target, "filter_by.query_start_time_range.start_time_ms").value_or("0"));
    const auto from = static_cast<std::size_t>(std::stoul(http::query_parameter(what.target, "page_token").value_or("0")));
    std::vector<const statement_record*> all;
    for (const auto& [id, s] : statements_)
        if (s->what.warehouse_id == warehouse_id && s->submitted_ms >= since) all.push_back(s.get());
    std::reverse(all.begin(), all.end());  // newest first
    json::array items;
    std::size_t i = from;
    for (; i < all.size() && items.size() < settings_.list_page_size; ++i) {
        const auto& s = *all[i];
        json::array tags;
        for (const auto& t : s.what.tags) tags.push_back(json::object{{"key", t.key}, {"value", t.value}});
        items.push_back(json::object{{"query_id", s.id}, {"status", history_status(s.state)}, {"query_text", s.what.text},
                                     {"query_start_time_ms", s.submitted_ms}, {"warehouse_id", s.what.warehouse_id},
                                     {"query_tags", std::move(tags)}});
    }
    json::object out{{"res", std::move(items)}, {"has_next_page", i < all.size()}};
    if (i < all.size()) out["next_page_token"] = std::to_string(i);
    return json_answer(out);
}

std::size_t fake_workspace::statements_open() const
{
    return static_cast<std::size_t>(std::count_if(statements_.begin(), statements_.end(),
                                                  [](const auto& s) { return !databricks::is_final(s.second->state); }));
}

const fake_workspace::statement_record* fake_workspace::statement(const std::string& id) const
{
    const auto found = statements_.find(id);
    return found == statements_.end() ? nullptr : found->second.get();
}

}  // namespace lakeferry::fake_databricks
