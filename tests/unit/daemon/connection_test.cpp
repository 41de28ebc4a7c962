// The decisions of Test Connection.
#include "sync/profiles/connection_test.hpp"

#include <gtest/gtest.h>

namespace lakeferry::profiles {
namespace {

using state = requirement_state;

core::space_config config()
{
    core::space_config c;
    c.id = "acme";
    c.databricks.catalog = "main";
    c.profiles_sync.schema = "acme";
    return c;
}

const requirement* find(const std::vector<requirement>& all, const std::string& id)
{
    for (const auto& one : all)
        if (one.id == id) return &one;
    return nullptr;
}

databricks::privileges holds(std::set<std::string> these) { return {.held = std::move(these)}; }

seen_objects everything()
{
    seen_objects s;
    s.catalog = {databricks::securable_info{.full_name = "main"}, holds({"USE CATALOG", "CREATE SCHEMA"}), {}};
    s.schema = {databricks::securable_info{.full_name = "main.acme"}, holds({"USE SCHEMA", "SELECT", "MODIFY", "CREATE TABLE", "CREATE VOLUME"}), {}};
    s.volume = {databricks::securable_info{.full_name = "main.acme.lakeferry"}, holds({"READ VOLUME", "WRITE VOLUME"}), {}};
    return s;
}

bool is_ready(const seen_objects& s) { return connection_report{.lines = judge_privileges(s, config(), "sp")}.ready(); }

TEST(ConnectionTest, EverythingHeldIsReady)
{
    EXPECT_TRUE(is_ready(everything()));
    EXPECT_TRUE((connection_report{.lines = judge_privileges(everything(), config(), "sp")}.grants().empty()));
}

TEST(ConnectionTest, EachMissingPrivilegeHasItsGrant)
{
    struct row {
        std::string id;
        std::string privilege;
        std::string grant;
    };
    for (const auto& [id, privilege, grant] : std::vector<row>{
             {"use_catalog", "USE CATALOG", "GRANT USE CATALOG ON CATALOG `main` TO `sp`;"},
             {"use_schema", "USE SCHEMA", "GRANT USE SCHEMA ON SCHEMA `main`.`acme` TO `sp`;"},
             {"select", "SELECT", "GRANT SELECT ON SCHEMA `main`.`acme` TO `sp`;"},
             {"modify", "MODIFY", "GRANT MODIFY ON SCHEMA `main`.`acme` TO `sp`;"},
             {"create_table", "CREATE TABLE", "GRANT CREATE TABLE ON SCHEMA `main`.`acme` TO `sp`;"}}) {
        auto seen = everything();
        seen.catalog.rights.held.erase(privilege);
        seen.schema.rights.held.erase(privilege);
        const auto lines = judge_privileges(seen, config(), "sp");
        const auto* line = find(lines, id);
        ASSERT_NE(line, nullptr) << id;
        EXPECT_EQ(line->state, state::missing) << id;
        EXPECT_EQ(line->grant, grant);
        EXPECT_FALSE(is_ready(seen));
    }
}

TEST(ConnectionTest, WithoutSchemaOnlyTheRightToMakeItCounts)
{
    auto seen = everything();
    seen.schema = {};
    seen.volume = {};
    EXPECT_TRUE(is_ready(seen));
    seen.catalog.rights.held.erase("CREATE SCHEMA");
    const auto lines = judge_privileges(seen, config(), "sp");
    EXPECT_EQ(find(lines, "create_schema")->state, state::missing);
    EXPECT_EQ(find(lines, "create_schema")->grant, "GRANT CREATE SCHEMA ON CATALOG `main` TO `sp`;");
}

TEST(ConnectionTest, AnExistingSchemaNeedsNoRightToMakeOne)
{
    auto seen = everything();
    seen.catalog.rights.held.erase("CREATE SCHEMA");
    EXPECT_TRUE(is_ready(seen));
}

TEST(ConnectionTest, OwnershipAndAllPrivilegesAreEnough)
{
    auto seen = everything();
    seen.schema.rights = {.held = {"ALL PRIVILEGES"}};
    seen.catalog.rights = {.owner = true};
    EXPECT_TRUE(is_ready(seen));
}

TEST(ConnectionTest, AMissingCatalogEndsTheList)
{
    const auto lines = judge_privileges({}, config(), "sp");
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0].state, state::missing);
    EXPECT_NE(lines[0].text.find("hidden"), std::string::npos);
    EXPECT_EQ((connection_report{.lines = lines}.grants()),
              (std::vector<std::string>{"GRANT USE CATALOG ON CATALOG `main` TO `sp`;", "GRANT CREATE SCHEMA ON CATALOG `main` TO `sp`;"}));
}

TEST(ConnectionTest, WhatCannotBeLookedAtIsUnknownNotMissing)
{
    auto seen = everything();
    seen.schema.rights = {};
    seen.schema.failed = rt::failure{.detail = "no answer"};
    const auto lines = judge_privileges(seen, config(), "sp");
    EXPECT_EQ(find(lines, "modify")->state, state::unknown);
    EXPECT_EQ(find(lines, "modify")->text, "no answer");
    EXPECT_TRUE(find(lines, "modify")->grant.empty());
}

