#include "auth/oauth_messages.hpp"

#include <gtest/gtest.h>

namespace lakeferry::auth {
namespace {

using rt::retry_class;
using namespace std::chrono_literals;

http::response answer(unsigned status, std::string body)
{
    http::response out;
    out.status = status;
    out.body = std::move(body);
    return out;
}

TEST(TokenResponse, ReadsLifeAsNumberOrText)
{
    for (const char* life : {"3600", "\"3600\"", "3600.0"}) {
        const auto got = parse_token_response(R"({"access_token":"abc","token_type":"Bearer","expires_in":)" + std::string(life) + "}");
        ASSERT_TRUE(got.has_value()) << life;
        EXPECT_EQ(got->access_token.reveal(), "abc");
        EXPECT_EQ(got->life, 3600s);
    }
}

TEST(TokenResponse, ClampsAbsurdLives)
{
    const auto got = parse_token_response(R"({"access_token":"abc","expires_in":1e300})");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->life, std::chrono::hours(24 * 31));
}

TEST(TokenResponse, RefusesWhatCannotBeUsed)
{
    for (const char* body :
         {"", "null", "[]", "{", "<html></html>", "{}", R"({"access_token":"","expires_in":1})", R"({"access_token":5,"expires_in":1})",
          R"({"access_token":"a"})", R"({"access_token":"a","expires_in":0})", R"({"access_token":"a","expires_in":-5})",
          R"({"access_token":"a","expires_in":"soon"})", R"({"access_token":"a","expires_in":"nan"})",
          R"({"access_token":"a\r\nX: y","expires_in":60})", R"({"access_token":"a","token_type":"mac","expires_in":60})"}) {
        const auto got = parse_token_response(body);
        ASSERT_TRUE(got.has_error()) << body;
        EXPECT_EQ(got.error().id, "auth.bad_token_response") << body;
        EXPECT_EQ(got.error().retry, retry_class::transient) << body;
    }
}

TEST(TokenError, SaysWhatToCheckWhenTheSecretIsWrong)
{
    for (const unsigned status : {400U, 401U}) {
        const auto why = parse_token_error(answer(status, R"({"error":"invalid_client","error_description":"Client authentication failed"})"));
        EXPECT_EQ(why.id, "auth.invalid_client");
        EXPECT_EQ(why.retry, retry_class::never);
        for (const char* word : {"client_id", "secret", "2 years", "Entra", "Client authentication failed"})
            EXPECT_NE(why.detail.find(word), std::string::npos) << word;
    }
}

TEST(TokenError, ClassifiesEveryShape)
{
    struct row {
        unsigned status;
        const char* body;
        const char* id;
        retry_class retry;
    };
    const row rows[] = {
        {401, "", "auth.invalid_client", retry_class::never},
        {401, R"({"errorCode":"E0000015","errorSummary":"You do not have permission"})", "auth.invalid_client", retry_class::never},
        {400, R"({"error":"invalid_scope"})", "auth.invalid_scope", retry_class::never},
        {400, R"({"error":"unauthorized_client"})", "auth.unauthorized_client", retry_class::never},
        {401, R"({"error":"unauthorized_client"})", "auth.unauthorized_client", retry_class::never},
        {400, R"({"error":"unsupported_grant_type"})", "auth.unauthorized_client", retry_class::never},
        {400, R"({"error":"invalid_request","error_description":"no"})", "auth.token_refused", retry_class::never},
        {400, R"({"error_code":"INVALID_PARAMETER_VALUE","message":"no"})", "auth.token_refused", retry_class::never},
        {400, R"({"error":"temporarily_unavailable"})", "auth.token_unavailable", retry_class::transient},
        {403, "<html>no</html>", "auth.token_refused", retry_class::never},
        {404, "Not Found", "auth.not_databricks", retry_class::never},
        {302, "", "auth.not_databricks", retry_class::never},
        {204, "", "auth.not_databricks", retry_class::never},
        {408, "", "auth.token_unavailable", retry_class::transient},
        {429, "", "auth.token_unavailable", retry_class::throttled},
        {500, "oops", "auth.token_unavailable", retry_class::transient},
        {502, "<html></html>", "auth.token_unavailable", retry_class::transient},
        {503, "", "auth.token_unavailable", retry_class::transient},
        {504, "", "auth.token_unavailable", retry_class::transient},
    };
    for (const auto& r : rows) {
        const auto why = parse_token_error(answer(r.status, r.body));
        EXPECT_EQ(why.id, r.id) << r.status << " " << r.body;
        EXPECT_EQ(why.retry, r.retry) << r.status << " " << r.body;
        EXPECT_FALSE(why.detail.empty());
    }
}

const http::origin host{"https", "dbc-1.test", "443"};

TEST(Discovery, ReadsTheTokenEndpoint)
{
    const auto got = parse_discovery(host, R"({"authorization_endpoint":"https://dbc-1.test/oidc/v1/authorize",
        "token_endpoint":"https://dbc-1.test/oidc/v1/token","scopes_supported":["all-apis"]})");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->origin, host);
    EXPECT_EQ(got->target, "/oidc/v1/token");
}

