// Parsing and decisions without I/O: statements, polling, warehouses, identity.
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/identity.hpp"
#include "sync/databricks/poll_fsm.hpp"
#include "sync/databricks/rest.hpp"
#include "sync/databricks/statement_messages.hpp"
#include "sync/databricks/warehouses.hpp"

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

namespace lakeferry::databricks {
namespace {

using rt::retry_class;
using namespace std::chrono_literals;

TEST(StatementMessages, SubmitNeverWaitsAndKeepsEmptyApartFromNull)
{
    statement s;
    s.text = "SELECT :a, :b";
    s.warehouse_id = "w1";
    s.catalog = "main";
    s.parameters = {{"a", "STRING", ""}, {"b", "BIGINT", std::nullopt}};
    s.tags = {{"lakeferry_load", "tracks-9"}};
    const auto body = boost::json::parse(submit_body(s)).as_object();
    EXPECT_EQ(body.at("wait_timeout"), "0s");
    EXPECT_EQ(body.at("warehouse_id"), "w1");
    EXPECT_EQ(body.at("catalog"), "main");
    EXPECT_FALSE(body.contains("schema"));
    EXPECT_EQ(body.at("parameters").at(0).at("value"), "");
    EXPECT_TRUE(body.at("parameters").at(1).at("value").is_null());
    EXPECT_EQ(body.at("parameters").at(1).at("type"), "BIGINT");
    EXPECT_EQ(body.at("query_tags").at(0).at("key"), "lakeferry_load");
}

TEST(StatementMessages, ReadsAResult)
{
    const auto got = parse_statement_status(R"({"statement_id":"01f0","status":{"state":"SUCCEEDED"},
        "manifest":{"format":"JSON_ARRAY","schema":{"column_count":2,"columns":[{"name":"a","type_name":"LONG","type_text":"BIGINT"},
        {"name":"B","type_name":"GEOGRAPHY"}]},"total_chunk_count":2,"truncated":false},
        "result":{"chunk_index":0,"data_array":[["1",null],["",  "x"]],"next_chunk_internal_link":"/api/2.0/sql/statements/01f0/result/chunks/1?row_offset=2"}})");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->state, statement_state::succeeded);
    ASSERT_EQ(got->columns.size(), 2U);
    EXPECT_EQ(got->columns[0].type_text, "BIGINT");
    EXPECT_EQ(got->columns[1].type_text, "GEOGRAPHY");
    ASSERT_EQ(got->first.rows.size(), 2U);
    EXPECT_EQ(got->first.rows[0][1], std::nullopt);
    EXPECT_EQ(got->first.rows[1][0], "") << "an empty string is not NULL";
    EXPECT_FALSE(got->first.next_link.empty());
}

TEST(StatementMessages, ReadsDdlWhichHasNoColumnsAtAll)
{
    const auto got = parse_statement_status(R"({"statement_id":"01f0","status":{"state":"SUCCEEDED"},
        "manifest":{"format":"JSON_ARRAY","schema":{"column_count":0},"total_chunk_count":0,"total_row_count":0},"result":{}})");
    ASSERT_TRUE(got.has_value());
    EXPECT_TRUE(got->columns.empty());
    EXPECT_TRUE(got->first.rows.empty());
}

TEST(StatementMessages, ReadsEveryStateAndKeepsUnknownOnesOpen)
{
    const auto state = [](const char* text) {
        return parse_statement_status(std::string(R"({"statement_id":"1","status":{"state":")") + text + "\"}}")->state;
    };
    EXPECT_EQ(state("PENDING"), statement_state::pending);
    EXPECT_EQ(state("RUNNING"), statement_state::running);
    EXPECT_EQ(state("SUCCEEDED"), statement_state::succeeded);
    EXPECT_EQ(state("FAILED"), statement_state::failed);
    EXPECT_EQ(state("CANCELED"), statement_state::canceled);
    EXPECT_EQ(state("CLOSED"), statement_state::closed);
    EXPECT_EQ(state("QUEUED_SOMEWHERE"), statement_state::unknown);
    EXPECT_FALSE(is_final(statement_state::unknown));
    EXPECT_TRUE(is_final(statement_state::closed));
}

TEST(StatementMessages, RefusesWhatItCannotUnderstand)
{
    for (const char* body : {"", "[]", "{}", R"({"statement_id":"1"})", R"({"statement_id":5,"status":{}})",
                             R"({"statement_id":"1","status":{"state":"SUCCEEDED"},"result":{"data_array":[5]}})",
                             R"({"statement_id":"1","status":{"state":"SUCCEEDED"},"result":{"next_chunk_internal_link":"https://evil.test/"}})",
                             R"({"statement_id":"1","status":{"state":"SUCCEEDED"},"result":{"next_chunk_internal_link":"/api/../x"}})"}) {
        const auto got = parse_statement_status(body);
        ASSERT_TRUE(got.has_error()) << body;
        EXPECT_EQ(got.error().id, "statement.bad_answer");
        EXPECT_EQ(got.error().retry, retry_class::unknown_outcome);
    }
}

