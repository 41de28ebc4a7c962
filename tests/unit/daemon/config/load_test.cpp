#include "tests/unit/daemon/config/folder.hpp"

#include "daemon/config/diff.hpp"
#include "daemon/config/effective.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lakeferry::daemon {
namespace {

TEST(Config, ReadsASpaceWithItsDefaults)
{
    const config_folder folder;
    folder.space("acme", good_space);
    const auto result = folder.load();
    ASSERT_NE(result.config, nullptr) << to_text(result.found);
    EXPECT_EQ(result.config->global.state_directory, folder.path("state"));
    ASSERT_EQ(result.config->spaces.size(), 1U);
    const auto& space = *result.config->spaces[0];
    EXPECT_EQ(space.id, "acme");
    EXPECT_EQ(space.name, "acme");
    EXPECT_EQ(space.databricks.workspace_url, "https://dbc-1.cloud.databricks.com");
    EXPECT_EQ(space.databricks.port, 443);
    EXPECT_EQ(space.databricks.warehouse_id, "abc123");
    EXPECT_EQ(space.databricks.client_secret.name, folder.path("secret"));
    EXPECT_EQ(space.sources[0].slug, "website");
    EXPECT_EQ(space.sources[0].id, "website");
    EXPECT_EQ(space.profiles_sync.schedule.every, std::chrono::minutes(15));
    EXPECT_TRUE(space.profiles_sync.use_volume);
}

TEST(Config, LoopbackMayBePlainAndBringItsPort)
{
    const config_folder folder;
    folder.space("acme", with(good_space, "https://dbc-1.cloud.databricks.com", "http://127.0.0.1:8500/"));
    const auto result = folder.load();
    ASSERT_NE(result.config, nullptr) << to_text(result.found);
    EXPECT_EQ(result.config->spaces[0]->databricks.workspace_url, "http://127.0.0.1");
    EXPECT_EQ(result.config->spaces[0]->databricks.port, 8500);
}

TEST(Config, OrdersIdentifiersByPriorityThenPlace)
{
    const config_folder folder;
    folder.space("acme", std::string(good_space) +
                             "[identity]\ngroup_id = true\nfold_email_case = true\n"
                             "[[identity.identifiers]]\ntype = \"phone\"\nkeys = [\"phone\"]\nlimit = \"unlimited\"\n"
                             "[[identity.identifiers]]\ntype = \"email\"\npriority = 1\nwindow = \"week\"\nlimit = 3\n"
                             "[[identity.identifiers]]\ntype = \"user_id\"\n");
    const auto result = folder.load();
    ASSERT_NE(result.config, nullptr) << to_text(result.found);
    const auto& rules = result.config->spaces[0]->identity.identifiers;
    ASSERT_EQ(rules.size(), 3U);
    EXPECT_EQ(rules[0].type, "email");
    EXPECT_EQ(rules[0].window_days, 7U);
    EXPECT_EQ(rules[0].limit, 3U);
    EXPECT_EQ(rules[1].type, "phone");
    EXPECT_EQ(rules[1].limit, 0U);
    EXPECT_EQ(rules[2].limit, std::nullopt);
}

TEST(Config, ShortSchedulesNeedTheSwitch)
{
    const config_folder folder;
    folder.space("acme", with(good_space, "15m", "1s"));
    EXPECT_EQ(folder.load().found.size(), 1U);
    folder.write("lakeferry.toml", "[daemon]\nspaces_directory = \"spaces.d\"\nallow_short_schedules = true\n");
    EXPECT_TRUE(folder.load().found.empty());
}

TEST(Config, CredentialsAreLookedAtOnlyWhereTheServiceHasThem)
{
    const config_folder folder;
    folder.space("acme", with(good_space, "{ file = \"../secret\" }", "{ credential = \"acme\" }"));
    auto options = folder.options();
    options.credentials_needed = false;
    const auto by_hand = load_configuration(options);
    ASSERT_NE(by_hand.config, nullptr);
    ASSERT_EQ(by_hand.notices.size(), 1U);
    options.credentials_needed = true;
    EXPECT_EQ(load_configuration(options).found.size(), 1U);
    folder.write("acme", "s3cret", 0600);
    options.credentials_directory = folder.path("");
    EXPECT_TRUE(load_configuration(options).found.empty());
}

TEST(Config, IgnoresWhatIsNoSpaceFile)
{
    const config_folder folder;
    folder.space("acme", good_space);
    folder.write("spaces.d/acme.toml~", "rubbish");
    folder.write("spaces.d/.acme.toml", "rubbish");
    folder.write("spaces.d/README", "rubbish");
    ASSERT_NE(folder.load().config, nullptr);
    EXPECT_EQ(folder.load().config->spaces.size(), 1U);
}

TEST(Config, EffectiveTextReadsBackAsTheSame)
{
    const config_folder folder;
    folder.space("acme", std::string(good_space) +
                             "[identity]\ngroup_id = true\nfold_email_case = true\n"
                             "[[identity.identifiers]]\ntype = \"phone\"\nkeys = [\"pho\\\"ne\", \"\\u0001\"]\nlimit = \"unlimited\"\n");
    const auto first = folder.load();
    ASSERT_NE(first.config, nullptr);
    EXPECT_TRUE(first.config->spaces[0]->identity.group_id);
    EXPECT_TRUE(first.config->spaces[0]->identity.fold_email_case);
    const std::string text = effective_toml(*first.config);
    EXPECT_EQ(text.find("wk-website-1"), std::string::npos);
    EXPECT_EQ(text.find("s3cret"), std::string::npos);

    // The two halves, with the write key that the text does not tell.
    const auto cut = text.find("\n# " + first.config->global.spaces_directory);
    folder.write("lakeferry.toml", text.substr(0, cut));
    folder.space("acme", with(text.substr(cut), "wk-w...", "wk-website-1"));
    const auto second = folder.load();
    ASSERT_NE(second.config, nullptr) << to_text(second.found) << text;
    EXPECT_EQ(second.config->global, first.config->global);
    EXPECT_EQ(*second.config->spaces[0], *first.config->spaces[0]);
}

TEST(Config, EffectiveJsonIsJsonWithoutSecrets)
{
    const config_folder folder;
    folder.space("acme", good_space);
    const auto json = boost::json::parse(effective_json(*folder.load().config)).as_object();
    EXPECT_EQ(json.at("limits").at("call_bytes_max"), "32KiB");
    EXPECT_EQ(json.at("spaces").at(0).at("databricks").at("client_secret").at("file").as_string(), folder.path("secret"));
    EXPECT_EQ(json.at("spaces").at(0).at("sources").at(0).at("write_key"), "wk-w...");
}

TEST(ConfigDiff, TellsSpacesApart)
{
    const config_folder folder;
    const auto other = [](const std::string& id) {
        return with(with(good_space, "\"acme\"", "\"" + id + "\""), "wk-website-1", "wk-website-" + id);
    };
    for (const char* id : {"a", "b", "c"}) folder.space(id, other(id));
    const auto before = folder.load().config;
    folder.remove("spaces.d/a.toml");
    folder.space("b", with(other("b"), "15m", "20m"));
    folder.space("d", other("d"));
    const auto after = folder.load().config;
    ASSERT_TRUE(before && after);
    const auto d = compare(*before, *after);
    EXPECT_EQ(d.removed, std::vector<std::string>{"a"});
    EXPECT_EQ(d.changed, std::vector<std::string>{"b"});
    EXPECT_EQ(d.same, std::vector<std::string>{"c"});
    EXPECT_EQ(d.added, std::vector<std::string>{"d"});
    EXPECT_TRUE(d.needs_restart.empty());
    EXPECT_EQ(to_text(d), "1 added (d), 1 removed (a), 1 changed (b), 1 untouched");
    EXPECT_TRUE(compare(*after, *after).nothing());
}

TEST(ConfigDiff, NamesWhatNeedsARestart)
{
    snapshot before, after;
    after.global.offload_threads = 5;
    after.global.limits.staging_memory = 1U << 30U;
    after.global.log_level = obs::level::debug;
    const auto d = compare(before, after);
    ASSERT_EQ(d.needs_restart.size(), 2U);
    EXPECT_EQ(d.needs_restart[0], (restart_change{"daemon.offload_threads", "2", "5"}));
    EXPECT_EQ(d.needs_restart[1], (restart_change{"limits.staging_memory", "\"64MiB\"", "\"1GiB\""}));
    EXPECT_TRUE(d.log_changed);
}

}  // namespace
}  // namespace lakeferry::daemon
