#include "daemon/cli/options.hpp"

#include <gtest/gtest.h>

namespace lakeferry::daemon {
namespace {

std::optional<cli_options> parse(std::vector<const char*> words, int& status)
{
    words.insert(words.begin(), "lakeferry");
    return parse_command_line(static_cast<int>(words.size()), words.data(), status);
}

cli_options good(std::vector<const char*> words)
{
    int status = 0;
    const auto parsed = parse(std::move(words), status);
    EXPECT_TRUE(parsed.has_value()) << status;
    return parsed.value_or(cli_options{});
}

TEST(CommandLine, KnowsEveryCommand)
{
    EXPECT_EQ(good({"run"}).what, command::run);
    EXPECT_EQ(good({"run", "--config", "/a.toml"}).config, "/a.toml");
    EXPECT_EQ(good({"--config", "/a.toml", "status"}).config, "/a.toml");
    EXPECT_EQ(good({"config", "check", "--json"}).what, command::config_check);
    EXPECT_TRUE(good({"config", "check", "--json"}).json);
    EXPECT_EQ(good({"config", "show", "--config", "x"}).what, command::config_show);
    EXPECT_EQ(good({"check"}).space, "");
    EXPECT_TRUE(good({"check"}).wake);
    EXPECT_FALSE(good({"check", "acme", "--no-wake"}).wake);
    EXPECT_EQ(good({"check", "acme"}).space, "acme");
    const auto import = good({"import", "acme", "a.ndjson", "-", "--source", "Website", "--again"});
    EXPECT_EQ(import.space, "acme");
    EXPECT_EQ(import.files, (std::vector<std::string>{"a.ndjson", "-"}));
    EXPECT_EQ(import.source, "Website");
    EXPECT_TRUE(import.again);
    EXPECT_TRUE(good({"sync", "acme", "--wait"}).wait);
    EXPECT_EQ(good({"status", "acme"}).space, "acme");
    EXPECT_EQ(good({"refused", "acme", "--most", "7"}).most, 7U);
    EXPECT_EQ(good({"reload"}).what, command::reload);
    EXPECT_EQ(good({"pause", "acme"}).what, command::pause);
    EXPECT_EQ(good({"resume", "acme"}).what, command::resume);
}

TEST(CommandLine, KnowsTheTableCommands)
{
    const auto fill = good({"backfill", "acme", "user_traits", "profile_merges", "--no-wait"});
    EXPECT_EQ(fill.what, command::backfill);
    EXPECT_EQ(fill.table.names, (std::vector<std::string>{"user_traits", "profile_merges"}));
    EXPECT_FALSE(fill.table.wait);
    const auto type = good({"retype", "acme", "orders.price", "double", "--rescue", "--json"});
    EXPECT_EQ(type.what, command::retype);
    EXPECT_EQ(type.table.column, "orders.price");
    EXPECT_EQ(type.table.type, "double");
    EXPECT_TRUE(type.table.rescue && type.table.wait && type.json);
    EXPECT_EQ(good({"optimize", "acme"}).what, command::optimize);
    EXPECT_EQ(good({"jobs", "acme"}).what, command::jobs);
    EXPECT_EQ(good({"loads", "acme", "--accept", "7"}).table.accept, 7U);
    EXPECT_EQ(good({"loads", "acme", "--resend", "8"}).table.resend, 8U);
    EXPECT_EQ(good({"import", "acme", "a", "--refill", "pages"}).refill, "pages");
    EXPECT_EQ(good({"pause", "acme", "--reason", "x y"}).reason, "x y");
    for (const auto& words : std::vector<std::vector<const char*>>{{"backfill", "acme"},
                                                                   {"retype", "acme", "orders.price"},
                                                                   {"loads", "acme", "--accept", "1", "--resend", "2"},
                                                                   {"loads", "acme", "--accept", "0"}}) {
        int status = 0;
        EXPECT_FALSE(parse(words, status).has_value());
        EXPECT_EQ(status, exit_status::usage);
    }
}

TEST(CommandLine, KnowsTheIdentityCommands)
{
    EXPECT_EQ(good({"why", "acme", "email:a@x"}).what, command::why);
    EXPECT_EQ(good({"why", "acme", "email:a@x", "user_id:u", "--json"}).persons, (std::vector<std::string>{"email:a@x", "user_id:u"}));
    EXPECT_EQ(good({"identity", "observations", "acme", "--most", "3"}).what, command::identity_observations);
    const auto files = good({"identity", "preview", "acme", "--rules", "r.toml", "--calls", "a.ndjson", "b.ndjson.gz", "--profiles", "p"});
    EXPECT_EQ(files.what, command::identity_preview);
    EXPECT_EQ(files.rules, "r.toml");
    EXPECT_EQ(files.files, (std::vector<std::string>{"a.ndjson", "b.ndjson.gz"}));
    EXPECT_EQ(files.profiles_out, "p");
    EXPECT_TRUE(good({"identity", "preview", "acme", "--rules", "r.toml", "--landed"}).landed);
    for (const auto& words : std::vector<std::vector<const char*>>{{"why", "acme"},
                                                                   {"why", "acme", "a:1", "b:2", "c:3"},
                                                                   {"identity"},
                                                                   {"identity", "preview", "acme", "--landed"},
                                                                   {"identity", "preview", "acme", "--rules", "r"},
                                                                   {"identity", "preview", "acme", "--rules", "r", "--calls", "f", "--landed"}}) {
        int status = 0;
        EXPECT_FALSE(parse(words, status).has_value()) << words.back();
        EXPECT_EQ(status, exit_status::usage);
    }
}

TEST(CommandLine, RefusesWhatItDoesNotKnow)
{
    for (const auto& words : std::vector<std::vector<const char*>>{
             {}, {"fly"}, {"config"}, {"sync"}, {"import", "acme"}, {"status", "--wat"}, {"refused", "acme", "--most", "0"}, {"run", "extra"}}) {
        int status = 0;
        EXPECT_FALSE(parse(words, status).has_value());
        EXPECT_EQ(status, exit_status::usage);
    }
}

TEST(CommandLine, HelpAndVersionSucceed)
{
    for (const char* word : {"--help", "--version"}) {
        int status = -1;
        EXPECT_FALSE(parse({word}, status).has_value());
        EXPECT_EQ(status, 0);
    }
}

}  // namespace
}  // namespace lakeferry::daemon
