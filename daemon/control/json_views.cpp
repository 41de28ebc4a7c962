#include "daemon/control/json_views.hpp"

#include "sync/core/timestamps.hpp"

#include <boost/json.hpp>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

json::value report_json(const std::optional<profiles::run_report>& r)
{
    if (!r) return nullptr;
    auto value = json::parse(profiles::to_json(*r));
    if (value.is_object()) value.as_object()["rows"] = r->rows();
    return value;
}

json::value kafka_json(const std::optional<intake::kafka_view>& k)
{
    if (!k) return nullptr;
    json::object o{{"state", intake::to_string(k->state)}, {"topic", k->topic},       {"group", k->group},
                   {"partitions", k->partitions},          {"partitions_total", k->partitions_total},
                   {"messages", k->messages},              {"calls", k->calls},       {"refused", k->refused},
                   {"lost", k->lost},                      {"notice", k->notice},     {"error_id", k->error_id},
                   {"error", k->error}};
    o["lag"] = k->lag ? json::value(*k->lag) : json::value(nullptr);
    return o;
}

}  // namespace

std::string time_text(std::int64_t us)
{
    if (us == 0) return {};
    std::string text = core::format_timestamp(us);
    return text.substr(0, 19) + "Z";
}

json::object to_json(const space_view& v, const space_backlog& waiting, std::int64_t now_us)
{
    json::object o;
    o["id"] = v.id;
    o["name"] = v.name;
    o["target"] = v.target;
    o["warehouse_id"] = v.warehouse_id;
    o["state"] = to_string(v.state);
    o["reason"] = v.reason;
    o["paused"] = v.paused;
    o["generation"] = v.generation;
    o["erasures"] = json::object{{"open", v.erasures_open}, {"error", v.erasure_error}};
    o["suppressed_calls"] = v.suppressed_calls;
    o["restarts"] = v.restarts;
    o["identity"] = {{"calls", v.identity.calls},           {"duplicates", v.identity.duplicates},
                     {"rows", v.identity.rows},             {"rescued", v.identity.rescued},
                     {"working", v.identity.working},       {"error_id", v.identity.error_id},
                     {"error", v.identity.error},           {"notice", v.identity.notice}};
    json::object notes;
    for (const auto& [name, count] : waiting.notes) notes[name] = count;
    o["identity"].as_object()["notes"] = std::move(notes);
    o["waiting"] = {{"events_bytes", waiting.events_bytes}, {"rows_bytes", waiting.rows_bytes}};
    json::object sync;
    sync["phase"] = profiles::to_string(v.sync.phase);
    sync["activity"] = v.sync.activity;
    sync["running"] = report_json(v.sync.running);
    sync["last"] = report_json(v.sync.last);
    sync["last_success_us"] = v.sync.last_success_us;
    sync["last_success"] = time_text(v.sync.last_success_us);
    // How old the newest landed state is; null: nothing has landed since the start of the store.
    if (v.sync.last_success_us != 0)
        sync["lag_s"] = static_cast<double>(now_us - v.sync.last_success_us) / 1e6;
    else
        sync["lag_s"] = nullptr;
    sync["failures_in_a_row"] = v.sync.failures_in_a_row;
    sync["error_id"] = v.sync.error_id;
    sync["error"] = v.sync.error;
    sync["next_us"] = v.next_run_us;
    sync["next"] = time_text(v.next_run_us);
    sync["next_why"] = v.next_run_why;
    sync["skipped"] = v.skipped;
    o["sync"] = std::move(sync);
    o["kafka"] = kafka_json(v.kafka);
    return o;
}

json::object to_json(const reload_view& v)
{
    return {{"at_us", v.at_us}, {"at", time_text(v.at_us)}, {"accepted", v.accepted}, {"text", v.text}};
}

json::object to_json(const daemon_view& v, const std::map<std::string, space_backlog>& waiting, std::int64_t now_us)
{
    json::object o;
    o["version"] = v.version;
    o["config_file"] = v.config_file;
    o["generation"] = v.generation;
    o["started_us"] = v.started_us;
    o["started"] = time_text(v.started_us);
    o["now_us"] = now_us;
    o["ready"] = v.ready;
    o["stopping"] = v.stopping;
    o["last_reload"] = v.last_reload.at_us == 0 ? json::value(nullptr) : json::value(to_json(v.last_reload));
    json::array addresses;
    for (const auto& a : v.intake_addresses) addresses.emplace_back(a);
    o["intake"] = {{"addresses", std::move(addresses)},
                   {"bytes_in_flight", v.intake_bytes_in_flight},
                   {"backlog_bytes", v.backlog_bytes}};
    o["admin_address"] = v.admin_address;
    json::array spaces;
    for (const auto& s : v.spaces) {
        const auto it = waiting.find(s.id);
        spaces.push_back(to_json(s, it == waiting.end() ? space_backlog{} : it->second, now_us));
    }
    o["spaces"] = std::move(spaces);
    return o;
}

json::object to_json(const intake::import_position& p)
{
    return {{"import", p.id},           {"offset", p.at.offset},   {"lines", p.at.lines},
            {"accepted", p.at.accepted}, {"refused", p.at.refused}, {"finished", p.finished}};
}

json::object to_json(const intake::chunk_result& r)
{
    json::object o{{"position", to_json(r.position)}, {"accepted", r.accepted}, {"refused", r.refused}};
    json::array lines;
    for (const auto& one : r.lines)
        lines.push_back(json::object{{"line", one.line},
                                     {"reason", core::to_string(one.why.reason)},
                                     {"field", one.why.field},
                                     {"message", one.why.message}});
    o["lines"] = std::move(lines);
    return o;
}

json::object to_json(const intake::refused_call& r)
{
    return {{"at_us", r.at_us},     {"at", time_text(r.at_us)}, {"via", r.via},         {"source", r.source},
            {"reason", r.reason},   {"field", r.field},         {"message", r.message}, {"where", r.where},
            {"text", r.text}};
}

http::response ok_response(const json::value& body) { return http::json_response(200, json::serialize(body)); }

http::response error_response(unsigned status, std::string_view id, std::string_view message)
{
    const json::object body{{"error", {{"id", id}, {"message", message}}}};
    return http::json_response(status, json::serialize(body));
}

http::response error_response(const rt::failure& why)
{
    const unsigned status = why.retry == rt::retry_class::never       ? 409
                            : why.retry == rt::retry_class::throttled ? 429
                                                                      : 503;
    auto answer = error_response(status, why.id, why.detail);
    if (why.retry_after) {
        const auto whole = std::chrono::ceil<std::chrono::seconds>(*why.retry_after).count();
        answer.fields.set("Retry-After", std::to_string(whole));
    }
    return answer;
}

}  // namespace lakeferry::daemon
