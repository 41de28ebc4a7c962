#include "sync/databricks/rest.hpp"

#include "net/rt/backoff.hpp"
#include "sync/databricks/json_fields.hpp"

#include <boost/url/parse.hpp>

#include <utility>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

bool is_loopback(std::string_view host) noexcept
{
    if (host == "localhost" || host == "::1") return true;
    return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

failure bad_url(std::string detail)
{
    return {retry_class::never, "workspace.bad_url", "workspace_url " + std::move(detail)};
}

// Method and path without the query, which may hold tokens of pages.
std::string describe(const std::string& method, const std::string& path)
{
    return method + " " + std::string(http::split_target(path).first.substr(0, 160));
}

}  // namespace

rt::outcome<http::origin> parse_workspace_url(std::string_view url, std::uint16_t port)
{
    const auto parsed = boost::urls::parse_uri({url.data(), url.size()});
    if (parsed.has_error() || parsed->host().empty())
        return bad_url("is not an address: write it as https://dbc-1a2b3c4d-5e6f.cloud.databricks.com");
    const std::string scheme(parsed->scheme().data(), parsed->scheme().size());
    std::string host = parsed->host();
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (scheme != "https" && scheme != "http") return bad_url("must begin with https://");
    if (scheme == "http" && !is_loopback(host))
        return bad_url("must begin with https:// (http:// is for this machine only, where nobody can listen in)");
    if (parsed->has_userinfo()) return bad_url("must not hold a user or a password");
    const auto target = parsed->encoded_target();
    if (parsed->has_fragment() || parsed->has_query() || (!target.empty() && target != "/"))
        return bad_url("must end after the host: nothing may follow " + host);
    const std::string own(parsed->port().data(), parsed->port().size());
    return http::origin{scheme, host, own.empty() ? std::to_string(port) : own};
}

// An answer, or why there is none.
struct workspace::attempt {
    http::response answer{};
    std::optional<failure> why{};
};

workspace::workspace(needs with, http::origin host, std::string space)
    : with_(with), host_(std::move(host)), space_(std::move(space))
{
}

std::string workspace::principal() const
{
    return principal_.empty() ? with_.tokens.principal() : principal_;
}

rt::awaitable<rt::outcome<http::response>> workspace::call(std::string method,
                                                           std::string path,
                                                           std::string body,
                                                           call_options options)
{
    ++counters_.calls;
    rt::backoff pauses({std::chrono::milliseconds(500), std::chrono::seconds(30), 60});
    const auto patience = sooner(options.limit, rt::deadline::in(with_.clock, options.retry_for));
    bool renewed = false;
    for (;;) {
        // Said before anything is sent, so that a late submit is not taken for one of unknown outcome.
        if (options.limit.passed(with_.clock.now()))
            co_return failure{retry_class::transient, "workspace.timeout",
                              "There was no time left for " + describe(method, path) + "."};
        auto lease = co_await with_.tokens.get(options.limit);
        if (lease.has_error()) {
            rest_context c{"the request for an access token", resource::none, {}, host_.text(), principal()};
            co_return transport_failure(lease.error(), c);
        }
        auto got = co_await exchange(method, path, body, options, *lease);
        if (!got.why) co_return std::move(got.answer);
        auto& why = *got.why;
        if (why.retry == retry_class::reauth && !std::exchange(renewed, true)) {
            ++counters_.reauthorized;
            with_.tokens.invalidate(lease->generation);
            continue;
        }
        if (why.retry == retry_class::throttled) ++counters_.throttled;
        if (why.retry == retry_class::transient) ++counters_.unavailable;
        if (why.retry != retry_class::throttled && why.retry != retry_class::transient) co_return why;
        const auto pause = pauses.next(with_.clock.now(), patience, why.retry_after, with_.rng);
        if (!pause) co_return why;
        with_.log.debug("workspace.retry", why.detail,
                        {{"space", space_}, {"err", why.id}, {"attempt", pauses.attempt()},
                         {"pause_ms", std::chrono::duration_cast<std::chrono::milliseconds>(*pause).count()}});
        co_await rt::sleep_for(with_.clock, *pause);
    }
}

rt::awaitable<workspace::attempt> workspace::exchange(const std::string& method,
                                                      const std::string& path,
                                                      std::string body,
                                                      const call_options& options,
                                                      const auth::token_lease& lease)
{
    ++counters_.exchanges;
    http::request what;
    what.method = method;
    what.target = path;
    what.fields.set("Authorization", "Bearer " + std::string(lease.token->reveal()));
    what.fields.set("User-Agent", "lakeferry/" LAKEFERRY_VERSION);
    if (options.expects_json) what.fields.set("Accept", "application/json");
    if (method != "GET" && method != "HEAD" && !(method == "DELETE" && body.empty()))
        what.fields.set("Content-Type", options.content_type);
    what.body = std::move(body);

    http::send_options how;
    how.limit = sooner(options.limit, rt::deadline::in(with_.clock, options.attempt_timeout));
    how.replayable = options.idempotent;
    how.response_limit = options.response_limit;
    rest_context context{describe(method, path), options.target, options.name, host_.text(), principal(),
                         options.idempotent, options.expects_json};
    auto answer = co_await with_.client.send(host_, std::move(what), how);
    attempt out;
    if (answer.has_error()) {
        out.why = transport_failure(answer.error(), context);
        co_return out;
    }
    if (const auto wait = answer->fields.find("Retry-After"))
        context.retry_after = auth::parse_retry_after(*wait, with_.calendar.now_us());
    out.why = rest_failure(*answer, context);
    out.answer = std::move(*answer);
    co_return out;
}

rt::awaitable<rt::outcome<boost::json::value>> workspace::call_json(std::string method,
                                                                    std::string path,
                                                                    std::string body,
                                                                    call_options options)
{
    const auto what = describe(method, path);
    const bool idempotent = options.idempotent;
    auto answer = co_await call(std::move(method), std::move(path), std::move(body), std::move(options));
    if (answer.has_error()) co_return answer.error();
    if (answer->body.empty()) co_return boost::json::value(boost::json::object());
    if (auto value = fields::parse(answer->body)) co_return std::move(*value);
    co_return failure{idempotent ? retry_class::transient : retry_class::unknown_outcome, "workspace.cut",
                      "The answer to " + what + " is not JSON."};
}

}  // namespace lakeferry::databricks
