// The class of every failure of the REST API. Databricks' public docs: REST API, error responses.
#include "sync/databricks/errors.hpp"
#include "sync/databricks/sql.hpp"

#include <array>
#include <utility>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

bool has(std::string_view text, std::string_view part) noexcept
{
    return text.find(part) != std::string_view::npos;
}

const char* name_of(resource r) noexcept
{
    switch (r) {
        case resource::warehouse: return "warehouse";
        case resource::statement: return "statement";
        case resource::file: return "file";
        case resource::volume: return "volume";
        case resource::catalog: return "catalog";
        case resource::schema: return "schema";
        case resource::table: return "table";
        case resource::none: break;
    }
    return "request";
}

std::string who(const rest_context& c)
{
    return c.principal.empty() ? "The principal" : "The principal " + c.principal;
}

// "(GET /api/… answered 403 PERMISSION_DENIED: …; request id 1a2b)"
std::string origin_of(const http::response& answer, const error_body& body, const rest_context& c)
{
    std::string out = " (" + c.what + " answered " + std::to_string(answer.status);
    if (!body.code.empty() && body.code != std::to_string(answer.status)) out += " " + body.code;
    if (!body.message.empty()) out += ": " + short_message(body.message);
    if (const auto id = answer.fields.find("x-request-id")) out += "; request id " + std::string(id->substr(0, 80));
    return out + ")";
}

// "/Volumes/main/acme/stage/x" → `main`.`acme`.`stage`
std::string volume_of_path(std::string_view path)
{
    std::array<std::string_view, 3> parts{};
    if (!path.starts_with("/Volumes/")) return {};
    path.remove_prefix(9);
    for (auto& part : parts) {
        const auto slash = path.find('/');
        part = path.substr(0, slash);
        if (part.empty()) return {};
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    return qualified(parts[0], parts[1], parts[2]);
}

failure redirected(const http::response& answer, const rest_context& c)
{
    const auto to = answer.fields.find("Location").value_or("");
    if (has(to, "private-link-validation-error"))
        return {retry_class::never, "workspace.private_link",
                "The workspace " + c.origin + " accepts calls through its private link only: run Lakeferry inside the "
                "network of the private endpoint, or correct the DNS name there."};
    return {retry_class::never, "workspace.not_databricks",
            c.origin + " answered " + c.what + " with a redirect to " + std::string(to.substr(0, 120)) +
                ": is workspace_url the address of the workspace itself?"};
}

failure page(const http::response& answer, const error_body& body, const rest_context& c)
{
    return {retry_class::never, "workspace.not_databricks",
            c.origin + " answered " + c.what + " with a web page (status " + std::to_string(answer.status) +
                ", \"" + short_message(body.message).substr(0, 120) +
                "\"): is workspace_url the address of a Databricks workspace, and is no proxy in between?"};
}

failure denied(const error_body& body, const rest_context& c, const std::string& from)
{
    const std::string_view m = body.message;
    if (has(m, "databricks-sql-access") || has(m, "entitlement"))
        return {retry_class::never, "entitlement.missing",
                who(c) + " lacks the entitlement databricks-sql-access: a workspace admin switches on \"Databricks SQL "
                         "access\" for it under Settings, Identity and access, Service principals." + from};
    if (has(m, "IP ACL") || has(m, "IP access list") || has(m, "IP address"))
        return {retry_class::never, "workspace.ip_blocked",
                "An IP access list of the workspace blocks this machine: add its address to the list." + from};
    if (const auto missing = find_missing_privilege(m))
        return {retry_class::never, "permission.missing",
                who(c) + " lacks " + missing->privilege + ": " + grant_text(*missing, c.principal) + from};
    if (c.target == resource::warehouse || has(m, "SQL Warehouse") || has(m, "SQL warehouse"))
        return {retry_class::never, "warehouse.forbidden",
                who(c) + " may not use the SQL warehouse " + c.name +
                    ": give it the permission CAN USE on the warehouse's page, under Permissions." + from};
    if (c.target == resource::file || c.target == resource::volume) {
        const auto volume = c.target == resource::file ? volume_of_path(c.name) : std::string{};
        if (!volume.empty())
            return {retry_class::never, "permission.missing",
                    who(c) + " may not use the volume: GRANT READ VOLUME, WRITE VOLUME ON VOLUME " + volume + " TO " +
                        (c.principal.empty() ? "`<principal>`" : quote_identifier(c.principal)) +
                        "; USE CATALOG and USE SCHEMA are needed too." + from};
    }
    return {retry_class::never, "permission.missing",
            who(c) + " may not do this" + (c.name.empty() ? "." : " with " + c.name + ".") + from};
}

// What does not exist: the code, then the text, then what was asked for.
std::string missing_id(const error_body& body, const rest_context& c)
{
    static constexpr std::array<std::pair<std::string_view, const char*>, 6> codes{{
        {"CATALOG_DOES_NOT_EXIST", "catalog.not_found"}, {"SCHEMA_DOES_NOT_EXIST", "schema.not_found"},
        {"TABLE_DOES_NOT_EXIST", "table.not_found"}, {"VOLUME_DOES_NOT_EXIST", "volume.not_found"},
        {"METASTORE_DOES_NOT_EXIST", "catalog.not_unity"}, {"FEATURE_DISABLED", "catalog.not_unity"}}};
    for (const auto& [code, id] : codes)
        if (body.code == code) return id;
    static constexpr std::array<std::pair<std::string_view, const char*>, 4> texts{{
        {"Volume '", "volume.not_found"}, {"Catalog '", "catalog.not_found"}, {"Schema '", "schema.not_found"},
        {"Table '", "table.not_found"}}};
    for (const auto& [text, id] : texts)
        if (has(body.message, text) && has(body.message, "not exist")) return id;
    return std::string(name_of(c.target)) + ".not_found";
}

failure missing(const error_body& body, const rest_context& c, const std::string& from)
{
    const auto id = missing_id(body, c);
    std::string detail;
    if (id == "catalog.not_unity")
        detail = "This workspace has no Unity Catalog: an account admin assigns it a metastore, or choose another workspace.";
    else if (id == "warehouse.not_found")
        detail = "There is no SQL warehouse " + c.name + " in this workspace: copy http_path from the warehouse's page, "
                 "under Connection details.";
    else if (id == "catalog.not_found")
        detail = "The catalog does not exist, or it is hidden from " + (c.principal.empty() ? "the principal" : c.principal) +
                 ": check the name, or grant USE CATALOG on it.";
    else if (id == "volume.not_found")
        detail = "The volume does not exist or is hidden: it is created by the next run, or grant READ VOLUME on it.";
    else
        detail = "Not found" + (c.name.empty() ? std::string(".") : ": " + c.name + ".");
    return {retry_class::never, id, detail + from};
}

bool says_missing(unsigned status, const error_body& body, const rest_context& c)
{
    if (body.code == "FEATURE_DISABLED" || body.code.ends_with("_DOES_NOT_EXIST")) return true;
    if (status == 404) return true;
    // Warehouses answer 400 for an id that is not theirs.
    return status == 400 && c.target == resource::warehouse &&
           (has(body.message, "does not exist") || has(body.message, "not found") || has(body.message, "is not a valid endpoint id"));
}

bool says_throttled(unsigned status, const error_body& body)
{
    return status == 429 || body.code == "RESOURCE_EXHAUSTED" || body.code == "REQUEST_LIMIT_EXCEEDED";
}

failure unavailable(const error_body& body, const rest_context& c, unsigned status, const std::string& from)
{
    // A 503 with Retry-After was turned away at the door; anything else may have come through.
    const bool turned_away = status == 503 && c.retry_after.has_value() && !has(body.message, "awaiting statement ID");
    const auto retry = c.idempotent || turned_away ? retry_class::transient : retry_class::unknown_outcome;
    return {retry, "workspace.unavailable", "The workspace is not available at the moment." + from};
}

failure refused(unsigned status, const error_body& body, const rest_context& c, const std::string& from)
{
    if (status == 409 || body.code.ends_with("ALREADY_EXISTS"))
        return {retry_class::never, std::string(name_of(c.target)) + ".exists", "It exists already." + from};
    return {retry_class::never, "request.refused", "The workspace refused the request." + from};
}

}  // namespace

