// The control API and the admin pages of a whole daemon, over the network of the test world.
#include "tests/sim/daemon_world.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lakeferry::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

const http::origin control{"unix", "/run/control.sock", ""};
const http::origin admin{"http", "127.0.0.1", "8401"};

class Control : public testing::Test {
protected:
    void SetUp() override
    {
        w_.start();
        ASSERT_TRUE(w_.core().ready()) << w_.log.text();
    }
    http::response ask(const http::origin& to, std::string method, std::string target, std::string body = {})
    {
        http::request what{.method = std::move(method), .target = std::move(target), .body = std::move(body)};
        return w_.get([](daemon_world& w, http::origin o, http::request r) -> rt::awaitable<http::response> {
            http::pool client(w.executor(), w.time, w.net);
            auto answer = co_await client.send(std::move(o), std::move(r), {.limit = rt::deadline::in(w.time, 10min)});
            co_return answer.has_value() ? std::move(*answer) : http::response{};
        }(w_, to, std::move(what)));
    }
    json::value get(std::string target) { return json::parse(ask(control, "GET", std::move(target)).body); }
    http::response post(std::string target, std::string body = {}) { return ask(control, "POST", std::move(target), std::move(body)); }

    daemon_world w_{1, 2};
};

TEST_F(Control, StatusShowsDaemonAndSpaces)
{
    const auto s = get("/api/v1/status");
    EXPECT_EQ(s.at("ready"), true);
    EXPECT_EQ(s.at("generation"), 1);
    ASSERT_EQ(s.at("spaces").as_array().size(), 2U);
    const auto& one = s.at("spaces").at(0);
    EXPECT_EQ(one.at("id"), "space0");
    EXPECT_EQ(one.at("target"), "main.space0");
    EXPECT_EQ(one.at("state"), "running");
    EXPECT_EQ(one.at("sync").at("last"), nullptr);
    EXPECT_EQ(get("/api/v1/spaces/space1").at("id"), "space1");
}

TEST_F(Control, AnUnknownSpaceNamesTheKnownOnes)
{
    const auto answer = ask(control, "GET", "/api/v1/spaces/acme");
    EXPECT_EQ(answer.status, 404U);
    EXPECT_EQ(json::parse(answer.body).at("error").at("message"), "There is no space \"acme\"; known: space0, space1.");
    EXPECT_EQ(post("/api/v1/spaces/acme/sync").status, 404U);
}

TEST_F(Control, WhyTellsOfPersonsOnTheControlSocketOnly)
{
    sent_calls sent;
    w_.send_tracks("space0", {"a-1", "a-2", "b-1"}, sent);
    ASSERT_EQ(post("/api/v1/spaces/space0/sync?wait=true").status, 200U);
    const auto story = get("/api/v1/spaces/space0/why?who=anonymous_id%3Avisitor-a");
    ASSERT_EQ(story.at("story").as_array().size(), 2U);
    EXPECT_EQ(story.at("story").at(1).at("event").at("id"), "a-1");
    const auto pair = get("/api/v1/spaces/space0/why?who=anonymous_id%3Avisitor-a&and=anonymous_id%3Avisitor-b");
    EXPECT_EQ(pair.at("together"), false);
    EXPECT_TRUE(pair.at("reasons").as_array().empty());
    const auto told = [&](const std::string& query) { return ask(control, "GET", "/api/v1/spaces/space0/why?" + query); };
    EXPECT_EQ(told("who=email%3Anobody%40x").status, 404U);
    EXPECT_EQ(told("who=nobody").status, 400U);
    EXPECT_EQ(told("").status, 400U);
    EXPECT_EQ(ask(control, "GET", "/api/v1/spaces/moon/why?who=user_id:u").status, 404U);
    EXPECT_EQ(ask(admin, "GET", "/api/v1/spaces/space0/why?who=user_id:u").status, 403U);
    EXPECT_EQ(ask(admin, "GET", "/api/v1/spaces/space0/observations").status, 403U);
    const auto observations = get("/api/v1/spaces/space0/observations");
    EXPECT_TRUE(observations.at("observations").as_array().empty());
    EXPECT_TRUE(get("/api/v1/spaces/space0").at("identity").at("notes").as_object().empty());
}

TEST_F(Control, ASyncThatIsWaitedForAnswersItsReport)
{
    sent_calls sent;
    w_.send_tracks("space0", {"a-1", "a-2"}, sent);
    const auto answer = post("/api/v1/spaces/space0/sync?wait=true");
    ASSERT_EQ(answer.status, 200U) << answer.body;
    const auto report = json::parse(answer.body);
    EXPECT_EQ(report.at("status"), "success");
    EXPECT_EQ(report.at("trigger"), "manual");
    EXPECT_EQ(report.at("tables").at("tracks").at("rows"), 2);
    EXPECT_EQ(get("/api/v1/spaces/space0/runs").at("runs").as_array().size(), 1U);
    EXPECT_EQ(get("/api/v1/spaces/space0").at("sync").at("last").at("status"), "success");
}

