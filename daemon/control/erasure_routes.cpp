#include "daemon/control/erasure_routes.hpp"

#include "daemon/control/json_views.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_runner.hpp"
#include "sync/identity/erase.hpp"

#include <boost/json.hpp>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

rt::failure malformed(std::string what) { return {.id = "control.malformed", .detail = std::move(what)}; }

rt::outcome<json::object> object_in(const std::string& body)
{
    boost::system::error_code error;
    auto parsed = json::parse(body, error);
    if (error || !parsed.is_object()) return malformed("The body is not a JSON object.");
    return std::move(parsed.get_object());
}

rt::outcome<std::vector<core::person_key>> people_in(const json::object& body)
{
    const auto* list = body.if_contains("people");
    if (list == nullptr || !list->is_array()) return malformed("\"people\" must be a list of texts.");
    std::vector<core::person_key> out;
    for (const auto& one : list->get_array()) {
        if (!one.is_string()) return malformed("\"people\" must be a list of texts.");
        auto key = identity::parse_person_key(one.get_string());
        if (key.has_error()) {
            auto why = key.error();
            why.detail = "entry " + std::to_string(out.size() + 1) + ": " + why.detail;
            return why;
        }
        out.push_back(std::move(*key));
    }
    return out;
}

// A request that names people.
struct people_request {
    json::object body{};
    std::vector<core::person_key> people{};
};

rt::outcome<people_request> about_people(const std::string& text)
{
    auto body = object_in(text);
    if (body.has_error()) return body.error();
    auto people = people_in(*body);
    if (people.has_error()) return people.error();
    return people_request{std::move(*body), std::move(*people)};
}

bool flag(const json::object& o, std::string_view name)
{
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_bool() && v->get_bool();
}

http::response refused(const rt::failure& why)
{
    if (why.id == "erase.malformed" || why.id == "control.malformed" || why.id == "erase.nobody" || why.id == "erase.too_many")
        return error_response(400, why.id, why.detail);
    return error_response(why);
}

json::value shown(const profiles::erasure& e)
{
    auto value = json::parse(profiles::to_json(e));
    auto& o = value.as_object();
    for (const char* name : {"asked", "cut", "deleted", "completed", "vacuum_due"}) {
        const std::string us = std::string(name) + "_us";
        o[std::string(name) + "_at"] = time_text(o.at(us).to_number<std::int64_t>());
    }
    return value;
}

http::response no_such_space(const std::string& id)
{
    return error_response(404, "space.unknown", "There is no space \"" + id + "\".");
}

}  // namespace

rt::awaitable<http::response> post_erase(daemon_core& core, std::string id, std::string body)
{
    auto* runner = core.space(id);
    if (runner == nullptr) co_return no_such_space(id);
    auto asked = about_people(body);
    if (asked.has_error()) co_return refused(asked.error());
    erase_request what{.people = std::move(asked->people),
                       .suppress = flag(asked->body, "suppress"),
                       .vacuum = flag(asked->body, "vacuum")};
    if (const auto* v = asked->body.if_contains("request"); v != nullptr && v->is_string())
        what.reference = std::string(v->get_string());
    if (what.reference.size() > 200)
        co_return error_response(400, "erase.reference_too_long", "The request's reference has more than 200 bytes.");
    if (flag(asked->body, "dry_run")) {
        auto counted = co_await runner->count_erasure(std::move(what));
        co_return counted.has_error() ? refused(counted.error()) : ok_response(shown(*counted));
    }
    const auto erasures = runner->erasures();
    auto begun = co_await erasures->ask(std::move(what));
    if (begun.has_error()) co_return refused(begun.error());
    if (auto* still = core.space(id)) still->wake_erasures();
    co_return http::json_response(202, json::serialize(shown(*begun)));
}

rt::awaitable<http::response> post_suppress(daemon_core& core, std::string id, std::string body)
{
    auto* runner = core.space(id);
    if (runner == nullptr) co_return no_such_space(id);
    auto asked = about_people(body);
    if (asked.has_error()) co_return refused(asked.error());
    if (asked->people.empty()) co_return error_response(400, "erase.nobody", "Nobody is named.");
    for (const auto& one : asked->people)
        if (one.type == core::segment_key_type)
            co_return error_response(400, "suppress.segment_id",
                                     "A segment id is on no call: name the person by identifiers.");
    const bool lift = flag(asked->body, "lift");
    const auto erasures = runner->erasures();
    auto done = co_await erasures->suppress(std::move(asked->people), lift);
    if (done.has_error()) co_return refused(done.error());
    co_return ok_response(json::object{{"space", id}, {"lifted", lift}, {"suppressed_identifiers", *done}});
}

rt::awaitable<http::response> get_erasures(daemon_core& core, std::string id, std::string number)
{
    auto* runner = core.space(id);
    if (runner == nullptr) co_return no_such_space(id);
    const auto erasures = runner->erasures();
    auto found = co_await erasures->all();
    if (found.has_error()) co_return refused(found.error());
    json::array all;
    for (const auto& one : *found) {
        if (!number.empty() && std::to_string(one.number) != number) continue;
        if (!number.empty()) co_return ok_response(shown(one));
        all.push_back(shown(one));
    }
    if (!number.empty())
        co_return error_response(404, "erasure.unknown", "Space " + id + " has no erasure " + number + ".");
    co_return ok_response(json::object{{"space", id}, {"erasures", std::move(all)}});
}

}  // namespace lakeferry::daemon