TEST(ConnectionTest, VolumeRightsAreOptionalAndSayWhatHappensWithout)
{
    auto seen = everything();
    seen.volume.rights = {};
    const auto lines = judge_privileges(seen, config(), "sp");
    EXPECT_EQ(find(lines, "write_volume")->state, state::advice);
    EXPECT_NE(find(lines, "write_volume")->text.find("use_volume = false"), std::string::npos);
    EXPECT_EQ(find(lines, "write_volume")->grant, "GRANT WRITE VOLUME ON VOLUME `main`.`acme`.`lakeferry` TO `sp`;");
    EXPECT_TRUE(is_ready(seen));
    auto without = config();
    without.profiles_sync.use_volume = false;
    EXPECT_EQ(find(judge_privileges(seen, without, "sp"), "write_volume"), nullptr);
}

TEST(ConnectionTest, ATokenFailureIsPutWhereItBelongs)
{
    const auto where = [](const std::string& id) {
        const auto lines = judge_token(rt::failure{.id = id, .detail = "why"}, "https://dbc-1.test");
        for (const auto& one : lines)
            if (one.state == state::missing) return one.id;
        return std::string();
    };
    EXPECT_EQ(where("connect.refused"), "host");
    EXPECT_EQ(where("connect.dns_unknown"), "host");
    EXPECT_EQ(where("connect.tls"), "tls");
    EXPECT_EQ(where("workspace.tls"), "tls");
    EXPECT_EQ(where("auth.invalid_client"), "token");
    EXPECT_EQ(where("auth.refused"), "token");
    EXPECT_EQ(where("credential.not_found"), "token");
    EXPECT_EQ(where("auth.not_databricks"), "host");
    for (const auto& one : judge_token(std::nullopt, "https://dbc-1.test")) EXPECT_EQ(one.state, state::ok);
}

TEST(ConnectionTest, ALeaseOfAnotherIsMissingForSureOrAdviceWhereOnlyNamesTell)
{
    const lease_holder here{.id = "1", .space = "acme", .host = "h1"};
    const lease_holder nameless{.space = "acme", .host = "h1"};
    const lease_holder elsewhere{.id = "2", .space = "acme", .host = "h2", .since = "2026-03-01"};
    const lease_holder copy{.id = "2", .space = "acme", .host = "h1"};
    struct lease_case {
        std::optional<lease_holder> by;
        lease_holder self;
        state expected;
    };
    for (const auto& one : {lease_case{std::nullopt, here, state::ok}, {here, here, state::ok}, {here, nameless, state::ok},
                            {elsewhere, here, state::missing}, {elsewhere, nameless, state::advice}, {copy, here, state::missing}}) {
        const auto said = judge_lease(one.by, one.self);
        EXPECT_EQ(said.state, one.expected) << said.text;
        EXPECT_EQ(said.text.find("lakeferry takeover acme") != std::string::npos, one.expected != state::ok) << said.text;
    }
    EXPECT_NE(judge_lease(elsewhere, here).text.find("space acme on host h2, state directory 2, since 2026-03-01"), std::string::npos);
}

TEST(ConnectionTest, ARefusedConnectionSaysWhatToLookAt)
{
    const auto said = judge_token(rt::failure{.id = "connect.refused", .detail = "127.0.0.1:1 refused the connection"}, "http://127.0.0.1:1");
    ASSERT_EQ(said.size(), 1U);
    EXPECT_EQ(said.front().text, "127.0.0.1:1 refused the connection. Check databricks.workspace_url and port, and the way there from this machine");
}

TEST(ConnectionTest, AdvisesOnTheWarehouse)
{
    const databricks::warehouse_info fine{.size = "Small", .type = "PRO", .serverless = true, .max_clusters = 4, .auto_stop_minutes = 10};
    EXPECT_TRUE(judge_warehouse(fine).empty());
    auto poor = fine;
    poor.size = "2X-Small";
    poor.serverless = false;
    poor.type = "CLASSIC";
    poor.max_clusters = 1;
    poor.auto_stop_minutes = 0;
    const auto lines = judge_warehouse(poor);
    ASSERT_EQ(lines.size(), 4U);
    for (const auto& one : lines) EXPECT_EQ(one.state, state::advice) << one.id;
}

TEST(ConnectionTest, AWarehouseThatStaysAwakeForLongIsSaidByItsKind)
{
    struct awake_case {
        bool serverless;
        int minutes;
        bool said;
    };
    for (const auto& one : {awake_case{true, 10, false}, {true, 45, true}, {false, 45, false}, {false, 60, false}, {false, 120, true}, {true, 0, true}}) {
        databricks::warehouse_info w{.size = "Small", .type = "PRO", .serverless = one.serverless, .max_clusters = 4, .auto_stop_minutes = one.minutes};
        const auto lines = judge_warehouse(w);
        EXPECT_EQ(find(lines, "warehouse_sleep") != nullptr, one.said) << one.serverless << " " << one.minutes;
    }
}

}  // namespace
}  // namespace lakeferry::profiles
