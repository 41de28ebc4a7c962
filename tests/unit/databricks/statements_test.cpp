// Statements against the scripted workspace on virtual time.
#include "tests/unit/databricks/desk.hpp"

namespace lakeferry::databricks {
namespace {

using namespace test;

struct sql_desk : desk {
    using desk::desk;
    int effects = 0;

    void count_effects()
    {
        fake.execute_with([this](const fake_databricks::statement_call&) {
            ++effects;
            fake_databricks::change c;
            c.inserted = 2;
            return fake_databricks::merge_answer(c);
        });
    }
    outcome<std::string> submit(statement s = make_statement("MERGE x")) { return w.get(acme.sql.submit(std::move(s), in(1h))); }
    outcome<statement_result> wait(std::string id, rt::duration d = 1h, wait_options o = {})
    {
        return w.get(acme.sql.wait(std::move(id), in(d), std::move(o)));
    }
};

TEST(Statements, RunGivesCountsByName)
{
    sql_desk d;
    d.count_effects();
    const auto got = d.w.get(d.acme.sql.run(make_statement("MERGE x"), d.in(1h)));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->counts.inserted, 2);
    EXPECT_EQ(got->counts.deleted, 0);
    EXPECT_FALSE(got->result_lost);
    EXPECT_EQ(d.acme.of_space.in_use(), 0U);
}

TEST(Statements, AllChunksAreRead)
{
    fake_databricks::fake_settings settings;
    settings.rows_per_chunk = 2;
    sql_desk d(1, settings);
    d.fake.execute_with([](const fake_databricks::statement_call&) {
        fake_databricks::executed out;
        out.columns = {{"n", "INT"}};
        for (int i = 0; i < 5; ++i) out.rows.push_back({std::to_string(i)});
        return out;
    });
    const auto got = d.w.get(d.acme.sql.read(make_statement("SELECT"), d.in(1h)));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    ASSERT_EQ(got->rows.size(), 5U);
    EXPECT_EQ(got->rows[4][0], "4");
    EXPECT_EQ(got->column_index("N"), 0U);
    wait_options few;
    few.rows_max = 3;
    EXPECT_EQ(id_of(d.wait(got->id, 1h, few)), "statement.too_large");
}

TEST(Statements, ParametersAndTagsArrive)
{
    sql_desk d;
    auto s = make_statement("SELECT :a, :b");
    s.parameters = {{"a", "STRING", "x'y"}, {"b", "BIGINT", std::nullopt}};
    s.tags = {{"k", "v"}};
    const auto id = d.submit(s);
    ASSERT_TRUE(id.has_value());
    const auto* seen = d.fake.statement(*id);
    ASSERT_NE(seen, nullptr);
    EXPECT_EQ(seen->what.parameters[0].value, "x'y");
    EXPECT_EQ(seen->what.parameters[1].value, std::nullopt);
    EXPECT_EQ(seen->what.tags[0].value, "v");
}

TEST(Statements, WaitingOutlivesTokensThrottlingAndRestarts)
{
    fake_databricks::fake_settings settings;
    settings.token_life = 600s;
    settings.statement_time = 2h;
    sql_desk d(1, settings);
    d.count_effects();
    const auto id = d.submit();
    ASSERT_TRUE(id.has_value());
    d.fake.inject(fault{.kind = fault_kind::throttled, .method = "GET", .path = "statements", .times = 3, .retry_after_s = 30});
    d.fake.inject(fault{.kind = fault_kind::unavailable, .method = "GET", .path = "statements", .times = 5});
    d.fake.inject(fault{.kind = fault_kind::bad_gateway, .method = "GET", .path = "statements", .times = 2});
    d.fake.inject(fault{.kind = fault_kind::lost_after, .method = "GET", .path = "statements", .times = 2});
    d.fake.inject(fault{.kind = fault_kind::refused_token, .method = "GET", .path = "statements", .times = 1});
    const auto got = d.wait(*id, 24h);
    ASSERT_TRUE(got.has_value()) << got.error().id << got.error().detail;
    EXPECT_EQ(d.effects, 1);
    EXPECT_GT(d.fake.tokens_issued, 10U) << "polled with new tokens: a statement belongs to none";
    EXPECT_EQ(d.fake.token_requests_in_flight_max, 1U);
}

TEST(Statements, AColdWarehouseIsPatientlyWaitedFor)
{
    sql_desk d;
    d.count_effects();
    d.fake.stop_warehouse("w1");
    d.fake.warehouse("w1").cold_start = 7min;
    std::vector<statement_state> seen;
    wait_options o;
    o.progress = [&](statement_state s) {
        if (seen.empty() || seen.back() != s) seen.push_back(s);
    };
    const auto id = d.submit();
    const auto got = d.wait(*id, 1h, o);
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(seen.front(), statement_state::pending);
    EXPECT_EQ(seen.back(), statement_state::succeeded);
}

TEST(Statements, ClosedAndCommittedAreSuccessWithoutAResult)
{
    sql_desk d;
    d.count_effects();
    d.fake.inject(statement_fault{.kind = statement_fault_kind::closed});
    auto id = d.submit();
    auto got = d.wait(*id);
    ASSERT_TRUE(got.has_value());
    EXPECT_TRUE(got->result_lost);
    d.fake.inject(statement_fault{.kind = statement_fault_kind::fails_after,
                                  .error = fake_databricks::sql_error("2DKD0", "DELTA_POST_COMMIT_HOOK_FAILED", "x")});
    id = d.submit();
    got = d.wait(*id);
    ASSERT_TRUE(got.has_value()) << "the data was committed";
    EXPECT_TRUE(got->result_lost);
    EXPECT_EQ(d.w.log.count("statement.committed"), 1U);
    EXPECT_EQ(d.effects, 2);
}

TEST(Statements, AVanishedStatementHasAnUnknownOutcome)
{
    sql_desk d;
    d.count_effects();
    d.fake.inject(statement_fault{.kind = statement_fault_kind::vanishes});
    const auto id = d.submit();
    const auto got = d.wait(*id);
    EXPECT_EQ(id_of(got), "statement.vanished");
    EXPECT_EQ(got.error().retry, retry_class::unknown_outcome);
}

TEST(Statements, FailuresCarryTheirClass)
{
    sql_desk d;
    d.fake.inject(statement_fault{.kind = statement_fault_kind::fails,
                                  .error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS", "User does not have MODIFY on Table 'main.a.t'.")});
    const auto id = d.submit();
    const auto got = d.wait(*id);
    EXPECT_EQ(id_of(got), "permission.missing");
    EXPECT_NE(got.error().detail.find("GRANT MODIFY ON TABLE `main`.`a`.`t` TO `" + d.fake.settings().client_id), std::string::npos);
}

TEST(Statements, SubmitIsRepeatedOnlyWhenItWasCertainlyNotAccepted)
{
    sql_desk d;
    d.count_effects();
    (void)d.w.get(d.acme.tokens.get({}));  // the refused connection is to be the submit's own
    d.client.refuse_next(1, {retry_class::transient, "connect.refused", "refused"});
    d.fake.inject(fault{.kind = fault_kind::throttled, .method = "POST", .path = "statements", .times = 2, .retry_after_s = 3});
    d.fake.inject(fault{.kind = fault_kind::throttled, .method = "POST", .path = "statements", .times = 1});
    d.fake.inject(fault{.kind = fault_kind::unavailable, .method = "POST", .path = "statements", .times = 1, .retry_after_s = 1});
    d.fake.inject(fault{.kind = fault_kind::refused_token, .method = "POST", .path = "statements", .times = 1});
    const auto began = d.w.now();
    ASSERT_TRUE(d.submit().has_value());
    EXPECT_GE(d.w.now() - began, 7s) << "waited as long as it was told";
    EXPECT_EQ(d.fake.statements_accepted, 1U);
}

TEST(Statements, ALostAnswerStaysUnknownAndTheStatementIsFoundByItsTag)
{
    for (const auto kind : {fault_kind::lost_after, fault_kind::gateway_timeout, fault_kind::unavailable, fault_kind::lost_before, fault_kind::bad_gateway}) {
        sql_desk d;
        d.count_effects();
        const auto since = d.w.wall.now_us();
        d.fake.inject(fault{.kind = kind, .method = "POST", .path = "statements"});
        auto s = make_statement("MERGE x");
        s.tags = {{"lakeferry_load", "tracks-9"}};
        const auto id = d.submit(s);
        ASSERT_TRUE(id.has_error());
        EXPECT_EQ(id.error().retry, retry_class::unknown_outcome) << id.error().id;
        const auto found = d.w.get(d.acme.sql.find({"lakeferry_load", "tracks-9"}, since, "w1", d.in(1h)));
        ASSERT_TRUE(found.has_value());
        const bool accepted = kind == fault_kind::lost_after || kind == fault_kind::gateway_timeout;
        ASSERT_EQ(found->has_value(), accepted);
        if (!accepted) continue;
        const auto adopted = d.wait((*found)->id);
        ASSERT_TRUE(adopted.has_value());
        EXPECT_EQ(adopted->counts.inserted, 2);
        EXPECT_EQ(d.effects, 1);
        EXPECT_EQ(d.fake.statements_accepted, 1U);
    }
}

TEST(Statements, TheNewestOfSeveralPagesIsFound)
{
    fake_databricks::fake_settings settings;
    settings.list_page_size = 2;
    sql_desk d(1, settings);
    const auto since = d.w.wall.now_us();
    auto tagged = make_statement("x");
    tagged.tags = {{"k", "v"}};
    (void)d.submit(tagged);
    d.w.pass(1s);
    const auto newest = d.submit(tagged);
    d.w.pass(1s);
    for (int i = 0; i < 5; ++i) (void)d.submit(make_statement("noise"));
    const auto found = d.w.get(d.acme.sql.find({"k", "v"}, since, "w1", d.in(1h)));
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ((*found)->id, *newest);
    EXPECT_FALSE(d.w.get(d.acme.sql.find({"k", "w"}, since, "w1", d.in(1h)))->has_value());
    EXPECT_FALSE(d.w.get(d.acme.sql.find({"k", "v"}, since, "w2", d.in(1h)))->has_value());
}

TEST(Statements, TheDeadlineEndsTheWaitAndNotTheStatement)
{
    fake_databricks::fake_settings settings;
    settings.statement_time = 1h;
    sql_desk d(1, settings);
    const auto id = d.submit();
    const auto began = d.w.now();
    const auto got = d.wait(*id, 10min);
    EXPECT_EQ(id_of(got), "statement.deadline");
    EXPECT_EQ(got.error().retry, retry_class::unknown_outcome);
    EXPECT_LE(d.w.now() - began, 10min + 1s);
    EXPECT_EQ(d.fake.statements_open(), 1U);
    wait_options cancel;
    cancel.cancel_at_deadline = true;
    EXPECT_EQ(id_of(d.wait(*id, 1min, cancel)), "statement.deadline");
    d.w.pass(1min);
    EXPECT_EQ(d.fake.statements_open(), 0U);
    EXPECT_EQ(id_of(d.wait(*id)), "statement.canceled");
    EXPECT_TRUE(d.w.get(d.acme.sql.cancel("01f0-unknown", d.in(1min))).has_value()) << "nothing left to cancel";
}

TEST(Statements, RunRepeatsConflictsAndUnknownOutcomes)
{
    sql_desk d;
    d.count_effects();
    d.fake.inject(fault{.kind = fault_kind::lost_after, .method = "POST", .path = "statements"});
    d.fake.inject(statement_fault{.kind = statement_fault_kind::fails, .times = 2,
                                  .error = fake_databricks::sql_error("2D521", "DELTA_METADATA_CHANGED", "x")});
    const auto got = d.w.get(d.acme.sql.run(make_statement("ALTER"), d.in(1h)));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(d.fake.statements_accepted, 3U);
    d.fake.inject(statement_fault{.kind = statement_fault_kind::fails, .times = 1,
                                  .error = fake_databricks::sql_error("42601", "PARSE_SYNTAX_ERROR", "x")});
    EXPECT_EQ(id_of(d.w.get(d.acme.sql.run(make_statement("ALTER"), d.in(1h)))), "statement.parse") << "not repeated";
}

TEST(Statements, ReadAsksAgainForALostResult)
{
    sql_desk d;
    d.fake.inject(statement_fault{.kind = statement_fault_kind::closed});
    const auto got = d.w.get(d.acme.sql.read(make_statement("SELECT 1"), d.in(1h)));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->rows.size(), 1U);
    EXPECT_EQ(d.fake.statements_accepted, 2U);
}

TEST(Statements, CapsHoldPerSpaceAndPerWarehouse)
{
    sql_desk d;
    d.count_effects();
    auto other = d.another_space("globex");
    auto third = d.another_space("initech");
    rt::task_group callers(d.w.executor(), {});
    for (int i = 0; i < 30; ++i) {
        for (auto* space : {&d.acme, other.get(), third.get()})
            callers.spawn("run", [](space_desk& s, deadline limit) -> awaitable<void> {
                const auto got = co_await s.sql.run(make_statement("MERGE"), limit);
                EXPECT_TRUE(got.has_value());
                EXPECT_LE(s.of_space.in_use(), 4U);
            }(*space, d.in(1h)));
    }
    d.w.run(callers.join());
    EXPECT_EQ(d.effects, 90);
    EXPECT_LE(d.fake.statements_running_max, 8U);
    EXPECT_GE(d.fake.statements_running_max, 4U);
}

TEST(Statements, NoSlotIsSaidWhenTheDeadlinePasses)
{
    sql_desk d;
    const auto held = d.w.get(d.acme.sql.admit("w1", d.in(1s)));
    d.acme.of_space.resize(1);
    const auto got = d.w.get(d.acme.sql.admit("w1", d.in(5s)));
    EXPECT_EQ(id_of(got), "statement.no_slot");
    EXPECT_EQ(got.error().retry, retry_class::transient);
}

TEST(Statements, RefusalsOfTheWarehouseAreSaidAtSubmit)
{
    sql_desk d;
    auto s = make_statement("SELECT 1");
    s.warehouse_id = "gone";
    EXPECT_EQ(id_of(d.submit(s)), "warehouse.not_found");
    d.fake.warehouse("w1").forbidden = true;
    EXPECT_EQ(id_of(d.submit()), "warehouse.forbidden");
    d.fake.settings().entitlements.clear();
    EXPECT_EQ(id_of(d.submit()), "entitlement.missing");
    EXPECT_EQ(d.submit().error().retry, retry_class::never);
}

TEST(Statements, ACancelledWaitLeavesTheStatementAndNothingElse)
{
    fake_databricks::fake_settings settings;
    settings.statement_time = 1h;
    sql_desk d(1, settings);
    const auto id = d.submit();
    rt::task_group callers(d.w.executor(), {});
    callers.spawn("wait", [](sql_desk& at, std::string one) -> awaitable<void> {
        (void)co_await at.acme.sql.wait(std::move(one), {});
        ADD_FAILURE() << "was cancelled";
    }(d, *id));
    d.w.pass(1min);
    callers.cancel();
    d.w.run(callers.join());
    EXPECT_EQ(d.fake.statements_open(), 1U);
    EXPECT_TRUE(d.w.get(d.acme.sql.peek(*id, d.in(1min))).has_value());
}

// Whatever the weather: an effect at most once a submit that was accepted, every call ends, one refresh at a time.
TEST(Statements, HoldInAnyWeather)
{
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        sql_desk d(seed);
        d.count_effects();
        fake_databricks::weather bad;
        bad.throttled = bad.unavailable = bad.lost_before = bad.lost_after = bad.gateway_timeout = bad.revoked = 40;
        bad.statement_closed = bad.statement_conflict = bad.statement_vanishes = 60;
        d.fake.set_weather(bad);
        int done = 0;
        rt::task_group callers(d.w.executor(), {});
        for (int i = 0; i < 10; ++i)
            callers.spawn("run", [](sql_desk& at, int& count) -> awaitable<void> {
                const auto limit = at.in(2h);
                const auto got = co_await at.acme.sql.run(make_statement("MERGE"), limit, 50);
                EXPECT_TRUE(got.has_value()) << got.error().id << " " << got.error().detail;
                EXPECT_FALSE(limit.passed(at.w.now()));
                ++count;
            }(d, done));
        d.w.run(callers.join());
        EXPECT_EQ(done, 10);
        EXPECT_LE(d.fake.token_requests_in_flight_max, 1U);
        EXPECT_LE(d.effects, static_cast<int>(d.fake.statements_accepted));
        EXPECT_EQ(d.acme.of_space.in_use(), 0U);
        d.fake.set_weather({});
    }
}

}  // namespace
}  // namespace lakeferry::databricks
