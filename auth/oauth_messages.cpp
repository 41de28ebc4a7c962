#include "auth/oauth_messages.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/url/parse.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

namespace lakeferry::auth {

namespace json = boost::json;
using rt::retry_class;

namespace {

constexpr std::size_t body_bytes_max = 256U << 10;
constexpr std::chrono::seconds life_max = std::chrono::hours(24 * 31);

std::optional<json::object> parse_object(std::string_view body)
{
    if (body.size() > body_bytes_max) return std::nullopt;
    boost::system::error_code ec;
    auto value = json::parse({body.data(), body.size()}, ec);
    if (ec || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

// A string member, or empty.
std::string text_of(const json::object& in, std::string_view key)
{
    const auto* v = in.if_contains({key.data(), key.size()});
    if (v == nullptr || !v->is_string()) return {};
    const auto& s = v->get_string();
    return {s.data(), s.size()};
}

// Databricks writes expires_in as a number, some front ends as a string.
std::optional<std::chrono::seconds> seconds_of(const json::value& v)
{
    double n = 0;
    if (v.is_int64()) {
        n = static_cast<double>(v.get_int64());
    } else if (v.is_uint64()) {
        n = static_cast<double>(v.get_uint64());
    } else if (v.is_double()) {
        n = v.get_double();
    } else if (v.is_string()) {
        const auto& s = v.get_string();
        const auto got = std::from_chars(s.data(), s.data() + s.size(), n);
        if (got.ec != std::errc{} || got.ptr != s.data() + s.size()) return std::nullopt;
    } else {
        return std::nullopt;
    }
    if (!std::isfinite(n) || n < 1) return std::nullopt;
    return std::chrono::seconds(
        static_cast<std::int64_t>(std::min(n, static_cast<double>(life_max.count()))));
}

// One line, no control characters, bounded: fit for a message.
std::string tidy(std::string_view text)
{
    std::string out;
    for (const char c : text.substr(0, 300))
        out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    while (!out.empty() && (out.back() == ' ' || out.back() == '.')) out.pop_back();
    return out;
}

std::string base64(std::string_view bytes)
{
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(n));
    return out;
}

struct token_error {
    std::string code;
    std::string words;
};

token_error read_error(std::string_view body)
{
    const auto object = parse_object(body);
    if (!object) return {};
    token_error out{text_of(*object, "error"), text_of(*object, "error_description")};
    if (out.code.empty()) out.code = text_of(*object, "errorCode");
    if (out.words.empty()) out.words = text_of(*object, "errorSummary");
    if (out.code.empty()) out.code = text_of(*object, "error_code");
    if (out.words.empty()) out.words = text_of(*object, "message");
    return out;
}

std::string quoted_words(const token_error& e)
{
    std::string out = tidy(e.words.empty() ? e.code : e.words);
    if (!out.empty()) out = " (the workspace says: " + out + ")";
    return out;
}

constexpr std::string_view invalid_client_words =
    "The workspace refused the client id and secret. Check that client_id is the application id of the "
    "service principal, that the secret is one of its OAuth secrets in Databricks (a secret made in "
    "Microsoft Entra ID does not work here), that it has not expired (secrets live for at most 2 "
    "years) or been deleted, and that the principal belongs to this workspace";

rt::failure final_error(unsigned status, const token_error& e)
{
    const std::string words = quoted_words(e);
    if (e.code == "invalid_client" || (status == 401 && e.code != "unauthorized_client"))
        return {retry_class::never, "auth.invalid_client",
                std::string(invalid_client_words) + words + "."};
    if (e.code == "invalid_scope")
        return {retry_class::never, "auth.invalid_scope",
                "The workspace does not grant this principal the scope all-apis" + words + "."};
    if (e.code == "unauthorized_client" || e.code == "unsupported_grant_type")
        return {retry_class::never, "auth.unauthorized_client",
                "The workspace does not allow this client to use the client-credentials grant: use a "
                "service principal with an OAuth secret" + words + "."};
    return {retry_class::never, "auth.token_refused",
            "The token endpoint refused the request with status " + std::to_string(status) + words +
                "."};
}

}  // namespace

rt::outcome<token_grant> parse_token_response(std::string_view body)
{
    const auto bad = [](std::string detail) {
        return rt::failure{retry_class::transient, "auth.bad_token_response", std::move(detail)};
    };
    auto object = parse_object(body);
    if (!object) return bad("The token endpoint answered 200 with something that is not a JSON object.");
    auto* token = object->if_contains("access_token");
    if (token == nullptr || !token->is_string() || token->get_string().empty())
        return bad("The token endpoint's answer has no access_token.");
    auto& text = token->get_string();
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    const auto type = text_of(*object, "token_type");
    const bool bearer = type.empty() || type == "Bearer" || type == "bearer" || type == "BEARER";
    const auto* life = object->if_contains("expires_in");
    const auto seconds = life == nullptr ? std::nullopt : seconds_of(*life);
    token_grant grant;
    if (plain && bearer && seconds) grant = {secret(std::string(text.data(), text.size())), *seconds};
    std::fill(text.begin(), text.end(), '\0');  // the parsed copy is a secret too
    if (!plain) return bad("The access_token holds characters that no header can carry.");
    if (!bearer) return bad("The token is not a bearer token.");
    if (!seconds) return bad("The token endpoint's answer has no usable expires_in.");
    return grant;
}

rt::failure parse_token_error(const http::response& answer)
{
    const auto error = read_error(answer.body);
    const std::string words = quoted_words(error);
    const auto status = std::to_string(answer.status);
    if (answer.status == 429)
        return {retry_class::throttled, "auth.token_unavailable",
                "The token endpoint asks to slow down (status 429)" + words + "."};
    if (answer.status == 408 || answer.status >= 500 || error.code == "temporarily_unavailable")
        return {retry_class::transient, "auth.token_unavailable",
                "The token endpoint is not available (status " + status + ")" + words + "."};
    if (answer.status < 400)
        return {retry_class::never, "auth.not_databricks",
                "The token endpoint answered with status " + status +
                    " instead of a token: is workspace_url the address of a Databricks workspace?"};
    if (answer.status == 404)
        return {retry_class::never, "auth.not_databricks",
                "There is no token endpoint on this host: is workspace_url the address of a Databricks "
                "workspace?" + words};
    return final_error(answer.status, error);
}

rt::outcome<endpoint> parse_discovery(const http::origin& host, std::string_view body)
{
    const auto bad = [](std::string detail) {
        return rt::failure{retry_class::never, "auth.bad_discovery", std::move(detail)};
    };
    const auto object = parse_object(body);
    if (!object) return bad("The OAuth discovery document is not a JSON object.");
    const auto text = text_of(*object, "token_endpoint");
    const auto url = boost::urls::parse_uri({text.data(), text.size()});
    if (text.empty() || url.has_error())
        return bad("The OAuth discovery document names no token_endpoint.");
    const auto scheme = std::string(url->scheme().data(), url->scheme().size());
    if (scheme != "https" && !(scheme == "http" && host.scheme == "http"))
        return bad("The token endpoint of the discovery document is not an https address.");
    const auto target = url->encoded_target();
    // The parser takes "host:letters/x" for a host with a path that has no slash.
    const bool odd_path = !target.empty() && target.front() != '/';
    if (url->has_userinfo() || url->host().empty() || odd_path)
        return bad("The token endpoint of the discovery document is no plain address.");
    endpoint out;
    auto name = url->host();
    if (name.size() > 2 && name.front() == '[') name = name.substr(1, name.size() - 2);
    const auto port = std::string(url->port().data(), url->port().size());
    out.origin = {scheme, name, port.empty() ? (scheme == "https" ? "443" : "80") : port};
    out.target = target.empty() ? "/" : std::string(target.data(), target.size());
    return out;
}

http::request discovery_request()
{
    http::request out;
    out.method = "GET";
    out.target = "/oidc/.well-known/oauth-authorization-server";
    out.fields.set("Accept", "application/json");
    out.fields.set("User-Agent", "lakeferry/" LAKEFERRY_VERSION);
    return out;
}

endpoint fallback_endpoint(const http::origin& host)
{
    return {host, "/oidc/v1/token"};
}

http::request token_request(const endpoint& at, std::string_view client_id, const secret& client_secret)
{
    // Joined as they are, like the official clients do; RFC 6749 section 2.3.1 would encode both first.
    std::string pair;
    pair.append(client_id).append(":").append(client_secret.reveal());
    std::string encoded = base64(pair);
    http::request out;
    out.method = "POST";
    out.target = at.target;
    out.fields.set("Authorization", "Basic " + encoded);
    out.fields.set("Content-Type", "application/x-www-form-urlencoded");
    out.fields.set("Accept", "application/json");
    out.fields.set("User-Agent", "lakeferry/" LAKEFERRY_VERSION);
    out.body = "grant_type=client_credentials&scope=all-apis";
    wipe(pair);
    wipe(encoded);
    return out;
}

}  // namespace lakeferry::auth