TEST(StatementMessages, CountsAreReadByNameAndMayBeAbsent)
{
    const auto merge = read_counts({{"num_affected_rows", ""}, {"num_updated_rows", ""}, {"num_deleted_rows", ""}, {"num_inserted_rows", ""}}, {{"3", "1", "0", "2"}});
    EXPECT_EQ(merge.affected, 3);
    EXPECT_EQ(merge.updated, 1);
    EXPECT_EQ(merge.deleted, 0);
    EXPECT_EQ(merge.inserted, 2);
    EXPECT_EQ(merge.skipped_corrupt_files, std::nullopt);
    const auto odd = read_counts({{"NUM_INSERTED_ROWS", ""}, {"num_affected_rows", ""}, {"x", ""}}, {{"7", std::nullopt}});
    EXPECT_EQ(odd.inserted, 7);
    EXPECT_EQ(odd.affected, std::nullopt);
    EXPECT_EQ(read_counts({{"num_affected_rows", ""}}, {{"many"}}).affected, std::nullopt);
    EXPECT_EQ(read_counts({{"num_affected_rows", ""}}, {}).affected, std::nullopt);
}

TEST(StatementMessages, HistoryIsSearchedByTag)
{
    const auto page = parse_history(R"({"res":[
        {"query_id":"a","status":"FINISHED","query_start_time_ms":5,"query_tags":[{"key":"k","value":"v"}]},
        {"query_id":"b","status":"QUEUED","query_tags":[{"key":"k","value":"w"}]},
        {"query_id":"c","status":"COMPILING","query_tags":{"k":"v"}},
        {"query_id":"d","status":"FAILED"},7],"next_page_token":"t"})", {"k", "v"});
    ASSERT_TRUE(page.has_value());
    ASSERT_EQ(page->matching.size(), 2U);
    EXPECT_EQ(page->matching[0].id, "a");
    EXPECT_EQ(page->matching[0].state, statement_state::succeeded);
    EXPECT_EQ(page->matching[1].state, statement_state::running);
    EXPECT_EQ(page->next_page_token, "t");
    EXPECT_TRUE(parse_history("[", {"k", "v"}).has_error());
    EXPECT_NE(history_path("w 1", 17, "a b").find("filter_by.warehouse_ids=w%201"), std::string::npos);
}

statement_status with(statement_state s)
{
    statement_status out;
    out.id = "01f0";
    out.state = s;
    return out;
}

TEST(PollFsm, PausesGrowToFiveSeconds)
{
    poll_fsm fsm;
    rt::duration last{};
    for (int i = 0; i < 30; ++i) {
        const auto step = fsm.answered(with(i % 2 == 0 ? statement_state::pending : statement_state::running), "", 0.0);
        ASSERT_EQ(step.what, poll_fsm::action::pause);
        EXPECT_GE(step.pause, last);
        last = step.pause;
    }
    EXPECT_EQ(last, 5s);
    EXPECT_EQ(poll_fsm().answered(with(statement_state::pending), "", 0.0).pause, 100ms);
    EXPECT_EQ(poll_fsm().answered(with(statement_state::pending), "", 1.0).pause, 125ms);
}

TEST(PollFsm, EndStatesEndIt)
{
    poll_fsm fsm;
    EXPECT_EQ(fsm.answered(with(statement_state::succeeded), "", 0).what, poll_fsm::action::finish);
    EXPECT_EQ(fsm.answered(with(statement_state::closed), "", 0).what, poll_fsm::action::committed_without_result);
    const auto canceled = fsm.answered(with(statement_state::canceled), "", 0);
    EXPECT_EQ(canceled.what, poll_fsm::action::fail);
    EXPECT_EQ(canceled.why->id, "statement.canceled");
    auto failed = with(statement_state::failed);
    failed.error = statement_error{"01f0", "2D521", "", ""};
    EXPECT_EQ(fsm.answered(failed, "", 0).why->id, "statement.conflict");
    failed.error = statement_error{"01f0", "2DKD0", "", "[DELTA_POST_COMMIT_HOOK_FAILED] x"};
    EXPECT_EQ(fsm.answered(failed, "", 0).what, poll_fsm::action::committed_without_result) << "the data is there";
}