TEST_F(Control, ASyncThatIsNotWaitedForIsAcceptedAtOnce)
{
    EXPECT_EQ(post("/api/v1/spaces/space0/sync").status, 202U);
}

TEST_F(Control, ASyncOfAllLeavesOutWhoIsPaused)
{
    sent_calls sent;
    w_.send_tracks("space0", {"a-1"}, sent);
    w_.send_tracks("space1", {"b-1"}, sent);
    post("/api/v1/spaces/space1/pause");
    const auto answer = post("/api/v1/sync");
    EXPECT_EQ(answer.status, 202U);
    EXPECT_EQ(json::parse(answer.body), json::parse(R"({"accepted":["space0"],"paused":["space1"]})"));
    w_.pass(5min);
    EXPECT_EQ(get("/api/v1/spaces/space0").at("sync").at("last").at("status"), "success");
    EXPECT_EQ(get("/api/v1/spaces/space1").at("sync").at("last"), nullptr);
}

TEST_F(Control, APausedSpaceAcceptsCallsAndLandsNothing)
{
    ASSERT_EQ(post("/api/v1/spaces/space0/pause").status, 200U);
    sent_calls sent;
    w_.send_tracks("space0", {"a-1"}, sent);
    w_.pass(1h);
    EXPECT_EQ(sent.accepted.size(), 1U);
    EXPECT_TRUE(w_.landed_ids("space0", "tracks").empty());
    EXPECT_EQ(get("/api/v1/spaces/space0").at("state"), "paused");
    EXPECT_EQ(get("/api/v1/spaces/space0").at("sync").at("next_us"), 0);
    ASSERT_EQ(post("/api/v1/spaces/space0/resume").status, 200U);
    w_.pass(11min);
    EXPECT_EQ(w_.landed_ids("space0", "tracks").size(), 1U);
}

TEST_F(Control, AReasonForAPauseIsShown)
{
    ASSERT_EQ(post("/api/v1/spaces/space0/pause", R"({"reason":"the catalog moves"})").status, 200U);
    const std::string reason(get("/api/v1/spaces/space0").at("reason").as_string());
    EXPECT_TRUE(reason.starts_with("paused by hand since ") && reason.ends_with(": the catalog moves")) << reason;
    EXPECT_EQ(post("/api/v1/spaces/space0/pause", "{").status, 400U);
}

TEST_F(Control, WorkOnTablesIsDoneByTheNextRunOrRefusedWithTheReason)
{
    sent_calls sent;
    w_.send_tracks("space0", {"a-1"}, sent);
    ASSERT_EQ(post("/api/v1/spaces/space0/sync?wait=true").status, 200U);
    const auto refused = [&](std::string body, const char* part = "id") {
        const auto answer = post("/api/v1/spaces/space0/jobs", std::move(body));
        return std::to_string(answer.status) + " " + std::string(json::parse(answer.body).at("error").at(part).as_string());
    };
    EXPECT_EQ(refused("{}"), "400 control.malformed");
    EXPECT_EQ(refused(R"({"kind":"backfill","tables":[]})"), "409 backfill.no_table");
    EXPECT_EQ(refused(R"({"kind":"backfill","tables":["tracks"]})"), "409 backfill.not_a_profile_table");
    EXPECT_EQ(refused(R"({"kind":"backfill","tables":["user_trait"]})", "message"),
              "409 There is no profile table \"user_trait\"; did you mean user_traits? (tables of calls are filled from files: "
              "lakeferry import space0 FILE --refill user_trait)");
    EXPECT_EQ(refused(R"({"kind":"optimize","tables":["tracks","order_plced"]})", "message"),
              "409 Space space0 has no table \"order_plced\" so far; did you mean order_placed?");
    EXPECT_EQ(refused(R"({"kind":"optimize","tables":["x"]})"), "409 optimize.unknown_table");
    EXPECT_EQ(refused(R"({"kind":"retype","tables":["tracks"],"column":"id","type":"bigint"})"), "409 retype.fixed");
    EXPECT_EQ(refused(R"({"kind":"retype","tables":["nothing"],"column":"id","type":"bigint"})"), "409 retype.unknown");
    EXPECT_EQ(refused(R"({"kind":"retype","tables":["tracks"],"column":"id","type":"text"})"), "400 control.malformed");
    ASSERT_EQ(post("/api/v1/spaces/space0/jobs", R"({"kind":"backfill","tables":["user_identifiers"]})").status, 202U);
    ASSERT_EQ(post("/api/v1/spaces/space0/jobs", R"({"kind":"optimize","tables":["tracks"]})").status, 202U);
    w_.pass(2min);
    const auto jobs = get("/api/v1/spaces/space0/jobs").at("jobs").as_array();
    ASSERT_EQ(jobs.size(), 2U);
    for (const auto& job : jobs) EXPECT_EQ(job.at("step"), "done") << json::serialize(job);
    EXPECT_TRUE(get("/api/v1/spaces/space0/loads").at("loads").as_array().empty());
    EXPECT_EQ(post("/api/v1/spaces/space0/loads/7/accept").status, 409U);
    EXPECT_EQ(post("/api/v1/spaces/space0/loads/x/accept").status, 404U);
    const auto begin = post("/api/v1/spaces/space0/import/begin", R"({"name":"a","bytes":1,"fingerprint":"f","refill":"user_traits"})");
    EXPECT_EQ(begin.status, 409U);
    EXPECT_EQ(json::parse(begin.body).at("error").at("id"), "import.bad_refill");
}

