// Parsing and decisions about warehouses: no I/O.
#include "sync/databricks/json_fields.hpp"
#include "sync/databricks/warehouses.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

constexpr unsigned polls_until_a_start_shows = 5;

constexpr std::array<std::pair<std::string_view, warehouse_state>, 6> states{{
    {"STARTING", warehouse_state::starting}, {"RUNNING", warehouse_state::running},
    {"STOPPING", warehouse_state::stopping}, {"STOPPED", warehouse_state::stopped},
    {"DELETING", warehouse_state::deleting}, {"DELETED", warehouse_state::deleted}}};

bool is_id(std::string_view id) noexcept
{
    return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    });
}

void read_health(const boost::json::object& in, warehouse_info& out)
{
    const auto* health = fields::object(in, "health");
    if (health == nullptr) return;
    out.health = fields::text(*health, "status");
    out.health_summary = fields::text(*health, "summary");
    const auto details = fields::text(*health, "details");
    if (out.health_summary.empty()) out.health_summary = details;
    if (const auto* reason = fields::object(*health, "failure_reason")) {
        out.failure_code = fields::text(*reason, "code");
        out.failure_type = fields::text(*reason, "type");
    }
}

}  // namespace

const char* to_string(warehouse_state s) noexcept
{
    for (const auto& [name, state] : states)
        if (state == s) return name.data();
    return "UNKNOWN";
}

rt::outcome<std::string> parse_http_path(std::string_view path)
{
    const auto refuse = [&](const char* id, const std::string& why) {
        return failure{retry_class::never, id,
                       "http_path \"" + std::string(path.substr(0, 120)) + "\" " + why +
                           " Open the SQL warehouse in the workspace and copy \"HTTP path\" from its tab "
                           "Connection details: it looks like /sql/1.0/warehouses/1a2b3c4d5e6f7a8b."};
    };
    auto rest = path;
    while (rest.starts_with("/")) rest.remove_prefix(1);
    while (rest.ends_with("/")) rest.remove_suffix(1);
    if (rest.starts_with("sql/protocolv1/"))
        return refuse("http_path.cluster", "is the path of an all-purpose cluster, but a SQL warehouse is needed.");
    for (const std::string_view prefix : {"sql/1.0/warehouses/", "sql/1.0/endpoints/"}) {
        if (!rest.starts_with(prefix)) continue;
        const auto id = rest.substr(prefix.size());
        if (!is_id(id)) break;
        return std::string(id);
    }
    return refuse("http_path.malformed", "is not the path of a SQL warehouse.");
}

rt::outcome<warehouse_info> parse_warehouse(std::string_view body)
{
    const auto value = fields::parse(body);
    const auto* in = value ? value->if_object() : nullptr;
    if (in == nullptr || fields::text(*in, "id").empty())
        return failure{retry_class::transient, "workspace.cut", "The workspace's answer about a warehouse has no id."};
    warehouse_info out;
    out.id = fields::text(*in, "id");
    out.name = fields::text(*in, "name");
    const auto state = fields::text(*in, "state");
    for (const auto& [name, known] : states)
        if (name == state) out.state = known;
    read_health(*in, out);
    out.size = fields::text(*in, "cluster_size");
    out.type = fields::text(*in, "warehouse_type");
    out.serverless = fields::boolean(*in, "enable_serverless_compute");
    out.min_clusters = static_cast<int>(std::clamp<std::int64_t>(fields::integer(*in, "min_num_clusters"), 0, 10000));
    out.max_clusters = static_cast<int>(std::clamp<std::int64_t>(fields::integer(*in, "max_num_clusters"), 0, 10000));
    out.clusters = static_cast<int>(std::clamp<std::int64_t>(fields::integer(*in, "num_clusters"), 0, 10000));
    out.auto_stop_minutes = static_cast<int>(std::clamp<std::int64_t>(fields::integer(*in, "auto_stop_mins"), 0, 1000000));
    if (const auto* odbc = fields::object(*in, "odbc_params")) out.http_path = fields::text(*odbc, "path");
    return out;
}

rt::failure start_failure(const warehouse_info& info)
{
    const auto name = info.name.empty() ? info.id : info.name;
    if (info.state == warehouse_state::deleted || info.state == warehouse_state::deleting)
        return {retry_class::never, "warehouse.deleted",
                "The SQL warehouse " + name + " was deleted: choose another one and change http_path."};
    std::string why = "The SQL warehouse " + name + " did not start";
    if (!info.failure_code.empty()) why += ": " + info.failure_code;
    if (!info.failure_type.empty()) why += " (" + info.failure_type + ")";
    if (!info.health_summary.empty()) why += ", " + info.health_summary;
    if (info.failure_type == "CLIENT_ERROR")
        why += ". Its configuration or the cloud account must be corrected; the warehouse's page says more.";
    else
        why += ". The cloud or Databricks had a problem; it is tried again with the next run.";
    const auto retry = info.failure_type == "CLIENT_ERROR" ? retry_class::never : retry_class::transient;
    return {retry, "warehouse.failed_to_start", why};
}

warehouse_start_fsm::action warehouse_start_fsm::answered(const warehouse_info& info) noexcept
{
    switch (info.state) {
        case warehouse_state::running: return action::done;
        case warehouse_state::deleted:
        case warehouse_state::deleting: return action::give_up;
        case warehouse_state::starting: seen_starting_ = true; return action::pause;
        case warehouse_state::stopped: break;
        case warehouse_state::stopping:
        case warehouse_state::unknown: return action::pause;
    }
    if (!start_requested_) {
        start_requested_ = true;
        seen_starting_ = false;
        stopped_since_request_ = 0;
        return action::request_start;
    }
    // Stopped again after it was starting: the start failed. Right after the request it may just not show yet.
    if (seen_starting_ || ++stopped_since_request_ > polls_until_a_start_shows) return action::give_up;
    return action::pause;
}

rt::duration warehouse_start_fsm::pause(double unit) noexcept
{
    attempt_ = std::min(attempt_ + 1, 10U);
    return std::chrono::seconds(attempt_) + std::chrono::milliseconds(static_cast<int>(unit * 1000));
}

}  // namespace lakeferry::databricks
