// OAuth messages of a Databricks workspace, client-credentials grant: parsing and building, no I/O.
// Databricks' public docs: "Authorize service principal access to Databricks with OAuth"; RFC 6749
// sections 4.4 and 5; RFC 8414 for the discovery document.
#pragma once

#include "auth/secret.hpp"
#include "net/http/message.hpp"
#include "net/rt/failure.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::auth {

struct token_grant {
    secret access_token{};
    std::chrono::seconds life{};  // from the moment of receipt; clamped to [1 s, 31 days]
};

// Body of a 200 of the token endpoint. Failure "auth.bad_token_response" (transient).
rt::outcome<token_grant> parse_token_response(std::string_view body);

// Any other answer of the token endpoint. RFC 6749's errors, Okta-like errorCode/errorSummary,
// Databricks' error_code/message, text, HTML, nothing. 408, 429, 5xx are transient or throttled; every other
// answer is final. Ids: "auth.invalid_client", "auth.invalid_scope", "auth.unauthorized_client",
// "auth.token_refused", "auth.token_unavailable", "auth.not_databricks".
rt::failure parse_token_error(const http::response& answer);

// The token endpoint named by {host}/oidc/.well-known/oauth-authorization-server.
struct endpoint {
    http::origin origin{};
    std::string target{};
};
// Failure "auth.bad_discovery" (never): not JSON, no endpoint, or one that is not https while `host` is.
rt::outcome<endpoint> parse_discovery(const http::origin& host, std::string_view body);

http::request discovery_request();
// The body that is used when discovery is not possible.
endpoint fallback_endpoint(const http::origin& host);
// The request holds the secret in its Authorization field: never log it.
http::request token_request(const endpoint& at, std::string_view client_id, const secret& client_secret);

// Retry-After: seconds or an HTTP date (which needs the calendar time), clamped to [0, 15 min].
// nullopt: absent or malformed. Also used for the REST API.
std::optional<rt::duration> parse_retry_after(std::string_view value, std::int64_t wall_now_us);

}  // namespace lakeferry::auth
