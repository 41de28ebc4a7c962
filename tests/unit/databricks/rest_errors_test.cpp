#include "sync/databricks/errors.hpp"

#include <gtest/gtest.h>

namespace lakeferry::databricks {
namespace {

using rt::retry_class;

http::response answer(unsigned status, std::string body, std::string type = "application/json")
{
    http::response out;
    out.status = status;
    out.body = std::move(body);
    out.fields.set("Content-Type", std::move(type));
    out.fields.set("x-request-id", "req-17");
    return out;
}

rest_context about(resource target = resource::none, std::string name = {}, bool idempotent = true)
{
    rest_context out;
    out.what = "GET /api/x";
    out.target = target;
    out.name = std::move(name);
    out.origin = "https://dbc-1.test";
    out.principal = "5f2c";
    out.idempotent = idempotent;
    return out;
}

struct row {
    unsigned status;
    const char* body;
    resource target;
    const char* id;
    retry_class retry;
};

const row rows[] = {
    {400, R"({"error_code":"INVALID_PARAMETER_VALUE","message":"bad"})", resource::none, "request.refused", retry_class::never},
    {400, R"({"error_code":"INVALID_STATE","message":"bad"})", resource::none, "request.refused", retry_class::never},
    {401, R"({"error_code":401,"message":"Credential was not sent or was of an unsupported type for this API."})", resource::none, "auth.refused", retry_class::reauth},
    {403, R"({"error_code":403,"message":"Invalid access token."})", resource::none, "auth.refused", retry_class::reauth},
    {403, "Token is expiring within 30 seconds. (token expired)", resource::none, "auth.refused", retry_class::reauth},
    {403, "<html><body>Invalid Token</body></html>", resource::none, "auth.refused", retry_class::reauth},
    {403, R"({"error_code":"PERMISSION_DENIED","message":"You do not have permission to use the SQL Warehouse."})", resource::warehouse, "warehouse.forbidden", retry_class::never},
    {403, R"({"error_code":"PERMISSION_DENIED","message":"You do not have permission to use the SQL Warehouse."})", resource::none, "warehouse.forbidden", retry_class::never},
    {403, R"({"error_code":"PERMISSION_DENIED","message":"This API is disabled for users without the databricks-sql-access or workspace-access entitlements"})", resource::warehouse, "entitlement.missing", retry_class::never},
    {403, R"({"error_code":"PERMISSION_DENIED","message":"User does not have USE SCHEMA on Schema 'c.s'."})", resource::table, "permission.missing", retry_class::never},
    {403, R"({"error_code":"PERMISSION_DENIED","message":"no"})", resource::catalog, "permission.missing", retry_class::never},
    {403, R"({"error_code":"PERMISSION_DENIED","message":"Source IP address: 1.2.3.4 is blocked by Databricks IP ACL for workspace: 1"})", resource::none, "workspace.ip_blocked", retry_class::never},
    {404, R"({"error_code":"RESOURCE_DOES_NOT_EXIST","message":"SQL warehouse 1a does not exist"})", resource::warehouse, "warehouse.not_found", retry_class::never},
    {404, R"({"error_code":"NOT_FOUND","message":"not found"})", resource::warehouse, "warehouse.not_found", retry_class::never},
    {400, R"({"error_code":"INVALID_PARAMETER_VALUE","message":"Endpoint 1a does not exist"})", resource::warehouse, "warehouse.not_found", retry_class::never},
    {400, R"({"error_code":"RESOURCE_DOES_NOT_EXIST","message":"gone"})", resource::warehouse, "warehouse.not_found", retry_class::never},
    {400, R"({"error_code":"INVALID_PARAMETER_VALUE","message":"statement is too long"})", resource::warehouse, "request.refused", retry_class::never},
    {404, R"({"error_code":"NOT_FOUND","message":"statement"})", resource::statement, "statement.not_found", retry_class::never},
    {404, R"({"error_code":"CATALOG_DOES_NOT_EXIST","message":"Catalog 'x' does not exist."})", resource::schema, "catalog.not_found", retry_class::never},
    {404, R"({"error_code":"SCHEMA_DOES_NOT_EXIST","message":"Schema 'c.s' does not exist."})", resource::table, "schema.not_found", retry_class::never},
    {404, R"({"error_code":"TABLE_DOES_NOT_EXIST","message":"Table 'c.s.t' does not exist."})", resource::none, "table.not_found", retry_class::never},
    {404, R"({"error_code":"VOLUME_DOES_NOT_EXIST","message":"Volume 'c.s.v' does not exist."})", resource::volume, "volume.not_found", retry_class::never},
    {404, R"({"error_code":"NOT_FOUND","message":"Volume 'c.s.v' does not exist.","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"FILES_API_RESOURCE_NOT_FOUND"}]})", resource::file, "volume.not_found", retry_class::never},
    {404, R"({"error_code":"NOT_FOUND","message":"The file being accessed is not found."})", resource::file, "file.not_found", retry_class::never},
    {404, R"({"error_code":"FEATURE_DISABLED","message":"Unity Catalog is not enabled"})", resource::none, "catalog.not_unity", retry_class::never},
    {404, R"({"error_code":"METASTORE_DOES_NOT_EXIST","message":"none"})", resource::none, "catalog.not_unity", retry_class::never},
    {404, "", resource::none, "request.not_found", retry_class::never},
    {409, R"({"error_code":"ALREADY_EXISTS","message":"The file being created already exists."})", resource::file, "file.exists", retry_class::never},
    {400, R"({"error_code":"RESOURCE_ALREADY_EXISTS","message":"x"})", resource::none, "request.exists", retry_class::never},
    {429, R"({"error_code":"REQUEST_LIMIT_EXCEEDED","message":"slow"})", resource::none, "workspace.throttled", retry_class::throttled},
    {429, "", resource::none, "workspace.throttled", retry_class::throttled},
    {503, R"({"error_code":"RESOURCE_EXHAUSTED","message":"slow"})", resource::none, "workspace.throttled", retry_class::throttled},
    {408, "", resource::none, "workspace.unavailable", retry_class::transient},
    {499, "", resource::none, "workspace.unavailable", retry_class::transient},
    {500, R"({"error_code":"INTERNAL_ERROR","message":"x"})", resource::none, "workspace.unavailable", retry_class::transient},
    {502, "<html><title>502</title></html>", resource::none, "workspace.unavailable", retry_class::transient},
    {503, R"({"error_code":"TEMPORARILY_UNAVAILABLE","message":"x"})", resource::none, "workspace.unavailable", retry_class::transient},
    {504, "DEADLINE_EXCEEDED: Deadline exceeded when awaiting statement ID", resource::none, "workspace.unavailable", retry_class::transient},
    {501, "", resource::none, "request.refused", retry_class::never},
    {400, R"({"detail":"no such user","status":"400","scimType":"invalidFilter"})", resource::none, "request.refused", retry_class::never},
    {400, "<html>bad gateway</html>", resource::none, "workspace.not_databricks", retry_class::never},
    {200, "<!DOCTYPE html><html><title>Sign in</title></html>", resource::none, "workspace.not_databricks", retry_class::never},
    {302, "", resource::none, "workspace.not_databricks", retry_class::never},
};

