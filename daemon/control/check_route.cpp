// POST /api/v1/spaces/{id}/check: the connection test with the credentials that only the service was given.
#include "daemon/control/check_json.hpp"
#include "daemon/control/control_service.hpp"
#include "daemon/control/json_views.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_runner.hpp"

#include <boost/json.hpp>

namespace lakeferry::daemon {

rt::awaitable<http::response> control_service::check(const std::string& target, const std::string& id)
{
    const auto wake = http::query_parameter(target, "wake");
    auto report = co_await core_.check(id, !wake || (*wake != "false" && *wake != "0"));
    if (report.has_error()) co_return error_response(report.error());
    co_return ok_response(to_json(id, *report));
}

boost::json::object to_json(const std::string& space, const profiles::connection_report& r)
{
    boost::json::array lines;
    for (const auto& one : r.lines)
        lines.push_back(boost::json::object{{"id", one.id},
                                            {"requirement", one.title},
                                            {"state", profiles::to_string(one.state)},
                                            {"text", one.text},
                                            {"grant", one.grant}});
    boost::json::array grants;
    for (const auto& one : r.grants()) grants.emplace_back(one);
    return {{"space", space},
            {"ready", r.ready()},
            {"principal", r.principal},
            {"requirements", std::move(lines)},
            {"grants", std::move(grants)}};
}

}  // namespace lakeferry::daemon