TEST(PollFsm, OutlivesEverythingThatSaysNothingAboutTheStatement)
{
    poll_fsm fsm;
    const rt::failure passing[] = {{retry_class::throttled, "workspace.throttled", "", 90s},
                                   {retry_class::transient, "workspace.unavailable"},
                                   {retry_class::transient, "workspace.unreachable"},
                                   {retry_class::unknown_outcome, "workspace.timeout"},
                                   {retry_class::reauth, "auth.refused"}};
    for (const auto& why : passing) {
        const auto step = fsm.failed(why, 0);
        EXPECT_EQ(step.what, poll_fsm::action::pause) << why.id;
        if (why.retry_after) {
            EXPECT_GE(step.pause, *why.retry_after) << "Retry-After is a floor";
        }
    }
    EXPECT_EQ(fsm.deaf(), 5U);
    EXPECT_EQ(fsm.answered(with(statement_state::running), "", 0).what, poll_fsm::action::pause);
    EXPECT_EQ(fsm.deaf(), 0U);
}

TEST(PollFsm, ANotFoundStatementHasAnUnknownOutcomeAndSoHasARefusedPoll)
{
    poll_fsm fsm;
    const auto gone = fsm.failed({retry_class::never, "statement.not_found"}, 0);
    EXPECT_EQ(gone.what, poll_fsm::action::fail);
    EXPECT_EQ(gone.why->id, "statement.vanished");
    EXPECT_EQ(gone.why->retry, retry_class::unknown_outcome);
    const auto refused = fsm.failed({retry_class::never, "permission.missing"}, 0);
    EXPECT_EQ(refused.why->id, "permission.missing");
    EXPECT_EQ(refused.why->retry, retry_class::unknown_outcome) << "the statement goes on without us";
    poll_fsm again;
    EXPECT_EQ(again.failed({retry_class::reauth, "auth.refused"}, 0).what, poll_fsm::action::pause);
    EXPECT_EQ(again.failed({retry_class::reauth, "auth.refused"}, 0).what, poll_fsm::action::pause);
    EXPECT_EQ(again.failed({retry_class::reauth, "auth.refused"}, 0).what, poll_fsm::action::fail) << "not for ever";
}

TEST(HttpPath, GivesTheWarehouseIdOrSaysWhereToFindIt)
{
    EXPECT_EQ(*parse_http_path("/sql/1.0/warehouses/1a2b3c4d5e6f7a8b"), "1a2b3c4d5e6f7a8b");
    EXPECT_EQ(*parse_http_path("/sql/1.0/endpoints/1a2b"), "1a2b");
    EXPECT_EQ(*parse_http_path("sql/1.0/warehouses/1a2b"), "1a2b");
    const auto cluster = parse_http_path("/sql/protocolv1/o/1234567890/0123-456789-abcde");
    ASSERT_TRUE(cluster.has_error());
    EXPECT_EQ(cluster.error().id, "http_path.cluster");
    EXPECT_NE(cluster.error().detail.find("Connection details"), std::string::npos);
    for (const char* bad : {"", "/", "1a2b", "/sql/1.0/warehouses/", "/sql/1.0/warehouses/1a/2b", "/sql/1.0/warehouses/1a?x", "/sql/1.0/warehouses/../x"})
        EXPECT_EQ(parse_http_path(bad).error().id, "http_path.malformed") << bad;
}

warehouse_info in_state(warehouse_state s)
{
    warehouse_info out;
    out.id = "w1";
    out.state = s;
    return out;
}

TEST(WarehouseFsm, StartsOnceAndKnowsAFailedStart)
{
    using action = warehouse_start_fsm::action;
    warehouse_start_fsm fsm;
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::stopping)), action::pause);
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::stopped)), action::request_start);
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::stopped)), action::pause) << "it may not show yet";
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::starting)), action::pause);
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::unknown)), action::pause);
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::running)), action::done);
    EXPECT_EQ(fsm.answered(in_state(warehouse_state::stopped)), action::give_up) << "it was starting before";
    EXPECT_EQ(warehouse_start_fsm().answered(in_state(warehouse_state::deleted)), action::give_up);
    EXPECT_EQ(warehouse_start_fsm().answered(in_state(warehouse_state::deleting)), action::give_up);
    warehouse_start_fsm stuck;
    EXPECT_EQ(stuck.answered(in_state(warehouse_state::stopped)), action::request_start);
    int polls = 0;
    while (stuck.answered(in_state(warehouse_state::stopped)) == action::pause && polls < 100) ++polls;
    EXPECT_EQ(polls, 5) << "a start that never shows is a failed one";
    stuck.request_failed();
    EXPECT_EQ(stuck.answered(in_state(warehouse_state::stopped)), action::request_start);
}

TEST(WarehouseFsm, PausesGrowToTenSecondsAndAJitter)
{
    warehouse_start_fsm fsm;
    EXPECT_EQ(fsm.pause(0), 1s);
    EXPECT_EQ(fsm.pause(0.5), 2500ms);
    for (int i = 0; i < 20; ++i) fsm.pause(0);
    EXPECT_EQ(fsm.pause(0), 10s);
}