TEST(Discovery, RefusesToSendTheSecretElsewhereInTheClear)
{
    for (const char* body : {"", "[]", "{}", R"({"token_endpoint":5})", R"({"token_endpoint":"not an address"})",
                             R"({"token_endpoint":"http://dbc-1.test/oidc/v1/token"})", R"({"token_endpoint":"ftp://dbc-1.test/x"})",
                             R"({"token_endpoint":"https://user:pw@dbc-1.test/x"})", R"({"token_endpoint":"https:///x"})",
                             R"({"token_endpoint":"https://dbc-1.test:port/oidc"})", R"({"token_endpoint":"https://dbc-1.test?x"})"}) {
        const auto got = parse_discovery(host, body);
        ASSERT_TRUE(got.has_error()) << body;
        EXPECT_EQ(got.error().id, "auth.bad_discovery");
    }
    // On this machine, where the workspace itself is plain http, the endpoint may be too.
    EXPECT_TRUE(parse_discovery({"http", "127.0.0.1", "8765"}, R"({"token_endpoint":"http://127.0.0.1:8765/oidc/v1/token"})").has_value());
}

TEST(TokenRequest, CarriesTheSecretOnlyInItsHeader)
{
    const auto request = token_request({host, "/oidc/v1/token"}, "id-1", secret("s3cret"));
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.fields.find("Authorization"), "Basic aWQtMTpzM2NyZXQ=");
    EXPECT_EQ(request.fields.find("Content-Type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(request.body, "grant_type=client_credentials&scope=all-apis");
}

TEST(RetryAfter, ReadsSecondsAndDates)
{
    constexpr std::int64_t now_us = 784'111'777'000'000;  // Sun, 06 Nov 1994 08:49:37 GMT
    EXPECT_EQ(parse_retry_after("0", now_us), 0s);
    EXPECT_EQ(parse_retry_after(" 7 ", now_us), 7s);
    EXPECT_EQ(parse_retry_after("99999999999999999999", now_us), 900s);
    EXPECT_EQ(parse_retry_after("3600", now_us), 900s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now_us), 10s);
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:07 GMT", now_us), 0s);
    for (const char* bad : {"", "-1", "1.5", "soon", "Sun, 06 Nov 1994 08:49:47 CET", "Sun, 99 Nov 1994 08:49:47 GMT",
                            "Sun, 06 Foo 1994 08:49:47 GMT", "Sun, 06 Nov 1994 25:49:47 GMT", "Sun, 06 Nov -994 08:49:47 GMT"})
        EXPECT_FALSE(parse_retry_after(bad, now_us).has_value()) << bad;
}

}  // namespace
}  // namespace lakeferry::auth
