// GET /api/v1/spaces/{id}/why and …/observations: what is known about persons, so on the control socket only.
#include "daemon/control/control_service.hpp"
#include "daemon/control/json_views.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_runner.hpp"
#include "net/rt/offload.hpp"
#include "sync/identity/explanation.hpp"
#include "sync/identity/observations.hpp"

#include <boost/json.hpp>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

http::response refusal_of(const rt::failure& why)
{
    if (why.id == "identity.malformed_person") return error_response(400, why.id, why.detail);
    if (why.id == "identity.unknown_person") return error_response(404, why.id, why.detail);
    return error_response(why);
}

rt::outcome<json::object> answer(store::store& in, std::uint32_t number, const core::identity_settings& settings,
                                 const std::string& who, const std::string& other)
{
    const auto rules = identity::rules::compile(settings);
    if (rules.has_error()) return rules.error();
    return other.empty() ? identity::explain(in, number, **rules, who) : identity::explain_pair(in, number, **rules, who, other);
}

}  // namespace

rt::awaitable<http::response> control_service::read_why(const std::string& target, const std::string& id)
{
    if (rights_ == control_rights::reading)
        co_return error_response(403, "control.personal", "What is known of persons is shown on the control socket only.");
    const auto who = http::query_parameter(target, "who").value_or("");
    const auto other = http::query_parameter(target, "and").value_or("");
    auto* const runner = core_.space(id);
    const auto number = runner->number();
    auto inside = core_.inside();
    auto* const store = &inside.store;
    auto told = co_await rt::offload_uncancellable(inside.parts.workers,
                                                   [store, number, settings = runner->config().identity, who, other] {
                                                       return answer(*store, number, settings, who, other);
                                                   });
    if (told.has_error()) co_return refusal_of(told.error());
    (*told)["space"] = id;
    co_return ok_response(*told);
}

rt::awaitable<http::response> control_service::read_observations(const std::string& id, std::size_t most)
{
    if (rights_ == control_rights::reading)
        co_return error_response(403, "control.personal", "What is known of persons is shown on the control socket only.");
    const auto number = core_.space(id)->number();
    auto inside = core_.inside();
    auto* const store = &inside.store;
    using last_and_counts = std::pair<std::vector<std::string>, std::map<std::string, std::uint64_t>>;
    auto found = co_await rt::offload_uncancellable(inside.parts.workers, [store, number, most]() -> rt::outcome<last_and_counts> {
        auto last = identity::last_observations(*store, number, most);
        if (last.has_error()) return last.error();
        auto counts = identity::read_notes(*store, number);
        if (counts.has_error()) return counts.error();
        return last_and_counts(std::move(*last), std::move(*counts));
    });
    if (found.has_error()) co_return error_response(found.error());
    json::array all;
    for (const auto& text : found->first) {
        auto one = json::parse(text).as_object();
        one["name"] = identity::violation_name(one.at("note").as_string());
        all.push_back(std::move(one));
    }
    json::object counts;
    for (const auto& [name, count] : found->second) counts[name] = count;
    co_return ok_response(json::object{{"space", id}, {"counts", std::move(counts)}, {"observations", std::move(all)}});
}

}  // namespace lakeferry::daemon
