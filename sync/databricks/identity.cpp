#include "sync/databricks/identity.hpp"

#include "sync/databricks/json_fields.hpp"

#include <algorithm>

namespace lakeferry::databricks {

namespace {

std::vector<std::string> texts(const boost::json::object& in, std::string_view list, std::string_view key)
{
    std::vector<std::string> out;
    const auto* all = fields::array(in, list);
    if (all == nullptr) return out;
    for (const auto& one : *all) {
        const auto* object = one.if_object();
        if (object == nullptr) continue;
        if (auto text = fields::text(*object, key); !text.empty()) out.push_back(std::move(text));
    }
    return out;
}

}  // namespace

bool identity::has_entitlement(std::string_view name) const noexcept
{
    return std::find(entitlements.begin(), entitlements.end(), name) != entitlements.end();
}

bool identity::may_use_sql() const noexcept
{
    return has_entitlement("databricks-sql-access") || has_entitlement("workspace-access");
}

rt::outcome<identity> parse_identity(std::string_view body)
{
    const auto value = fields::parse(body);
    const auto* in = value ? value->if_object() : nullptr;
    if (in == nullptr || fields::text(*in, "userName").empty())
        return rt::failure{rt::retry_class::transient, "workspace.cut", "The workspace did not say who the principal is."};
    identity out;
    out.id = fields::text(*in, "id");
    out.user_name = fields::text(*in, "userName");
    out.display_name = fields::text(*in, "displayName");
    out.active = fields::boolean(*in, "active", true);
    out.groups = texts(*in, "groups", "display");
    out.entitlements = texts(*in, "entitlements", "value");
    return out;
}

rt::awaitable<rt::outcome<identity>> me(workspace& door, rt::deadline limit)
{
    call_options options;
    options.limit = limit;
    options.name = "the principal itself";
    auto answer = co_await door.call("GET", "/api/2.0/preview/scim/v2/Me", {}, std::move(options));
    if (answer.has_error()) co_return answer.error();
    auto who = parse_identity(answer->body);
    if (who.has_value()) door.set_principal(who->user_name);
    co_return who;
}

}  // namespace lakeferry::databricks