TEST_F(Control, ATakeOverIsReportedAndSettled)
{
    const auto taken = post("/api/v1/spaces/space0/takeover");
    EXPECT_EQ(taken.status, 200U) << taken.body;
    EXPECT_EQ(json::parse(taken.body).at("status"), "success");
    const auto runs = w_.statements.size();
    const auto settled = post("/api/v1/spaces/space0/takeover?settled=true");
    EXPECT_EQ(settled.status, 200U) << settled.body;
    EXPECT_EQ(json::parse(settled.body).at("settled"), true);
    EXPECT_EQ(w_.statements.size(), runs) << "nothing runs for that";
    EXPECT_EQ(get("/api/v1/spaces/space0").at("identity").at("notice"), "");
}

TEST_F(Control, RefusedCallsCanBeLookedAt)
{
    w_.post("/v1/track", "space0", R"({"writeKey":"wk-space0","anonymousId":"x"})");
    w_.pass(1s);
    const auto list = get("/api/v1/spaces/space0/refusals");
    ASSERT_EQ(list.at("refusals").as_array().size(), 1U);
    EXPECT_EQ(list.at("refusals").at(0).at("via"), "http");
    EXPECT_EQ(list.at("refusals").at(0).at("field"), "event");
}

TEST_F(Control, AnImportGoesThroughPieceByPiece)
{
    const auto begun = json::parse(post("/api/v1/spaces/space0/import/begin",
                                        R"({"name":"a","bytes":9,"fingerprint":"f","source":"web"})").body);
    const std::string id(begun.at("import").as_string());
    EXPECT_EQ(begun.at("offset"), 0);
    const std::string line = R"({"type":"track","event":"E","messageId":"m1","anonymousId":"x"})" "\n" "rubbish\n";
    const auto answer = post("/api/v1/spaces/space0/import/chunk?import=" + id + "&offset=0&last=true", line);
    ASSERT_EQ(answer.status, 200U) << answer.body;
    const auto done = json::parse(answer.body);
    EXPECT_EQ(done.at("accepted"), 1);
    EXPECT_EQ(done.at("lines").at(0).at("line"), 2);
    EXPECT_EQ(done.at("position").at("finished"), true);
    EXPECT_EQ(post("/api/v1/spaces/space0/import/chunk?import=nope&offset=0", "x").status, 409U);
    EXPECT_EQ(post("/api/v1/spaces/space0/import/begin", "[]").status, 400U);
    const auto nameless = post("/api/v1/spaces/space0/import/begin", R"({"name":"a","bytes":9,"fingerprint":"f","source":"nobody"})");
    EXPECT_EQ(json::parse(nameless.body).at("error").at("id"), "import.no_source");
}

TEST_F(Control, ACheckUsesWhatTheSpaceUses)
{
    w_.workspace.execute_with([](const fake_databricks::statement_call& call) {
        EXPECT_EQ(call.what.text, "SELECT 1");
        return fake_databricks::executed{};
    });
    const auto answer = post("/api/v1/spaces/space0/check");
    ASSERT_EQ(answer.status, 200U) << answer.body;
    const auto report = json::parse(answer.body);
    EXPECT_EQ(report.at("ready"), true) << answer.body;
    bool woken = false;
    for (const auto& one : report.at("requirements").as_array())
        woken = woken || std::string_view(one.at("text").as_string()).starts_with("was started, which took 3");
    EXPECT_TRUE(woken) << answer.body;
}