bool is_token_refusal(const http::response& answer)
{
    if (answer.status == 401) return true;
    if (answer.status != 403) return false;
    const auto phrase = answer.fields.find("x-databricks-reason-phrase").value_or("");
    for (const std::string_view text : {"Invalid access token", "Invalid Token", "token expired", "Token is expiring"})
        if (has(answer.body, text) || has(phrase, text)) return true;
    return false;
}

std::optional<failure> rest_failure(const http::response& answer, const rest_context& context)
{
    const auto status = answer.status;
    if (status >= 200 && status < 300) {
        if (!context.expects_json || !is_html(answer)) return std::nullopt;
        return page(answer, parse_error_body(answer), context);
    }
    if (status < 400) return redirected(answer, context);

    const auto body = parse_error_body(answer);
    const auto from = origin_of(answer, body, context);
    failure out;
    if (is_token_refusal(answer))
        out = {retry_class::reauth, "auth.refused",
               "The workspace refused the access token: is the principal active and a member of this workspace?" + from};
    else if (says_throttled(status, body))
        out = {retry_class::throttled, "workspace.throttled", "The workspace asks to slow down." + from};
    else if (status == 403 || body.code == "PERMISSION_DENIED")
        out = denied(body, context, from);
    else if (status == 408 || status == 499 || (status >= 500 && status != 501))
        out = unavailable(body, context, status, from);
    else if (says_missing(status, body, context))
        out = missing(body, context, from);
    else if (body.html)
        out = page(answer, body, context);
    else
        out = refused(status, body, context, from);
    out.retry_after = context.retry_after ? context.retry_after : body.retry_delay;
    return out;
}

failure transport_failure(const failure& from, const rest_context& context)
{
    failure out = from;
    const std::string why = from.detail.empty() ? from.id : from.detail;
    if (from.id == "connect.tls") {
        out.id = "workspace.tls";
        out.detail = "The TLS handshake with " + context.origin + " failed: " + why +
                     ". If a proxy inspects TLS here, its certificate authority must be trusted by this machine.";
    } else if (from.id.starts_with("connect.")) {
        out.id = "workspace.unreachable";
        out.detail = "The workspace " + context.origin + " cannot be reached: " + why +
                     (from.id == "connect.dns_unknown" ? ". Check workspace_url." : ".");
    } else if (from.id == "http.timeout") {
        out.id = "workspace.timeout";
        out.detail = context.what + " on " + context.origin + " was not answered in time.";
    } else if (from.id.starts_with("http.")) {
        out.id = "workspace.cut";
        out.detail = "The answer to " + context.what + " on " + context.origin + " did not arrive whole: " + why + ".";
    }
    if (out.retry == retry_class::unknown_outcome && context.idempotent) out.retry = retry_class::transient;
    return out;
}

}  // namespace lakeferry::databricks
