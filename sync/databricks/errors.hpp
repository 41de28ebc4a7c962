// What a Databricks workspace says when something goes wrong, in failures that say what to do.
// One function per protocol decides: rest_failure for the REST API, statement_failure for SQL.
// Databricks' public docs: REST API error responses, SQLSTATE error codes, Unity Catalog privileges.
#pragma once

#include "net/http/message.hpp"
#include "net/rt/failure.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::databricks {

// Ids of failures, for logs, status and tests. Stable: people alert on them.
//   workspace.unreachable   refused, DNS, reset before a request was sent        transient (unknown name: never)
//   workspace.tls           certificate or handshake                             never
//   workspace.timeout       no answer in time                                    transient or unknown_outcome
//   workspace.cut           answer cut off or unreadable                         transient or unknown_outcome
//   workspace.unavailable   5xx                                                  transient or unknown_outcome
//   workspace.throttled     429 and its error codes                              throttled
//   workspace.not_databricks  HTML, redirect, not JSON where the API speaks JSON never
//   workspace.private_link  Azure's redirect of a blocked private link           never
//   workspace.ip_blocked    an IP access list of the workspace                   never
//   auth.refused            the token was refused twice                          reauth
//   permission.missing      a privilege; detail holds the GRANT                  never
//   entitlement.missing     databricks-sql-access                                never
//   warehouse.forbidden, warehouse.not_found, warehouse.deleted, warehouse.failed_to_start,
//   warehouse.start_timeout (transient)
//   catalog.not_found, catalog.not_unity, schema.not_found, volume.not_found, file.not_found,
//   table.not_found, table.exists, column.not_found, column.exists, schema.exists, file.exists
//   statement.parse, statement.type (bad cast, overflow), statement.constraint, statement.mismatch
//   (schema of a write), statement.duplicate_source (21506), statement.unsupported,
//   statement.too_large (a result over 25 MiB)                                   never
//   statement.conflict      2D521 and its kin: nothing was committed             transient
//   statement.committed     2DKD0: the data WAS committed                        (statements::wait makes it success)
//   statement.canceled      by us or by somebody else                            transient
//   statement.vanished      404 while polling                                    unknown_outcome
//   statement.unreadable_file, file.not_found   of a COPY INTO                      never
//   statement.no_slot, statement.deadline (unknown_outcome), statement.result_gone, statement.bad_answer
//   statement.failed        everything else; transient if the error code says so
//   request.refused, request.not_found, request.exists   any other 4xx           never
//   http_path.cluster, http_path.malformed                                       never

// An error body in any of the shapes that occur: JSON with a text or numeric error_code, SCIM, "CODE: message"
// text, HTML, nothing.
struct error_body {
    std::string code{};     // "PERMISSION_DENIED", or "403" when it was a number
    std::string message{};  // first kilobyte, one line
    std::string reason{};   // ErrorInfo.reason
    std::optional<rt::duration> retry_delay{};  // RetryInfo
    bool html = false;
    bool json = false;
};
error_body parse_error_body(const http::response& answer);

// What was asked for: a 404 says only "not found".
enum class resource { none, warehouse, statement, file, volume, catalog, schema, table };

struct rest_context {
    std::string what{};       // "GET /api/2.0/sql/warehouses/1a2b" for the message
    resource target = resource::none;
    std::string name{};       // of the target, for the message
    std::string origin{};     // "https://dbc-1.cloud.databricks.com"
    std::string principal{};  // for the GRANT; may be empty
    bool idempotent = true;
    bool expects_json = true;  // an HTML page with a 2xx is an error then
    std::optional<rt::duration> retry_after{};  // as parsed from the answer
};

// By content type, or by how the body begins.
bool is_html(const http::response& answer);
// The statement sits in a message only up to "== SQL ==" and for at most 400 bytes.
std::string short_message(std::string_view message);

// nullopt: the answer is a good one (2xx, and not an HTML page in place of JSON).
std::optional<rt::failure> rest_failure(const http::response& answer, const rest_context& context);

// True: the token was refused (401, or 403 with one of the texts about tokens), not the permission.
bool is_token_refusal(const http::response& answer);

// A failure of http::client, in the words of this folder.
rt::failure transport_failure(const rt::failure& from, const rest_context& context);

// How a statement ended that did not succeed.
struct statement_error {
    std::string statement_id{};
    std::string sql_state{};   // may be empty: then the message is searched
    std::string error_code{};
    std::string message{};
};
rt::failure statement_failure(const statement_error& error, const std::string& principal);

// "[DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES] …" → that name; empty: none.
std::string_view error_class_of(std::string_view message) noexcept;
// "… SQLSTATE: 42601 …" → "42601"; empty: none.
std::string_view sql_state_of(std::string_view message) noexcept;

struct missing_privilege {
    std::string privilege{};  // "USE CATALOG"
    std::string kind{};       // "CATALOG"
    std::string object{};     // "main", "main.acme", "main.acme.tracks"
};
// From "User does not have USE CATALOG on Catalog 'main'"; nullopt: no such words.
std::optional<missing_privilege> find_missing_privilege(std::string_view message);
// "GRANT USE CATALOG ON CATALOG `main` TO `5f2…`;"; an unknown principal becomes `<principal>`.
std::string grant_text(const missing_privilege& missing, std::string_view principal);

// failure.id ends with ".not_found".
bool is_not_found(const rt::failure& why) noexcept;

}  // namespace lakeferry::databricks