TEST_F(Control, ACheckNamesTheMissingGrant)
{
    w_.workspace.settings().all_privileges = false;
    const auto report = json::parse(post("/api/v1/spaces/space0/check?wake=false").body);
    EXPECT_EQ(report.at("ready"), false);
    const std::string who = w_.workspace.settings().client_id;
    bool found = false;
    for (const auto& one : report.at("grants").as_array())
        found = found || one == json::value("GRANT USE CATALOG ON CATALOG `main` TO `" + who + "`;");
    EXPECT_TRUE(found) << json::serialize(report);
}

TEST_F(Control, ReloadAnswersItsOutcome)
{
    const auto refused = post("/api/v1/reload");
    EXPECT_EQ(refused.status, 409U) << "the world has no configuration to read again";
    EXPECT_EQ(json::parse(refused.body).at("accepted"), false);
    EXPECT_EQ(get("/api/v1/status").at("last_reload").at("accepted"), false);
}

TEST_F(Control, TheTcpAddressOnlyShows)
{
    EXPECT_EQ(ask(admin, "GET", "/api/v1/status").status, 200U);
    for (const char* target : {"/api/v1/reload", "/api/v1/spaces/space0/sync", "/api/v1/spaces/space0/pause"})
        EXPECT_EQ(ask(admin, "POST", target).status, 403U) << target;
    EXPECT_EQ(ask(admin, "DELETE", "/").status, 403U);
    EXPECT_EQ(ask(control, "DELETE", "/").status, 405U);
}

TEST_F(Control, HealthMetricsAndPage)
{
    EXPECT_EQ(ask(admin, "GET", "/healthz").status, 200U);
    EXPECT_EQ(ask(admin, "GET", "/readyz").status, 200U);
    const auto metrics = ask(admin, "GET", "/metrics").body;
    EXPECT_NE(metrics.find("lakeferry_spaces 2"), std::string::npos) << metrics;
    EXPECT_NE(metrics.find("lakeferry_space_healthy{space=\"space1\"} 1"), std::string::npos) << metrics;
    const auto page = ask(admin, "GET", "/");
    EXPECT_EQ(page.status, 200U);
    EXPECT_EQ(page.body.find("http://"), std::string::npos) << "nothing comes from elsewhere";
    EXPECT_EQ(page.body.find("https://"), std::string::npos);
    EXPECT_EQ(ask(admin, "GET", "/nothing").status, 404U);
}

TEST_F(Control, TheConfigurationIsShownWithoutSecrets)
{
    const auto answer = ask(control, "GET", "/api/v1/config");
    EXPECT_EQ(answer.status, 200U);
    EXPECT_EQ(answer.body.find("right-secret"), std::string::npos);
    EXPECT_EQ(answer.body.find("wk-space0"), std::string::npos);
}

TEST_F(Control, TheServiceManagerHearsWhatHappens)
{
    ASSERT_FALSE(w_.notes.empty());
    EXPECT_EQ(w_.notes.front(), "READY=1\nSTATUS=2 spaces, configuration generation 1\n");
    w_.core().request_reload();
    w_.settle();
    const auto said = w_.notes;
    ASSERT_GE(said.size(), 3U);
    EXPECT_TRUE(said[said.size() - 2].starts_with("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_NE(said.back().find("last reload refused"), std::string::npos);
    w_.stop();
    EXPECT_TRUE(w_.notes.back().starts_with("STOPPING=1"));
}

TEST_F(Control, AStormOfReloadsCoalesces)
{
    int loads = 0;
    // The world reads its loader at start: begin again with one that counts.
    w_.stop();
    w_.load = [&] {
        ++loads;
        return daemon::load_result{.config = w_.config};
    };
    w_.start();
    for (int i = 0; i < 50; ++i) w_.core().request_reload();
    w_.settle();
    EXPECT_GE(loads, 1);
    EXPECT_LE(loads, 2);
    EXPECT_TRUE(w_.core().view().last_reload.accepted);
}

TEST_F(Control, AChangeThatNeedsARestartIsRefusedByName)
{
    w_.stop();
    w_.load = [&] {
        auto next = std::make_shared<daemon::snapshot>(*w_.config);
        next->global.offload_threads = 9;
        return daemon::load_result{.config = next};
    };
    w_.start();
    const auto outcome = w_.get(w_.core().reload());
    EXPECT_FALSE(outcome.accepted);
    EXPECT_EQ(outcome.text, "daemon.offload_threads cannot change while the daemon runs (2 -> 9); restart the service to apply it");
    EXPECT_EQ(w_.core().view().generation, 1U);
}

}  // namespace
}  // namespace lakeferry::test
