#include "auth/token_source.hpp"

#include "tests/support/world/world.hpp"
#include "tests/unit/auth/scripted_client.hpp"

#include <boost/asio/cancellation_signal.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace lakeferry::auth {
namespace {

using rt::awaitable;
using rt::deadline;
using rt::outcome;
using rt::retry_class;
using namespace std::chrono_literals;

const http::origin host{"https", "dbc-1.test", "443"};

http::response with_status(unsigned status, std::string body = {})
{
    http::response out;
    out.status = status;
    out.body = std::move(body);
    return out;
}

// A token endpoint with switches, and a source in front of it.
struct desk {
    lakeferry::test::world w{1};
    std::string secret_file = testing::TempDir() + "lakeferry-token-" + std::to_string(::getpid());
    std::string right_secret = "aWQtMTpzM2NyZXQ=";  // id-1:s3cret
    int life = 3600;
    int tokens = 0;
    std::vector<outcome<http::response>> next{};  // answers of the token endpoint before it works
    outcome<http::response> discovery = with_status(200, R"({"token_endpoint":"https://dbc-1.test/oidc/v1/token"})");
    test::scripted_client client{w.time, [this](const http::origin&, const http::request& r) { return answer(r); }};
    credential_store credentials{""};
    rt::task_group group{w.executor(), {}};
    oauth_token_source source{w.executor(), {w.time, w.wall, client, credentials, group, w.rng, w.log},
                              {host, "id-1", {credential_ref::kind::file, secret_file}, "acme"}};

    desk() { write_secret("s3cret\n"); }
    ~desk() { std::remove(secret_file.c_str()); }

    void write_secret(const std::string& text) const
    {
        std::ofstream(secret_file) << text;
        ::chmod(secret_file.c_str(), 0600);
    }
    outcome<http::response> answer(const http::request& r)
    {
        if (r.target == "/oidc/.well-known/oauth-authorization-server") return discovery;
        EXPECT_EQ(r.target, "/oidc/v1/token");
        if (!next.empty()) {
            auto out = next.front();
            next.erase(next.begin());
            return out;
        }
        if (r.fields.find("Authorization") != std::optional<std::string_view>("Basic " + right_secret))
            return with_status(401, R"({"error":"invalid_client"})");
        ++tokens;
        return with_status(200, R"({"access_token":"t)" + std::to_string(tokens) + R"(","expires_in":)" + std::to_string(life) + "}");
    }
    int asked() const
    {
        int n = 0;
        for (const auto& [to, r] : client.sent)
            if (r.target == "/oidc/v1/token") ++n;
        return n;
    }
    outcome<token_lease> get(deadline limit = {}) { return w.get(source.get(limit)); }
    std::string token(deadline limit = {})
    {
        auto got = get(limit);
        return got.has_value() ? std::string(got->token->reveal()) : "failed: " + got.error().id;
    }
};

TEST(TokenSource, IsIdleUntilItIsAskedAndAfterwards)
{
    desk d;
    EXPECT_EQ(d.source.status().state, token_state::none);
    EXPECT_EQ(d.token(), "t1");
    EXPECT_EQ(d.source.status().state, token_state::valid);
    EXPECT_EQ(d.w.time.pending(), 0U) << "no timer runs for an idle space";
    d.w.pass(30min);
    EXPECT_EQ(d.token(), "t1");
    EXPECT_EQ(d.asked(), 1);
    EXPECT_EQ(d.group.size(), 0U);
}

TEST(TokenSource, OneRefreshServesAllWhoWait)
{
    desk d;
    std::vector<std::string> got;
    rt::task_group callers(d.w.executor(), {});
    for (int i = 0; i < 20; ++i)
        callers.spawn("caller", [](desk& at, std::vector<std::string>& to) -> awaitable<void> {
            auto lease = co_await at.source.get({});
            to.emplace_back(lease.has_value() ? lease->token->reveal() : "failed");
        }(d, got));
    d.w.run(callers.join());
    EXPECT_EQ(got, std::vector<std::string>(20, "t1"));
    EXPECT_EQ(d.asked(), 1);
    EXPECT_EQ(d.source.refreshes_started(), 1U);
}

TEST(TokenSource, TenRefusalsOfOneTokenCauseOneRefresh)
{
    desk d;
    const auto first = d.get();
    rt::task_group callers(d.w.executor(), {});
    for (int i = 0; i < 10; ++i)
        callers.spawn("caller", [](desk& at, std::uint64_t refused) -> awaitable<void> {
            at.source.invalidate(refused);
            auto lease = co_await at.source.get({});
            EXPECT_TRUE(lease.has_value() && lease->token->reveal() == "t2");
            at.source.invalidate(refused);  // a late refusal of the old token does not touch the new one
            auto again = co_await at.source.get({});
            EXPECT_TRUE(again.has_value() && again->token->reveal() == "t2");
        }(d, first->generation));
    d.w.run(callers.join());
    EXPECT_EQ(d.asked(), 2);
}

TEST(TokenSource, RefreshesBehindTheBackOfACallerAndKeepsServing)
{
    desk d;
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(58min);  // past the latest refresh time: 54 min and 5 %
    EXPECT_EQ(d.token(), "t1") << "the current token is still good";
    d.w.settle();
    d.w.pass(1s);
    EXPECT_EQ(d.token(), "t2");
    EXPECT_EQ(d.asked(), 2);
}

TEST(TokenSource, AFailedBackgroundRefreshIsAWarningAndIsTriedAgainAMinuteLater)
{
    desk d;
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(58min);
    d.next.assign(1, with_status(400, R"({"error":"invalid_request"})"));
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(1s);
    EXPECT_EQ(d.w.log.count("auth.refresh_failed"), 1U) << d.w.log.text();
    EXPECT_EQ(d.token(), "t1");
    EXPECT_EQ(d.asked(), 2) << "not again at once";
    d.w.pass(60s);
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(1s);
    EXPECT_EQ(d.token(), "t2");
}

TEST(TokenSource, TreatsATokenAsExpiredFortySecondsEarly)
{
    desk d;
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(3600s - 41s);
    d.next.assign(1, with_status(400, "{}"));  // the background refresh fails
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(2s);
    d.w.pass(10s);
    EXPECT_EQ(d.token(), "t2") << "waits for a new one instead of handing out the old";
}

TEST(TokenSource, HonoursTenMinuteTokens)
{
    desk d;
    d.life = 600;
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(4min);
    EXPECT_EQ(d.token(), "t1");
    EXPECT_EQ(d.asked(), 1);
    d.w.pass(90s);  // 5.5 min: past 300 s and 5 %
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(1s);
    EXPECT_EQ(d.token(), "t2");
}

TEST(TokenSource, RefreshTimeIsSane)
{
    for (const double unit : {0.0, 0.5, 0.999}) {
        for (const int life : {1, 20, 300, 310, 600, 3600, 86400}) {
            const auto at = refresh_after(std::chrono::seconds(life), unit);
            EXPECT_GE(at, 10s);
            if (life >= 600) {
                EXPECT_LT(at, std::chrono::seconds(life));
            }
        }
        EXPECT_GE(refresh_after(3600s, unit), 3240s * 95 / 100);
        EXPECT_LE(refresh_after(3600s, unit), 3240s * 105 / 100);
    }
}

TEST(TokenSource, AWrongSecretIsSaidAtOnceAndNotAskedAgainForEveryCaller)
{
    desk d;
    d.write_secret("wrong");
    EXPECT_EQ(d.token(), "failed: auth.invalid_client");
    EXPECT_EQ(d.get().error().retry, retry_class::never);
    EXPECT_EQ(d.asked(), 1);
    EXPECT_EQ(d.source.status().state, token_state::failed);
    EXPECT_NE(d.source.status().problem.find("2 years"), std::string::npos);
}

TEST(TokenSource, FindsARotatedSecretWithoutARestart)
{
    desk d;
    EXPECT_EQ(d.token(), "t1");
    d.right_secret = "aWQtMTpuZXc=";  // id-1:new
    d.source.invalidate(d.get()->generation);
    EXPECT_EQ(d.token(), "failed: auth.invalid_client");
    d.write_secret("new");
    d.w.pass(11s);
    EXPECT_EQ(d.token(), "t2");
}

TEST(TokenSource, AnUnreadableSecretIsAFailureWithoutAnyCall)
{
    desk d;
    std::remove(d.secret_file.c_str());
    EXPECT_EQ(d.token(), "failed: credential.not_found");
    EXPECT_TRUE(d.client.sent.empty());
    EXPECT_EQ(d.group.size(), 0U);
    d.write_secret("s3cret");
    d.w.pass(11s);
    EXPECT_EQ(d.token(), "t1");
}

TEST(TokenSource, RetriesWhatPassesAndWaitsAsLongAsItIsTold)
{
    desk d;
    auto busy = with_status(429);
    busy.fields.set("Retry-After", "7");
    d.next = {busy, with_status(503), rt::failure{retry_class::transient, "http.cut", "cut"},
              rt::failure{retry_class::unknown_outcome, "http.timeout", "late"}, with_status(200, "not json")};
    const auto began = d.w.now();
    EXPECT_EQ(d.token(), "t1");
    EXPECT_EQ(d.asked(), 6);
    EXPECT_GE(d.w.now() - began, 7s);
}

TEST(TokenSource, GivesUpAfterAMinute)
{
    desk d;
    d.next.assign(100, with_status(503));
    const auto began = d.w.now();
    EXPECT_EQ(d.token(), "failed: auth.token_unavailable");
    EXPECT_LE(d.w.now() - began, 61s);
    EXPECT_EQ(d.get().error().retry, retry_class::transient);
}

TEST(TokenSource, EveryCallerHasHisOwnDeadline)
{
    desk d;
    d.client.answer_time = 5s;
    const auto began = d.w.now();
    EXPECT_EQ(d.token(deadline::in(d.w.time, 1s)), "failed: auth.timeout");
    EXPECT_EQ(d.w.now() - began, 1s);
    EXPECT_EQ(d.token(), "t1") << "the refresh went on";
    EXPECT_EQ(d.asked(), 1);
    EXPECT_EQ(d.token(deadline(d.w.now())), "t1") << "a token at hand needs no time";
}

TEST(TokenSource, WhoseTimeIsUpBetweenTwoAttemptsLearnsWhatTheLastOneMetWith)
{
    desk d;
    d.next.assign(100, rt::failure{retry_class::transient, "connect.refused", "dbc-1.test:443 refused the connection"});
    const auto got = d.get(deadline::in(d.w.time, 10s));
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().id, "connect.refused");
    EXPECT_EQ(got.error().detail, "dbc-1.test:443 refused the connection");
    EXPECT_EQ(got.error().retry, retry_class::transient);
    d.w.pass(1min);
    d.next.clear();
    EXPECT_EQ(d.token(), "t1");
}

TEST(TokenSource, ACancelledCallerLeavesTheRefreshAlone)
{
    desk d;
    d.client.answer_time = 5s;
    std::string patient;
    rt::task_group leaving(d.w.executor(), {});
    rt::task_group staying(d.w.executor(), {});
    leaving.spawn("leaves", [](desk& at) -> awaitable<void> {
        auto got = co_await at.source.get({});
        ADD_FAILURE() << "was cancelled";
        (void)got;
    }(d));
    staying.spawn("stays", [](desk& at, std::string& to) -> awaitable<void> {
        auto got = co_await at.source.get({});
        to = got.has_value() ? got->token->reveal() : got.error().id;
    }(d, patient));
    d.w.pass(1s);
    leaving.cancel();
    d.w.run(leaving.join());
    d.w.run(staying.join());
    EXPECT_EQ(patient, "t1");
    EXPECT_EQ(d.asked(), 1);
}

TEST(TokenSource, StoppingWakesAllWhoWait)
{
    desk d;
    d.client.answer_time = 5s;
    std::string got;
    rt::task_group callers(d.w.executor(), {});
    callers.spawn("waits", [](desk& at, std::string& to) -> awaitable<void> {
        auto lease = co_await at.source.get({});
        to = lease.has_value() ? "token" : lease.error().id;
    }(d, got));
    d.w.pass(1s);
    d.group.cancel();
    d.w.run(d.group.join());
    d.w.run(callers.join());
    EXPECT_EQ(got, "auth.stopped");
}

TEST(TokenSource, UsesTheConstantPathWhenDiscoveryIsNotServed)
{
    for (const auto& answer : {with_status(404), with_status(200, "<html>"), with_status(500)}) {
        desk d;
        d.discovery = answer;
        EXPECT_EQ(d.token(), "t1");
        d.source.invalidate(d.get()->generation);
        EXPECT_EQ(d.token(), "t2");
        EXPECT_EQ(d.client.sent.size(), 4U) << "discovery is tried again, it may just have been down";
    }
}

TEST(TokenSource, DiscoversOnce)
{
    desk d;
    EXPECT_EQ(d.token(), "t1");
    d.source.invalidate(d.get()->generation);
    EXPECT_EQ(d.token(), "t2");
    EXPECT_EQ(d.client.sent.size(), 3U);
}

TEST(TokenSource, AHostThatCannotBeReachedSaysSo)
{
    desk d;
    d.discovery = rt::failure{retry_class::never, "connect.dns_unknown", "no such host"};
    EXPECT_EQ(d.token(), "failed: connect.dns_unknown");
    EXPECT_EQ(d.asked(), 0);
}

TEST(TokenSource, NeverLogsOrReportsTheSecretOrTheToken)
{
    desk d;
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(58min);
    d.next.assign(1, with_status(400, "{}"));
    EXPECT_EQ(d.token(), "t1");
    d.w.pass(5s);
    const auto text = d.w.log.text();
    EXPECT_EQ(text.find("s3cret"), std::string::npos);
    EXPECT_EQ(text.find("aWQtMTpzM2NyZXQ"), std::string::npos);
    EXPECT_EQ(text.find("\"t1\""), std::string::npos);
}

TEST(StaticToken, IsReadOnceAndAgainAfterARefusal)
{
    desk d;
    static_token_source source(d.credentials, {credential_ref::kind::file, d.secret_file});
    const auto first = d.w.get(source.get({}));
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(first->token->reveal(), "s3cret");
    d.write_secret("dapi-new");
    EXPECT_EQ(d.w.get(source.get({}))->token->reveal(), "s3cret");
    source.invalidate(first->generation);
    EXPECT_EQ(source.status().state, token_state::failed);
    const auto second = d.w.get(source.get({}));
    EXPECT_EQ(second->token->reveal(), "dapi-new");
    source.invalidate(first->generation);
    EXPECT_EQ(source.status().state, token_state::valid) << "a late refusal of the old one";
    std::remove(d.secret_file.c_str());
    source.invalidate(second->generation);
    EXPECT_EQ(d.w.get(source.get({})).error().id, "credential.not_found");
}

}  // namespace
}  // namespace lakeferry::auth
