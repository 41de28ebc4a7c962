#include "daemon/cli/commands.hpp"
#include "daemon/cli/options.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

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
    EXPECT_TRUE(good({"sync", "--all"}).all);
    EXPECT_EQ(good({"status", "acme"}).space, "acme");
    EXPECT_EQ(good({"refused", "acme", "--most", "7"}).most, 7U);
    EXPECT_EQ(good({"reload"}).what, command::reload);
    EXPECT_EQ(good({"pause", "acme"}).what, command::pause);
    EXPECT_EQ(good({"resume", "acme"}).what, command::resume);
    EXPECT_FALSE(good({"takeover", "acme"}).settled);
    EXPECT_TRUE(good({"takeover", "acme", "--settled"}).settled);
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

TEST(CommandLine, KnowsTheErasureCommands)
{
    const auto erase = good({"erase", "acme", "email:a@x", "use_1", "--file", "list.txt", "--suppress", "--vacuum",
                             "--request", "ticket 7", "--no-wait", "--json"});
    EXPECT_EQ(erase.what, command::erase);
    EXPECT_EQ(erase.space, "acme");
    EXPECT_EQ(erase.persons, (std::vector<std::string>{"email:a@x", "use_1"}));
    EXPECT_EQ(erase.files, (std::vector<std::string>{"list.txt"}));
    EXPECT_EQ(erase.reference, "ticket 7");
    EXPECT_TRUE(erase.suppress && erase.vacuum && erase.json);
    EXPECT_FALSE(erase.erase_wait || erase.dry_run);
    const auto plain = good({"erase", "acme", "user_id:u"});
    EXPECT_TRUE(plain.erase_wait) << "the default";
    EXPECT_FALSE(plain.suppress || plain.vacuum || plain.dry_run || plain.json) << "only what was asked for";
    EXPECT_TRUE(good({"erase", "acme", "user_id:u", "--wait"}).erase_wait);
    EXPECT_TRUE(good({"erase", "acme", "user_id:u", "--dry-run"}).dry_run);
    EXPECT_EQ(good({"erase", "acme", "--file", "-"}).files, (std::vector<std::string>{"-"}));

    EXPECT_EQ(good({"erasures", "acme"}).what, command::erasures);
    EXPECT_EQ(good({"erasures", "acme"}).number, 0U) << "all of them";
    EXPECT_EQ(good({"erasures", "acme", "7", "--json"}).number, 7U);

    const auto suppress = good({"suppress", "acme", "email:a@x", "--file", "more.txt"});
    EXPECT_EQ(suppress.what, command::suppress);
    EXPECT_EQ(suppress.persons, (std::vector<std::string>{"email:a@x"}));
    EXPECT_EQ(suppress.files, (std::vector<std::string>{"more.txt"}));
    EXPECT_FALSE(suppress.lift);
    EXPECT_TRUE(good({"suppress", "acme", "email:a@x", "--lift"}).lift);

    // What stands behind a file is no file.
    for (const auto& words : std::vector<std::vector<const char*>>{{"erase", "acme", "email:a@x", "--file", "list.txt", "--file", "b.txt"},
                                                                   {"erase", "--file", "list.txt", "acme", "email:a@x", "--file", "b.txt"},
                                                                   {"suppress", "--file", "list.txt", "--file", "b.txt", "acme", "email:a@x"},
                                                                   {"erase", "acme", "--file=list.txt", "--file", "b.txt", "email:a@x"}}) {
        const auto read = good(words);
        EXPECT_EQ(read.space, "acme");
        EXPECT_EQ(read.persons, (std::vector<std::string>{"email:a@x"}));
        EXPECT_EQ(read.files, (std::vector<std::string>{"list.txt", "b.txt"}));
    }

    for (const auto& words : std::vector<std::vector<const char*>>{{"erase"},
                                                                   {"erase", "acme", "email:a@x", "--lift"},
                                                                   {"erase", "acme", "email:a@x", "--request"},
                                                                   {"erase", "acme", "--file"},
                                                                   {"erase", "acme", "email:a@x", "--no-vacuum"},
                                                                   {"erasures"},
                                                                   {"erasures", "acme", "0"},
                                                                   {"erasures", "acme", "-1"},
                                                                   {"erasures", "acme", "seven"},
                                                                   {"erasures", "acme", "7", "8"},
                                                                   {"suppress"},
                                                                   {"suppress", "acme", "email:a@x", "--suppress"},
                                                                   {"suppress", "acme", "email:a@x", "--dry-run"}}) {
        int status = 0;
        EXPECT_FALSE(parse(words, status).has_value()) << words.front() << " … " << words.back();
        EXPECT_EQ(status, exit_status::usage);
    }
}

