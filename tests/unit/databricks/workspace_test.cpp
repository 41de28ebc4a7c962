// The door, warehouses, files and catalog against the scripted workspace on virtual time.
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/files.hpp"
#include "tests/unit/databricks/desk.hpp"

namespace lakeferry::databricks {
namespace {

using namespace test;

call_options until(deadline limit)
{
    call_options out;
    out.limit = limit;
    return out;
}

outcome<http::response> ask(desk& d, rt::duration limit = 10min)
{
    return d.w.get(d.acme.door.call("GET", "/api/2.0/preview/scim/v2/Me", {}, until(d.in(limit))));
}

TEST(Workspace, SendsTokenAndUserAgent)
{
    desk d;
    ASSERT_TRUE(ask(d).has_value());
    const auto& sent = d.client.sent.back();
    EXPECT_EQ(sent.fields.find("Authorization"), "Bearer token-1");
    EXPECT_EQ(sent.fields.find("User-Agent"), "lakeferry/" LAKEFERRY_VERSION);
}

TEST(Workspace, ARevokedTokenIsReplacedOnce)
{
    desk d;
    ASSERT_TRUE(ask(d).has_value());
    d.fake.revoke_tokens();
    ASSERT_TRUE(ask(d).has_value());
    EXPECT_EQ(d.fake.tokens_issued, 2U);
    d.fake.inject(fault{.kind = fault_kind::refused_token, .path = "/Me", .times = 100});
    const auto before = d.requests("GET", "/Me");
    const auto got = ask(d);
    EXPECT_EQ(id_of(got), "auth.refused");
    EXPECT_EQ(d.requests("GET", "/Me") - before, 2U) << "once more with a new token, then it is said";
}

TEST(Workspace, AllWhoseTokenWasRevokedShareOneRefresh)
{
    desk d;
    ASSERT_TRUE(ask(d).has_value());
    d.fake.revoke_tokens();
    rt::task_group callers(d.w.executor(), {});
    for (int i = 0; i < 10; ++i)
        callers.spawn("call", [](desk& at) -> awaitable<void> {
            const auto got = co_await at.acme.door.call("GET", "/api/2.0/preview/scim/v2/Me", {}, until(at.in(1min)));
            EXPECT_TRUE(got.has_value());
        }(d));
    d.w.run(callers.join());
    EXPECT_EQ(d.fake.tokens_issued, 2U);
    EXPECT_EQ(d.fake.token_requests_in_flight_max, 1U);
}

TEST(Workspace, RetryAfterIsAFloorAndNoRetryAfterIsNotNow)
{
    desk d;
    ASSERT_TRUE(ask(d).has_value());
    d.fake.inject(fault{.kind = fault_kind::throttled, .path = "/Me", .retry_after_s = 20});
    auto began = d.w.now();
    ASSERT_TRUE(ask(d).has_value());
    EXPECT_GE(d.w.now() - began, 20s);
    d.fake.inject(fault{.kind = fault_kind::throttled, .path = "/Me"});
    began = d.w.now();
    ASSERT_TRUE(ask(d).has_value());
    EXPECT_GE(d.w.now() - began, 250ms);
}

TEST(Workspace, EveryCallEndsByItsDeadline)
{
    for (const auto kind : {fault_kind::lost_before, fault_kind::lost_after, fault_kind::unavailable, fault_kind::throttled}) {
        desk d;
        ASSERT_TRUE(ask(d).has_value());
        d.fake.inject(fault{.kind = kind, .path = "/Me", .times = 100000, .retry_after_s = 7});
        const auto began = d.w.now();
        EXPECT_TRUE(ask(d, 90s).has_error());
        EXPECT_LE(d.w.now() - began, 90s + 10ms);
    }
}

TEST(Workspace, NothingIsSentAfterTheDeadline)
{
    desk d;
    ASSERT_TRUE(ask(d).has_value());
    const auto before = d.client.sent.size();
    call_options late = until(deadline(d.w.now()));
    late.idempotent = false;
    const auto got = d.w.get(d.acme.door.call("POST", "/api/2.0/sql/statements", "{}", late));
    EXPECT_EQ(id_of(got), "workspace.timeout");
    EXPECT_EQ(got.error().retry, retry_class::transient) << "certainly not accepted";
    EXPECT_EQ(d.client.sent.size(), before);
}

TEST(Workspace, PagesRedirectsAndMissingHostsAreErrors)
{
    desk d;
    d.fake.inject(fault{.kind = fault_kind::html, .path = "/Me"});
    EXPECT_EQ(id_of(ask(d)), "workspace.not_databricks");
    d.fake.inject(fault{.kind = fault_kind::redirect, .path = "/Me"});
    EXPECT_EQ(id_of(ask(d)), "workspace.private_link");
    d.client.refuse_next(1, {retry_class::never, "connect.tls", "certificate expired"});
    EXPECT_EQ(id_of(ask(d)), "workspace.tls");
    d.acme.tokens.invalidate(1);
    d.client.refuse_next(1, {retry_class::never, "connect.dns_unknown", "no such host"});
    EXPECT_EQ(id_of(ask(d)), "workspace.unreachable") << "also when it is the token that cannot be had";
}

TEST(Workspace, AWrongSecretIsSaidInTheWordsOfTheTokenSource)
{
    desk d;
    d.fake.rotate_secret("another");
    const auto got = ask(d);
    EXPECT_EQ(id_of(got), "auth.invalid_client");
    EXPECT_EQ(got.error().retry, retry_class::never);
}

struct cold_desk : desk {
    warehouse_registry registry{w.executor(), w.time, w.log};