TEST(RestErrors, EveryKnownShapeHasItsClass)
{
    for (const auto& r : rows) {
        const auto why = rest_failure(answer(r.status, r.body, "text/plain"), about(r.target, "name"));
        ASSERT_TRUE(why.has_value()) << r.status << " " << r.body;
        EXPECT_EQ(why->id, r.id) << r.status << " " << r.body;
        EXPECT_EQ(why->retry, r.retry) << r.status << " " << r.body;
    }
}

TEST(RestErrors, GoodAnswersAreNoFailures)
{
    EXPECT_FALSE(rest_failure(answer(200, "{}"), about()).has_value());
    EXPECT_FALSE(rest_failure(answer(204, ""), about()).has_value());
    auto file = about();
    file.expects_json = false;
    EXPECT_FALSE(rest_failure(answer(200, "<html>a file of ours</html>", "text/html"), file).has_value());
}

TEST(RestErrors, WhatMayHaveHappenedIsUnknownUnlessItWasTurnedAway)
{
    for (const unsigned status : {408U, 500U, 502U, 503U, 504U}) {
        const auto why = rest_failure(answer(status, ""), about(resource::warehouse, "w", false));
        EXPECT_EQ(why->retry, retry_class::unknown_outcome) << status;
    }
    auto turned_away = about(resource::warehouse, "w", false);
    turned_away.retry_after = std::chrono::seconds(1);
    EXPECT_EQ(rest_failure(answer(503, ""), turned_away)->retry, retry_class::transient);
    EXPECT_EQ(rest_failure(answer(503, ""), turned_away)->retry_after, std::chrono::seconds(1));
    EXPECT_EQ(rest_failure(answer(504, ""), turned_away)->retry, retry_class::unknown_outcome);
    EXPECT_EQ(rest_failure(answer(429, ""), about(resource::warehouse, "w", false))->retry, retry_class::throttled);
}