TEST(WarehouseMessages, ReadsWhatAdviceNeeds)
{
    const auto got = parse_warehouse(R"({"id":"1a","name":"Starter","state":"STOPPED","cluster_size":"2X-Small","warehouse_type":"PRO",
        "enable_serverless_compute":true,"min_num_clusters":1,"max_num_clusters":"2","num_clusters":0,"auto_stop_mins":"10",
        "health":{"status":"FAILED","summary":"no capacity","failure_reason":{"code":"INSUFFICIENT_CAPACITY","type":"CLOUD_FAILURE"}},
        "odbc_params":{"path":"/sql/1.0/warehouses/1a"}})");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->state, warehouse_state::stopped);
    EXPECT_TRUE(got->serverless);
    EXPECT_EQ(got->max_clusters, 2);
    EXPECT_EQ(got->auto_stop_minutes, 10);
    EXPECT_EQ(got->http_path, "/sql/1.0/warehouses/1a");
    const auto why = start_failure(*got);
    EXPECT_EQ(why.id, "warehouse.failed_to_start");
    EXPECT_EQ(why.retry, retry_class::transient);
    for (const char* word : {"Starter", "INSUFFICIENT_CAPACITY", "CLOUD_FAILURE", "no capacity"})
        EXPECT_NE(why.detail.find(word), std::string::npos) << word;
    auto mine = *got;
    mine.failure_type = "CLIENT_ERROR";
    EXPECT_EQ(start_failure(mine).retry, retry_class::never);
    mine.state = warehouse_state::deleted;
    EXPECT_EQ(start_failure(mine).id, "warehouse.deleted");
    for (const char* body : {"", "[]", "{}", R"({"id":7})"}) EXPECT_TRUE(parse_warehouse(body).has_error()) << body;
    EXPECT_EQ(parse_warehouse(R"({"id":"1","state":"DREAMING","health":5})")->state, warehouse_state::unknown);
}

TEST(Identity, ReadsMe)
{
    const auto got = parse_identity(R"({"id":"42","userName":"5f2c","displayName":"lf","active":true,
        "groups":[{"display":"admins","value":"1"},{"value":"2"}],"entitlements":[{"value":"databricks-sql-access"}]})");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->groups, std::vector<std::string>{"admins"});
    EXPECT_TRUE(got->may_use_sql());
    EXPECT_FALSE(parse_identity(R"({"userName":"x"})")->may_use_sql());
    EXPECT_TRUE(parse_identity("{}").has_error());
}

TEST(CatalogNames, OfTheOldMetastoreAreRefused)
{
    for (const char* name : {"hive_metastore", "HIVE_METASTORE", "spark_catalog"})
        EXPECT_EQ(refuse_catalog_name(name)->id, "catalog.not_unity") << name;
    for (const char* name : {"", "a.b", "a/b", "a b", "a\n"}) EXPECT_EQ(refuse_catalog_name(name)->id, "catalog.malformed") << name;
    EXPECT_FALSE(refuse_catalog_name("main").has_value());
}

TEST(Privileges, AllPrivilegesImplyAllButManage)
{
    privileges all;
    all.held = {"ALL PRIVILEGES"};
    EXPECT_TRUE(all.has("USE CATALOG"));
    EXPECT_FALSE(all.has("MANAGE"));
    privileges owner;
    owner.owner = true;
    EXPECT_TRUE(owner.has("MANAGE"));
    EXPECT_FALSE(privileges().has("SELECT"));
}

TEST(WorkspaceUrl, IsAnOriginAndNothingMore)
{
    EXPECT_EQ(*parse_workspace_url("https://dbc-1.cloud.databricks.com", 443), (http::origin{"https", "dbc-1.cloud.databricks.com", "443"}));
    EXPECT_EQ(parse_workspace_url("https://dbc-1.test/", 8443)->port, "8443");
    EXPECT_EQ(parse_workspace_url("https://dbc-1.test:9443", 443)->port, "9443");
    EXPECT_EQ(*parse_workspace_url("http://127.0.0.1:8765", 443), (http::origin{"http", "127.0.0.1", "8765"}));
    EXPECT_EQ(parse_workspace_url("http://[::1]:8765", 443)->host, "::1");
    for (const char* bad : {"", "dbc-1.test", "http://dbc-1.test", "http://127.evil.test", "ftp://dbc-1.test", "https://u:p@dbc-1.test", "https://dbc-1.test/?o=1",
                            "https://dbc-1.test/sql", "https://dbc-1.test#x", "https://"})
        EXPECT_EQ(parse_workspace_url(bad, 443).has_error() ? parse_workspace_url(bad, 443).error().id : "", "workspace.bad_url") << bad;
}

}  // namespace
}  // namespace lakeferry::databricks
