#include "sync/intake/answers.hpp"

#include "sync/core/json.hpp"

#include <algorithm>

namespace lakeferry::intake {
namespace {

void append_reason(std::string& to, std::string_view code, std::string_view field, std::string_view message)
{
    to.append("\"code\":");
    core::append_quoted(to, code);
    if (!field.empty()) {
        to.append(",\"field\":");
        core::append_quoted(to, field);
    }
    to.append(",\"message\":");
    core::append_quoted(to, message);
}

http::response json_answer(unsigned status, std::string body)
{
    http::response out;
    out.status = status;
    out.fields.add("Content-Type", "application/json");
    allow_any_origin(out);
    out.body = std::move(body);
    return out;
}

}  // namespace

void allow_any_origin(http::response& to) { to.fields.add("Access-Control-Allow-Origin", "*"); }

http::response accepted() { return json_answer(200, R"({"success":true})"); }

http::response partly_accepted(std::size_t accepted_calls, const std::vector<rejected_item>& rejected)
{
    std::string body = "{\"success\":true,\"accepted\":" + std::to_string(accepted_calls) + ",\"rejected\":[";
    for (const auto& item : rejected) {
        if (&item != &rejected.front()) body.push_back(',');
        body.append("{\"index\":").append(std::to_string(item.index)).push_back(',');
        append_reason(body, core::to_string(item.why.reason), item.why.field, item.why.message);
        body.push_back('}');
    }
    return json_answer(200, body + "]}");
}

http::response refused(unsigned status, std::string_view code, std::string_view field, std::string_view message)
{
    std::string body = "{\"success\":false,";
    append_reason(body, code, field, message);
    auto out = json_answer(status, body + "}");
    if (status == 401) out.fields.add("WWW-Authenticate", "Basic realm=\"write key\"");
    return out;
}

http::response refused(const core::refusal& why)
{
    unsigned status = 400;
    if (why.reason == core::refusal_reason::too_large) status = 413;
    if (why.reason == core::refusal_reason::unknown_source || why.reason == core::refusal_reason::source_disabled)
        status = 401;
    return refused(status, core::to_string(why.reason), why.field, why.message);
}

http::response unavailable(const rt::failure& why)
{
    const unsigned status = why.retry == rt::retry_class::throttled ? 429 : 503;
    const std::string_view id = why.id;
    const auto dot = id.rfind('.');
    auto out = refused(status, dot == std::string_view::npos ? "unavailable" : id.substr(dot + 1), "",
                       why.detail.empty() ? "not now: send again later" : why.detail);
    const auto wait = std::chrono::ceil<std::chrono::seconds>(why.retry_after.value_or(std::chrono::seconds(5)));
    out.fields.add("Retry-After", std::to_string(std::max<std::chrono::seconds::rep>(1, wait.count())));
    return out;
}

http::response preflight()
{
    http::response out;
    out.status = 204;
    allow_any_origin(out);
    out.fields.add("Access-Control-Allow-Methods", "POST, OPTIONS");
    out.fields.add("Access-Control-Allow-Headers", "Authorization, Content-Encoding, Content-Type, X-Retry-Count");
    out.fields.add("Access-Control-Max-Age", "86400");
    return out;
}

http::response greeting()
{
    http::response out;
    out.status = 200;
    out.fields.add("Content-Type", "text/plain; charset=utf-8");
    allow_any_origin(out);
    out.body =
        "Lakeferry intake: a Segment-compatible tracking API.\n"
        "POST /v1/identify, /v1/track, /v1/page, /v1/screen, /v1/group, /v1/alias, /v1/batch\n"
        "(short: /v1/i, /v1/t, /v1/p, /v1/s, /v1/g, /v1/a, /v1/b), JSON, with a source's write key as the user name of\n"
        "Basic authentication or as \"writeKey\" in the body.\n";
    return out;
}

}  // namespace lakeferry::intake