TEST(RestErrors, NamesCauseCureAndRequest)
{
    const auto forbidden = rest_failure(answer(403, R"({"error_code":"PERMISSION_DENIED","message":"You do not have permission to use the SQL Warehouse."})"),
                                        about(resource::warehouse, "1a2b"));
    EXPECT_NE(forbidden->detail.find("CAN USE"), std::string::npos);
    EXPECT_NE(forbidden->detail.find("5f2c"), std::string::npos);
    EXPECT_NE(forbidden->detail.find("request id req-17"), std::string::npos);
    const auto volume = rest_failure(answer(403, R"({"error_code":"PERMISSION_DENIED","message":"no"})"), about(resource::file, "/Volumes/main/acme/stage/x.gz"));
    EXPECT_NE(volume->detail.find("GRANT READ VOLUME, WRITE VOLUME ON VOLUME `main`.`acme`.`stage` TO `5f2c`;"), std::string::npos) << volume->detail;
    const auto schema = rest_failure(answer(403, R"({"error_code":"PERMISSION_DENIED","message":"User does not have USE SCHEMA on Schema 'c.s'."})"), about());
    EXPECT_NE(schema->detail.find("GRANT USE SCHEMA ON SCHEMA `c`.`s` TO `5f2c`;"), std::string::npos);
}

TEST(RestErrors, RedirectsAreErrors)
{
    auto to_login = answer(302, "");
    to_login.fields.set("Location", "https://dbc-1.test/login.html?error=private-link-validation-error:123");
    EXPECT_EQ(rest_failure(to_login, about())->id, "workspace.private_link");
    EXPECT_EQ(rest_failure(to_login, about())->retry, retry_class::never);
}

TEST(RestErrors, ReadsEveryShapeOfBody)
{
    auto body = parse_error_body(answer(403, R"({"error_code":403,"message":"Invalid access token."})"));
    EXPECT_EQ(body.code, "403");
    EXPECT_EQ(body.message, "Invalid access token.");
    body = parse_error_body(answer(429, R"({"error_code":"X","message":"m","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retry_delay":"4.5s"},
        {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"},5,{"@type":7}]})"));
    EXPECT_EQ(body.reason, "R");
    EXPECT_EQ(body.retry_delay, std::chrono::milliseconds(4500));
    body = parse_error_body(answer(400, R"({"detail":"no such user","status":"400","scimType":"invalidFilter"})"));
    EXPECT_EQ(body.message, "no such user");
    EXPECT_EQ(body.code, "invalidFilter");
    body = parse_error_body(answer(504, "DEADLINE_EXCEEDED: Deadline exceeded when awaiting statement ID", "text/plain"));
    EXPECT_EQ(body.code, "DEADLINE_EXCEEDED");
    EXPECT_EQ(body.message, "Deadline exceeded when awaiting statement ID");
    body = parse_error_body(answer(502, "<html><head><title>502 Bad Gateway</title></head><pre>why it\n failed</pre></html>", "text/html"));
    EXPECT_TRUE(body.html);
    EXPECT_EQ(body.message, "why it failed");
    body = parse_error_body(answer(500, "", "text/plain"));
    EXPECT_EQ(body.code + body.message, "");
    EXPECT_TRUE(parse_error_body(answer(500, "[1,2]")).json);
}

TEST(TransportErrors, AreToldInTheWordsOfAWorkspace)
{
    const auto told = [](const char* id, retry_class retry, bool idempotent) {
        return transport_failure({retry, id, "why"}, about(resource::none, {}, idempotent));
    };
    EXPECT_EQ(told("connect.refused", retry_class::transient, false).id, "workspace.unreachable");
    EXPECT_EQ(told("connect.refused", retry_class::transient, false).retry, retry_class::transient) << "nothing was sent";
    EXPECT_EQ(told("connect.dns_unknown", retry_class::never, true).retry, retry_class::never);
    EXPECT_NE(told("connect.dns_unknown", retry_class::never, true).detail.find("workspace_url"), std::string::npos);
    EXPECT_EQ(told("connect.tls", retry_class::never, true).id, "workspace.tls");
    EXPECT_EQ(told("http.timeout", retry_class::unknown_outcome, false).id, "workspace.timeout");
    EXPECT_EQ(told("http.timeout", retry_class::unknown_outcome, false).retry, retry_class::unknown_outcome);
    EXPECT_EQ(told("http.cut", retry_class::unknown_outcome, true).retry, retry_class::transient);
    EXPECT_EQ(told("http.cut", retry_class::unknown_outcome, true).id, "workspace.cut");
    EXPECT_EQ(told("credential.empty", retry_class::never, true).id, "credential.empty");
}

}  // namespace
}  // namespace lakeferry::databricks
