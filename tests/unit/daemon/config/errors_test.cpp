#include "tests/unit/daemon/config/folder.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace lakeferry::daemon {
namespace {

struct wrong_space {
    std::string name;
    std::string replace;
    std::string by;
    std::string expected;  // the finding without the folder
};

void PrintTo(const wrong_space& w, std::ostream* out) { *out << w.name; }

class WrongSpace : public testing::TestWithParam<wrong_space> {};

// Every finding names file, line and key, says what is wrong and what to do.
TEST_P(WrongSpace, IsRefusedWithPlaceReasonAndCure)
{
    const config_folder folder;
    folder.space("acme", with(good_space, GetParam().replace, GetParam().by));
    const auto result = folder.load();
    EXPECT_EQ(result.config, nullptr);
    ASSERT_EQ(result.found.size(), 1U) << to_text(result.found);
    EXPECT_EQ(to_text(result.found[0]), folder.path("spaces.d/acme.toml") + GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Config, WrongSpace,
    testing::Values(
        wrong_space{"syntax", "schema = \"acme\"", "schema = acme",
                    ":14: is not valid TOML: Error while parsing value: could not determine value type; mend the syntax of this line"},
        wrong_space{"unknown_key", "http_path", "htp_path = \"x\"\nhttp_path",
                    ":4: databricks.htp_path: is not a known key; did you mean \"http_path\"?"},
        wrong_space{"unknown_table", "[profiles_sync]", "[profile_sync]\nschema = \"a\"\n[profiles_sync]",
                    ":13: profile_sync: is not a known key; did you mean \"profiles_sync\"?"},
        wrong_space{"reverse_etl", "[profiles_sync]", "[[models]]\nname = \"a\"\n[profiles_sync]",
                    ":13: models: is part of Reverse ETL, which this version does not run; take it out"},
        wrong_space{"wrong_type", "every = \"15m\"", "every = 15",
                    ":15: profiles_sync.every: is an integer instead of a duration in quotes, like \"15m\" or \"1h30m\"; write a duration in quotes, like \"15m\" or \"1h30m\""},
        wrong_space{"select_nothing", "every = \"15m\"", "every = \"15m\"\n[profiles_sync.select]\ntables = [\"!*\"]",
                    ":17: profiles_sync.select.tables: leaves out every table; take \"!*\" out, name the tables to keep after it, or write paused = true"},
        wrong_space{"select_upper_case", "every = \"15m\"", "every = \"15m\"\n[profiles_sync.select]\ntables = [\n  \"!pages\",\n  \"!Order Completed\"]",
                    ":19: profiles_sync.select.tables: \"!Order Completed\" can never match: names of tables and columns have a-z, 0-9 and \"_\" only; write the name as it stands in the schema, with \"*\" for any characters"},
        wrong_space{"select_received_at", "every = \"15m\"", "every = \"15m\"\n[profiles_sync.select]\ncolumns = [\"!*.received_at\"]",
                    ":17: profiles_sync.select.columns: \"!*.received_at\" leaves out \"received_at\", which the table cannot do without; take it out; to land nothing of a table, leave the table out under tables"},
        wrong_space{"select_column_as_table", "every = \"15m\"", "every = \"15m\"\n[profiles_sync.select]\ntables = [\"!pages.url\"]",
                    ":17: profiles_sync.select.tables: \"!pages.url\" names a column; write it under profiles_sync.select.columns"},
        wrong_space{"select_beside_materialized", "every = \"15m\"", "every = \"15m\"\nmaterialized = false\n[profiles_sync.select]\ntables = [\"user_traits\"]",
                    ":18: profiles_sync.select.tables: \"user_traits\" is not kept while materialized = false; write one of them"},
        wrong_space{"bad_duration", "15m", "15 minutes",
                    ":15: profiles_sync.every: \"15 minutes\" is not a duration; write one like \"15m\" or \"1h30m\""},
        wrong_space{"short", "15m", "59s",
                    ":15: profiles_sync.every: is shorter than a minute; write \"1m\" or more"},
        wrong_space{"bad_cron", "every = \"15m\"", "cron = \"61 * * * *\"",
                    ":15: profiles_sync.cron: the minute field \"61\" is not made of 0 to 59 with lists (1,2), ranges (1-5), steps (*/10); write it like \"15 * * * *\" (quarter past every hour)"},
        wrong_space{"four_fields", "every = \"15m\"", "cron = \"1 * * *\"",
                    ":15: profiles_sync.cron: has 4 fields instead of five (minute hour day-of-month month day-of-week); write it like \"15 * * * *\" (quarter past every hour)"},
        wrong_space{"never", "every = \"15m\"", "cron = \"0 0 30 2 *\"",
                    ":15: profiles_sync.cron: names a day that never comes; write it like \"15 * * * *\" (quarter past every hour)"},
        wrong_space{"zone", "every = \"15m\"", "cron = \"1 * * * *\"\ntimezone = \"Europe/Berlim\"",
                    ":16: profiles_sync.timezone: \"Europe/Berlim\" is not in the system's time zone database; write a name like \"Europe/Berlin\" or \"UTC\", or install the package tzdata"},
        wrong_space{"both_schedules", "every = \"15m\"", "every = \"15m\"\ncron = \"1 * * * *\"",
                    ":16: profiles_sync.cron: stands beside every; write one of them"},
        wrong_space{"plain_http", "https://dbc-1", "http://dbc-1",
                    ":3: databricks.workspace_url: is not encrypted; write https://<host of the workspace>; http:// is for loopback hosts only"},
        wrong_space{"cluster", "/sql/1.0/warehouses/abc123", "sql/protocolv1/o/123/0101-abc",
                    ":4: databricks.http_path: is the HTTP path of an all-purpose cluster, not of a SQL warehouse; copy \"/sql/1.0/warehouses/...\" from the page of a SQL warehouse, Connection details"},
        wrong_space{"hive", "\"main\"", "\"hive_metastore\"",
                    ":5: databricks.catalog: \"hive_metastore\" is not part of Unity Catalog; write a Unity Catalog catalog; Profiles Sync needs managed tables"},
        wrong_space{"secret_keyword", "{ file = ", "{ fil = ",
                    ":7: databricks.client_secret: \"fil\" says nothing about a secret's place; did you mean \"file\"? write { credential = \"name\" } or { file = \"/path\" }"},
        wrong_space{"no_catalog", "catalog = \"main\"\n", "",
                    ":2: databricks.catalog: is missing; write the name of a Unity Catalog catalog"},
        wrong_space{"port", "catalog =", "port = 70000\ncatalog =",
                    ":5: databricks.port: 70000 is out of range; write 1 to 65535"},
        wrong_space{"schema_name", "\"acme\"", "\"ac.me\"",
                    ":14: profiles_sync.schema: is not a valid name; Unity Catalog allows up to 255 characters without period, space and slash"},
        wrong_space{"write_key", "wk-website-1", "short",
                    ":11: sources[].write_key: is not a usable key; write 8 to 256 visible ASCII characters without a colon"},
        wrong_space{"sources_no_list", "[[sources]]", "[sources]",
                    ":9: sources: is not a list of tables; write [[sources]] before each of them"},
        wrong_space{"pattern", "[profiles_sync]", "[identity]\nblocked_patterns = [\"(\"]\n[profiles_sync]",
                    ":14: identity.blocked_patterns: \"(\" is not a regular expression; write one in Perl's syntax, like \"^test-\""},
        wrong_space{"fold", "[profiles_sync]", "[identity]\nfold_email_case = \"yes\"\n[profiles_sync]",
                    ":14: identity.fold_email_case: is a text instead of true or false, without quotes; write true or false, without quotes"},
        wrong_space{"built_in_group", "[profiles_sync]",
                    "[identity]\ngroup_id = true\n[[identity.identifiers]]\ntype = \"group_id\"\nkeys = [\"g\"]\n[profiles_sync]",
                    ":17: identity.identifiers[].keys: \"group_id\" is a built-in type, its place in a call is fixed; take keys out"},
        wrong_space{"window", "[profiles_sync]", "[[identity.identifiers]]\ntype = \"email\"\nwindow = \"36h\"\n[profiles_sync]",
                    ":15: identity.identifiers[].window: is not a window; write week, month, year, ever, or days like \"90d\""},
        wrong_space{"built_in", "[profiles_sync]", "[[identity.identifiers]]\ntype = \"email\"\nkeys = [\"mail\"]\n[profiles_sync]",
                    ":15: identity.identifiers[].keys: \"email\" is a built-in type, its place in a call is fixed; take keys out"}),
    [](const auto& info) { return info.param.name; });

TEST(ConfigErrors, AllAreReportedAtOnceOverAllFiles)
{
    const config_folder folder;
    folder.write("lakeferry.toml", "[daemon]\nspaces_directory = \"spaces.d\"\noffload_thread = 3\n[log]\nlevel = \"warning\"\n");
    folder.space("acme", with(with(good_space, "main", "hive_metastore"), "15m", "1s"));
    folder.space("beta", with(good_space, "\"https://dbc-1.cloud.databricks.com\"", "7"));
    const auto result = folder.load();
    const std::string text = to_text(result.found);
    EXPECT_EQ(result.config, nullptr);
    for (const char* part : {"lakeferry.toml:3: daemon.offload_thread: is not a known key; did you mean \"offload_threads\"?",
                             "lakeferry.toml:5: log.level: \"warning\" is not one of debug, info, warn or error; did you mean \"warn\"?",
                             "acme.toml:5: databricks.catalog", "acme.toml:15: profiles_sync.every",
                             "beta.toml:3: databricks.workspace_url: is an integer instead of a text in quotes",
                             "beta.toml:11: sources[].write_key: source \"Website\" has a write key that is used again"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "\nnot in\n" << text;
    EXPECT_LT(text.find("lakeferry.toml:5"), text.find("acme.toml"));
    EXPECT_LT(text.find("acme.toml:15"), text.find("beta.toml"));
}

TEST(ConfigErrors, MissingFileSaysSo)
{
    const auto result = load_configuration({.file = "/nowhere/lakeferry.toml"});
    ASSERT_EQ(result.found.size(), 1U);
    EXPECT_EQ(to_text(result.found[0]), "/nowhere/lakeferry.toml: does not exist; write it, or name another with --config");
}

TEST(ConfigErrors, FolderInPlaceOfFileSaysSo)
{
    const config_folder folder;
    const auto result = load_configuration({.file = folder.path("spaces.d")});
    ASSERT_EQ(result.found.size(), 1U);
    EXPECT_NE(to_text(result.found[0]).find("is not a file"), std::string::npos);
}

TEST(ConfigErrors, MissingSpacesFolderSaysSo)
{
    const config_folder folder;
    folder.write("lakeferry.toml", "[daemon]\nspaces_directory = \"elsewhere\"\n");
    const auto result = folder.load();
    ASSERT_EQ(result.found.size(), 1U);
    EXPECT_EQ(result.found[0].key, "daemon.spaces_directory");
}

TEST(ConfigErrors, SecretInTheOpenIsRefusedAndNeverShown)
{
    const config_folder folder;
    folder.space("acme", with(good_space, "{ file = \"../secret\" }", "\"dose0123456789\""));
    const auto result = folder.load();
    ASSERT_EQ(result.found.size(), 1U);
    const auto text = to_text(result.found);
    EXPECT_NE(text.find(":7: databricks.client_secret: holds a secret in the open"), std::string::npos) << text;
    EXPECT_EQ(text.find("dose0123456789"), std::string::npos);
}

TEST(ConfigErrors, SecretThatIsNotThereIsRefused)
{
    const config_folder folder;
    folder.remove("secret");
    folder.space("acme", good_space);
    const auto result = folder.load();
    ASSERT_EQ(result.found.size(), 1U);
    EXPECT_EQ(to_text(result.found[0]), folder.path("spaces.d/acme.toml") + ":7: databricks.client_secret: The file " +
                                            folder.path("secret") + " does not exist.");
}

TEST(ConfigErrors, SecretThatOthersMayReadIsRefused)
{
    const config_folder folder;
    folder.write("secret", "s3cret", 0644);
    folder.space("acme", good_space);
    const auto result = folder.load();
    ASSERT_EQ(result.found.size(), 1U);
    const auto text = to_text(result.found);
    EXPECT_NE(text.find("chmod 600"), std::string::npos) << text;
    EXPECT_EQ(text.find("s3cret"), std::string::npos);
}

TEST(ConfigErrors, TwoSpacesMayNotShareNameSchemaOrWriteKey)
{
    const config_folder folder;
    folder.space("acme", std::string("name = \"Acme\"\n") + good_space);
    folder.space("beta", std::string("name = \"ACME\"\n") + with(good_space, "\"acme\"", "\"Acme\""));
    const auto result = folder.load();
    const auto text = to_text(result.found);
    EXPECT_EQ(result.found.size(), 3U) << text;
    EXPECT_NE(text.find("beta.toml:1: name: \"ACME\" is also the name in " + folder.path("spaces.d/acme.toml")), std::string::npos) << text;
    EXPECT_NE(text.find("beta.toml:15: profiles_sync.schema: main.Acme is also the catalog and schema"), std::string::npos) << text;
    EXPECT_EQ(text.find("wk-website-1"), std::string::npos);
}

TEST(ConfigErrors, OneSchemaNameInTwoCatalogsIsFine)
{
    const config_folder folder;
    folder.space("acme", good_space);
    folder.space("beta", with(with(good_space, "\"main\"", "\"other\""), "wk-website-1", "wk-website-2"));
    EXPECT_NE(folder.load().config, nullptr) << to_text(folder.load().found);
}

TEST(ConfigErrors, SpaceIdFromABadFileName)
{
    const config_folder folder;
    folder.space("Acme Inc", good_space);
    const auto result = folder.load();
    ASSERT_EQ(result.found.size(), 1U);
    EXPECT_NE(to_text(result.found[0]).find("\"Acme Inc\" is no valid one"), std::string::npos);
}

TEST(ConfigErrors, AdminListenerStaysOnLoopbackUnlessToldOtherwise)
{
    const config_folder folder;
    const std::string base = "[daemon]\nspaces_directory = \"spaces.d\"\n[admin]\nlisten = \"0.0.0.0:8401\"\n";
    folder.write("lakeferry.toml", base);
    ASSERT_EQ(folder.load().found.size(), 1U);
    EXPECT_NE(to_text(folder.load().found).find(":4: admin.listen: would show status"), std::string::npos);
    folder.write("lakeferry.toml", base + "allow_remote = true\n");
    EXPECT_TRUE(folder.load().found.empty());
}

TEST(ConfigErrors, LimitsThatContradictEachOther)
{
    const config_folder folder;
    folder.write("lakeferry.toml", "[daemon]\nspaces_directory = \"spaces.d\"\n[limits]\ncall_bytes_max = \"1MiB\"\nstaging_memory = \"8MiB\"\n");
    const auto text = to_text(folder.load().found);
    EXPECT_NE(text.find("limits.batch_bytes_max: is smaller than call_bytes_max"), std::string::npos) << text;
    EXPECT_NE(text.find(":5: limits.staging_memory: is smaller than staged_file_bytes"), std::string::npos) << text;
}

TEST(ConfigErrors, AStoreThatCouldNotWork)
{
    const config_folder folder;
    folder.write("lakeferry.toml", "[daemon]\nspaces_directory = \"spaces.d\"\n[limits]\nstore_memory = \"1MiB\"\n");
    const auto text = to_text(folder.load().found);
    EXPECT_NE(text.find(":4: limits.store_memory: "), std::string::npos) << text;
    EXPECT_NE(text.find("12MiB"), std::string::npos) << text;
}

}  // namespace
}  // namespace lakeferry::daemon