    cold_desk()
    {
        fake.stop_warehouse("w1");
        fake.warehouse("w1").cold_start = 3min;
    }
    static awaitable<void> need(cold_desk& at, space_desk& space, deadline limit, std::vector<std::string>& results)
    {
        auto got = co_await at.registry.ensure_running(space.door, "w1", limit);
        results.push_back(got.has_value() ? (got->was_started ? "started" : "ran") : got.error().id);
    }
};

TEST(Warehouses, ARunningOneNeedsOneLook)
{
    cold_desk d;
    d.fake.warehouse("w1").state = "RUNNING";
    const auto got = d.w.get(d.registry.ensure_running(d.acme.door, "w1", d.in(1h)));
    ASSERT_TRUE(got.has_value());
    EXPECT_FALSE(got->was_started);
    EXPECT_EQ(d.requests("GET", "warehouses"), 1U);
    EXPECT_TRUE(d.registry.waiting().empty());
}

TEST(Warehouses, OneWaitAndOneStartServeAllSpaces)
{
    cold_desk d;
    auto other = d.another_space("globex");
    std::vector<std::string> results;
    rt::task_group callers(d.w.executor(), {});
    for (int i = 0; i < 5; ++i) {
        callers.spawn("a", cold_desk::need(d, d.acme, d.in(1h), results));
        callers.spawn("b", cold_desk::need(d, *other, d.in(1h), results));
    }
    d.w.pass(42s);
    const auto shown = d.registry.waiting();
    ASSERT_EQ(shown.size(), 1U);
    EXPECT_EQ(shown[0].callers, 10U);
    EXPECT_EQ(shown[0].state, warehouse_state::starting);
    EXPECT_EQ(d.w.now() - shown[0].since, 42s);
    d.w.run(callers.join());
    EXPECT_EQ(results, std::vector<std::string>(10, "started"));
    EXPECT_EQ(d.fake.warehouse("w1").starts, 1U);
    EXPECT_EQ(d.requests("POST", "/start"), 1U);
    EXPECT_LE(d.requests("GET", "warehouses"), 30U);
    EXPECT_EQ(d.w.log.count("warehouse.starting"), 1U);
    EXPECT_EQ(d.w.log.count("warehouse.running"), 1U);
    EXPECT_TRUE(d.registry.waiting().empty());
}

TEST(Warehouses, ACancelledOrLateCallerDoesNotEndTheWaitOfTheOthers)
{
    cold_desk d;
    auto other = d.another_space("globex");
    std::vector<std::string> gone;
    std::vector<std::string> results;
    rt::task_group leaving(d.w.executor(), {});
    rt::task_group staying(d.w.executor(), {});
    leaving.spawn("leads and leaves", cold_desk::need(d, d.acme, {}, gone));
    leaving.spawn("next and leaves", cold_desk::need(d, d.acme, {}, gone));
    staying.spawn("late", cold_desk::need(d, *other, d.in(30s), results));
    staying.spawn("stays", cold_desk::need(d, *other, d.in(1h), results));
    d.w.pass(10s);
    leaving.cancel();
    d.w.run(leaving.join());
    d.w.run(staying.join());
    EXPECT_EQ(gone, std::vector<std::string>{});
    EXPECT_EQ(results, (std::vector<std::string>{"warehouse.start_timeout", "started"}));
    EXPECT_EQ(d.fake.warehouse("w1").starts, 1U);
}

TEST(Warehouses, OneWhoMayNotLookFailsAlone)
{
    cold_desk d;
    auto other = d.another_space("globex");
    std::vector<std::string> results;
    rt::task_group callers(d.w.executor(), {});
    d.fake.inject(fault{.kind = fault_kind::denied, .path = "warehouses", .text = "You do not have permission to use the SQL Warehouse."});
    callers.spawn("may not", cold_desk::need(d, d.acme, d.in(1h), results));
    callers.spawn("may", cold_desk::need(d, *other, d.in(1h), results));
    d.w.run(callers.join());
    EXPECT_EQ(results, (std::vector<std::string>{"warehouse.forbidden", "started"}));
}

TEST(Warehouses, AFailedStartIsSaidToAllInWords)
{
    cold_desk d;
    d.fake.warehouse("w1").start_fails = true;
    std::vector<std::string> results;
    rt::task_group callers(d.w.executor(), {});
    for (int i = 0; i < 3; ++i) callers.spawn("a", cold_desk::need(d, d.acme, d.in(1h), results));
    d.w.run(callers.join());
    EXPECT_EQ(results, std::vector<std::string>(3, "warehouse.failed_to_start"));
    EXPECT_EQ(d.fake.warehouse("w1").starts, 1U) << "not again and again: the next run decides";
    const auto again = d.w.get(d.registry.ensure_running(d.acme.door, "w1", d.in(1h)));
    EXPECT_NE(again.error().detail.find("INSUFFICIENT_INSTANCE_CAPACITY"), std::string::npos);
}

TEST(Warehouses, TwentyMinutesAreEnough)
{
    cold_desk d;
    d.fake.warehouse("w1").cold_start = 24h;
    const auto began = d.w.now();
    const auto got = d.w.get(d.registry.ensure_running(d.acme.door, "w1", {}));
    EXPECT_EQ(id_of(got), "warehouse.start_timeout");
    EXPECT_EQ(got.error().retry, retry_class::transient);
    EXPECT_LE(d.w.now() - began, 21min);
}

TEST(Warehouses, MissingOnesAndListsAndStopping)
{
    cold_desk d;
    EXPECT_EQ(id_of(d.w.get(d.registry.ensure_running(d.acme.door, "nope", d.in(1h)))), "warehouse.not_found");
    const auto all = d.w.get(list_warehouses(d.acme.door, d.in(1h)));
    ASSERT_TRUE(all.has_value());
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ((*all)[0].type, "PRO");
    ASSERT_TRUE(d.w.get(d.registry.ensure_running(d.acme.door, "w1", d.in(1h))).has_value());
    ASSERT_TRUE(d.w.get(stop_warehouse(d.acme.door, "w1", d.in(1h))).has_value());
    EXPECT_EQ(d.w.get(get_warehouse(d.acme.door, "w1", d.in(1h)))->state, warehouse_state::stopped);
}

TEST(Files, PutGetListRemove)
{
    fake_databricks::fake_settings settings;
    settings.list_page_size = 2;
    desk d(1, settings);
    const auto root = volume_root("main", "acme", "stage");
    EXPECT_EQ(id_of(d.w.get(put_file(d.acme.door, root + "/a", "x", d.in(1h)))), "volume.not_found");
    d.fake.volumes.insert("main.acme.stage");
    const std::string odd = root + "/load 1/a+b%20ä?.json.gz";
    ASSERT_TRUE(d.w.get(put_file(d.acme.door, odd, std::string("\0\xff", 2), d.in(1h))).has_value());
    EXPECT_EQ(d.fake.files.at(odd), std::string("\0\xff", 2));
    EXPECT_EQ(*d.w.get(get_file(d.acme.door, odd, d.in(1h))), std::string("\0\xff", 2));
    for (const char* name : {"1", "2", "3", "4", "5"})
        ASSERT_TRUE(d.w.get(put_file(d.acme.door, root + "/many/" + name, "x", d.in(1h))).has_value());
    const auto listed = d.w.get(list_directory(d.acme.door, root + "/many", d.in(1h)));
    ASSERT_TRUE(listed.has_value());
    EXPECT_EQ(listed->size(), 5U) << "all pages";
    EXPECT_EQ(listed->back().path, root + "/many/5");
    EXPECT_EQ(*d.w.get(file_exists(d.acme.door, odd, d.in(1h))), true);
    ASSERT_TRUE(d.w.get(remove_file(d.acme.door, odd, d.in(1h))).has_value());
    EXPECT_EQ(*d.w.get(file_exists(d.acme.door, odd, d.in(1h))), false);
    EXPECT_TRUE(d.w.get(remove_file(d.acme.door, odd, d.in(1h))).has_value()) << "gone already is fine";
    EXPECT_EQ(id_of(d.w.get(get_file(d.acme.door, odd, d.in(1h)))), "file.not_found");
    EXPECT_TRUE(d.w.get(list_directory(d.acme.door, root + "/none", d.in(1h)))->empty());
    EXPECT_EQ(id_of(d.w.get(list_directory(d.acme.door, volume_root("main", "acme", "other"), d.in(1h)))), "volume.not_found");
    ASSERT_TRUE(d.w.get(make_directory(d.acme.door, root + "/new", d.in(1h))).has_value());
    EXPECT_EQ(*d.w.get(directory_exists(d.acme.door, root + "/new", d.in(1h))), true);
    ASSERT_TRUE(d.w.get(remove_directory(d.acme.door, root + "/new", d.in(1h))).has_value());
    EXPECT_EQ(*d.w.get(directory_exists(d.acme.door, root + "/new", d.in(1h))), false);
}

TEST(Files, PutSurvivesWhatGoesWrongAndSaysWhatIsMissing)
{
    desk d;
    d.fake.volumes.insert("main.acme.stage");
    const auto path = volume_root("main", "acme", "stage") + "/a";
    d.fake.inject(fault{.kind = fault_kind::lost_after, .method = "PUT"});
    d.fake.inject(fault{.kind = fault_kind::bad_gateway, .method = "PUT", .times = 2});
    d.fake.inject(fault{.kind = fault_kind::throttled, .method = "PUT", .retry_after_s = 5});
    ASSERT_TRUE(d.w.get(put_file(d.acme.door, path, "bytes", d.in(1h))).has_value());
    EXPECT_EQ(d.fake.files.at(path), "bytes");
    d.fake.settings().all_privileges = false;
    const auto denied = d.w.get(put_file(d.acme.door, path, "x", d.in(1h)));
    EXPECT_EQ(id_of(denied), "permission.missing");
    EXPECT_NE(denied.error().detail.find("GRANT WRITE VOLUME ON VOLUME `main`.`acme`.`stage`"), std::string::npos) << denied.error().detail;
    d.fake.grant("schema", "main.acme", "WRITE VOLUME");
    EXPECT_TRUE(d.w.get(put_file(d.acme.door, path, "x", d.in(1h))).has_value());
}

TEST(Catalog, ShowsWhatExists)
{
    fake_databricks::fake_settings settings;
    settings.list_page_size = 1;
    desk d(1, settings);
    const auto limit = d.in(1h);
    auto& door = d.acme.door;
    EXPECT_EQ(d.w.get(metastore_assignment(door, limit))->default_catalog, "main");
    EXPECT_EQ(d.w.get(metastore_assignment(door, limit))->workspace_id, "1234567890");
    EXPECT_TRUE(d.w.get(get_catalog(door, "main", limit))->has_value());
    EXPECT_FALSE(d.w.get(get_catalog(door, "nope", limit))->has_value());
    EXPECT_EQ(id_of(d.w.get(get_catalog(door, "hive_metastore", limit))), "catalog.not_unity");
    EXPECT_FALSE(d.w.get(get_schema(door, "main", "acme", limit))->has_value());
    EXPECT_EQ(id_of(d.w.get(list_tables(door, "main", "acme", limit))), "schema.not_found");
    d.fake.tables.create_schema("main.acme", true);
    d.fake.tables.create_schema("main.other", true);
    EXPECT_EQ((**d.w.get(get_schema(door, "main", "acme", limit))).full_name, "main.acme");
    EXPECT_EQ(d.w.get(list_schemas(door, "main", limit))->size(), 2U);
    d.fake.tables.create("main.acme.tracks", {{"id", "STRING", "the message"}, {"n", "BIGINT", ""}}, true);
    d.fake.tables.create("main.acme.users", {{"id", "STRING", ""}}, true);
    const auto tables = d.w.get(list_tables(door, "main", "acme", limit));
    ASSERT_TRUE(tables.has_value());
    ASSERT_EQ(tables->size(), 2U) << "all pages";
    const auto tracks = d.w.get(get_table(door, "main", "acme", "tracks", limit));
    ASSERT_TRUE(tracks.has_value() && tracks->has_value());
    ASSERT_NE((*tracks)->find("ID"), nullptr);
    EXPECT_EQ((*tracks)->find("id")->comment, "the message");
    EXPECT_EQ((*tracks)->find("n")->type_text, "bigint");
    EXPECT_EQ((*tracks)->find("none"), nullptr);
    EXPECT_FALSE(d.w.get(get_table(door, "main", "acme", "none", limit))->has_value());
    EXPECT_FALSE(d.w.get(get_volume(door, "main", "acme", "stage", limit))->has_value());
    d.fake.volumes.insert("main.acme.stage");
    EXPECT_EQ((**d.w.get(get_volume(door, "main", "acme", "stage", limit))).type, "MANAGED");
    d.fake.settings().has_metastore = false;
    EXPECT_EQ(id_of(d.w.get(metastore_assignment(door, limit))), "catalog.not_unity");
}

TEST(Catalog, EffectivePrivilegesAreReadPastEmptyPages)
{
    desk d;
    d.fake.settings().all_privileges = false;
    d.fake.settings().groups = {"loaders"};
    d.fake.grant("catalog", "main", "USE CATALOG");
    d.fake.grant("schema", "main.acme", "CREATE TABLE");
    const auto limit = d.in(1h);
    const auto who = d.w.get(me(d.acme.door, limit));
    ASSERT_TRUE(who.has_value());
    EXPECT_EQ(d.acme.door.principal(), who->user_name);
    const auto got = d.w.get(effective_privileges(d.acme.door, securable::schema, "main.acme", *who, limit));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_TRUE(got->has("USE CATALOG")) << "inherited";
    EXPECT_TRUE(got->has("CREATE TABLE"));
    EXPECT_FALSE(got->has("MODIFY"));
    EXPECT_GE(d.requests("GET", "principal=loaders"), 1U);
    d.fake.inject(fault{.kind = fault_kind::denied, .path = "principal=loaders", .text = "no"});
    EXPECT_TRUE(d.w.get(effective_privileges(d.acme.door, securable::schema, "main.acme", *who, limit)).has_value());
}

}  // namespace
}  // namespace lakeferry::databricks