// Found before the daemon is asked: the socket that is named here does not exist.
TEST(CommandLine, RefusesPeopleThatItCannotRead)
{
    const auto refused = [](std::vector<const char*> words) {
        words.insert(words.end(), {"--socket", "/nowhere/lakeferry.sock"});
        const auto options = good(words);
        testing::internal::CaptureStderr();
        const int status = options.what == command::erase ? erase_people(options) : suppress_people(options);
        return std::to_string(status) + " " + testing::internal::GetCapturedStderr();
    };
    const std::string list = testing::TempDir() + "lakeferry_people_" + std::to_string(::getpid());
    std::ofstream(list) << "# of today\n\nemail:a@x\nnot a person\n";
    for (const char* command : {"erase", "suppress"}) {
        const std::string nobody = refused({command, "acme"});
        EXPECT_TRUE(nobody.starts_with("64 ")) << nobody;
        EXPECT_NE(nobody.find("nobody is named"), std::string::npos) << nobody;
        const std::string argument = refused({command, "acme", "email:a@x", "email:"});
        EXPECT_TRUE(argument.starts_with("64 ")) << argument;
        EXPECT_NE(argument.find("argument 2: "), std::string::npos) << argument;
        const std::string line = refused({command, "acme", "--file", list.c_str()});
        EXPECT_TRUE(line.starts_with("64 ")) << line;
        EXPECT_NE(line.find(list + ", line 4: "), std::string::npos) << line;
        EXPECT_EQ(line.find("not a person"), std::string::npos) << "a mistyped name is a name all the same";
        const std::string missing = refused({command, "acme", "--file", "/nowhere/list"});
        EXPECT_TRUE(missing.starts_with("64 ")) << missing;
        EXPECT_NE(missing.find("cannot read /nowhere/list"), std::string::npos) << missing;
    }
    std::remove(list.c_str());
}

TEST(CommandLine, SaysWhereNumbersStandWhenOneIsWrong)
{
    const auto said = [](std::vector<const char*> words) {
        int status = 0;
        testing::internal::CaptureStderr();
        EXPECT_FALSE(parse(words, status).has_value());
        EXPECT_EQ(status, exit_status::usage);
        return testing::internal::GetCapturedStderr();
    };
    for (const char* bad : {"0", "000", "-1", "1.5", "two", "99999999999999999999"}) {
        const auto receipt = said({"erasures", "acme", bad});
        if (*bad != '-') {  // that one is taken for an option
            EXPECT_NE(receipt.find("they count from 1, and lakeferry erasures SPACE lists them"), std::string::npos) << receipt;
        }
        for (const char* option : {"--accept", "--resend"}) {
            const auto load = said({"loads", "acme", option, bad});
            EXPECT_NE(load.find("lakeferry loads SPACE"), std::string::npos) << load;
            EXPECT_NE(load.find(bad), std::string::npos) << load;
        }
    }
}

TEST(CommandLine, AConfigurationThatWasNamedMustBeThereToFindTheDaemon)
{
    const std::string broken = testing::TempDir() + "lakeferry_broken_" + std::to_string(::getpid()) + ".toml";
    const auto said = [&](std::vector<const char*> words) {
        testing::internal::CaptureStderr();
        testing::internal::CaptureStdout();
        const int status = main_command(good(std::move(words)));
        return std::to_string(status) + " " + testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
    };
    for (const auto& words : std::vector<std::vector<const char*>>{{"status"},
                                                                   {"sync", "acme"},
                                                                   {"import", "acme", "f"},
                                                                   {"why", "acme", "email:a@x"},
                                                                   {"erase", "acme", "email:a@x"},
                                                                   {"jobs", "acme"},
                                                                   {"reload"}}) {
        auto with = words;
        with.insert(with.end(), {"--config", "/nowhere/lakeferry.toml"});
        const auto missing = said(with);
        EXPECT_TRUE(missing.starts_with("78 lakeferry: /nowhere/lakeferry.toml: does not exist; name ")) << missing;
        with.back() = broken.c_str();
        std::ofstream(broken) << "[admin]\nlisten = \"127.0.0.1:1\"\ncontrol_socket = 7\n";
        const auto wrong = said(with);
        EXPECT_TRUE(wrong.starts_with("78 lakeferry: " + broken + ":3: admin.control_socket: ")) << wrong;
        std::ofstream(broken) << "[admin\n";
        EXPECT_TRUE(said(with).starts_with("78 lakeferry: " + broken + ":1: is not valid TOML")) << said(with);
        with.insert(with.end(), {"--socket", "/nowhere/lakeferry.sock"});
        EXPECT_FALSE(said(with).starts_with("78 ")) << "who names the socket needs no file";
    }
    EXPECT_TRUE(said({"status", "--json", "--config", "/nowhere/x"}).starts_with(R"(78 {"error":{"id":"config.unusable","message":"/nowhere/x: does not)"));
    std::remove(broken.c_str());
}

TEST(CommandLine, RefusesWhatItDoesNotKnow)
{
    for (const auto& words : std::vector<std::vector<const char*>>{
             {}, {"fly"}, {"config"}, {"sync"}, {"sync", "acme", "--all"}, {"sync", "--all", "--wait"}, {"import", "acme"}, {"status", "--wat"}, {"refused", "acme", "--most", "0"}, {"run", "extra"}}) {
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
