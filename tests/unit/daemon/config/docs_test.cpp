// The documentation and the shipped examples, compared with the parser.
#include "daemon/config/effective.hpp"
#include "daemon/config/keys.hpp"
#include "daemon/config/space_file.hpp"
#include "daemon/config/daemon_file.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

namespace lakeferry::daemon {
namespace {

namespace fs = std::filesystem;

const fs::path source = LAKEFERRY_SOURCE_DIR;

std::string text_of(const fs::path& file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

struct documented {
    std::string type;
    std::string standard;
};

// Rows "| `key` | type | `default` | meaning |" of the two tables.
std::map<std::string, documented> rows_of(const std::string& text)
{
    std::map<std::string, documented> rows;
    const std::regex row(R"(\| `([a-z_.\[\]]+)` \| ([^|]+) \| `([^`]*)` \| [^|]+\|)");
    for (auto it = std::sregex_iterator(text.begin(), text.end(), row); it != std::sregex_iterator(); ++it)
        rows[(*it)[1]] = {(*it)[2], (*it)[3]};
    return rows;
}

TEST(Documentation, SaysOfEveryKeyWhatTheParserKnows)
{
    auto rows = rows_of(text_of(source / "docs/configuration.md"));
    for (const auto& key : known_keys()) {
        const std::string path(key.path);
        ASSERT_TRUE(rows.contains(path)) << path << " is not in docs/configuration.md";
        EXPECT_EQ(rows[path].type, key.type) << path;
        EXPECT_EQ(rows[path].standard, key.standard) << path;
        rows.erase(path);
    }
    for (const auto& [path, row] : rows) ADD_FAILURE() << path << " is documented, and the parser does not know it";
}

TEST(Documentation, TheDefaultsAreThoseInEffect)
{
    std::map<std::string, std::string> listed;
    for (const auto& key : known_keys())
        if (key.in == config_file::daemon) listed[std::string(key.path)] = key.standard;
    for (const auto& [key, value] : effective_settings({})) {
        ASSERT_TRUE(listed.contains(key)) << key;
        std::string plain = value;
        if (plain.starts_with('"')) plain = plain.substr(1, plain.size() - 2);
        if (plain.empty()) plain = "none";
        if (plain == "500KiB") plain = "512000";
        EXPECT_EQ(listed[key], plain) << key;
        listed.erase(key);
    }
    EXPECT_TRUE(listed.empty()) << "first: " << listed.begin()->first;
}

TEST(Documentation, ItsExampleIsValid)
{
    const std::string text = text_of(source / "docs/configuration.md");
    const auto from = text.find("```toml\n") + 8;
    problems found;
    (void)parse_space_file(text.substr(from, text.find("```", from) - from), "/docs/acme.toml", "acme", false, found);
    EXPECT_EQ(to_text(found), "");
}

TEST(Examples, AreValid)
{
    problems found;
    const auto global = parse_daemon_file(text_of(source / "conf/lakeferry.toml"), "/etc/lakeferry/lakeferry.toml", found);
    EXPECT_EQ(global, daemon_settings{}) << "the shipped file changes nothing";
    int spaces = 0;
    for (const auto& one : fs::directory_iterator(source / "conf/spaces.d")) {
        ++spaces;
        (void)parse_space_file(text_of(one.path()), one.path().string(), one.path().stem().string(), false, found);
    }
    EXPECT_GE(spaces, 1);
    EXPECT_EQ(to_text(found), "");
}

// The lines in comments are the defaults: with the marks taken away they must still be valid.
TEST(Examples, TheirCommentedKeysExist)
{
    std::string text = std::regex_replace(text_of(source / "conf/lakeferry.toml"), std::regex("# ([a-z_]+ = )"), "$1");
    text = std::regex_replace(text, std::regex("(format = \"journal\").*"), "");
    problems found;
    (void)parse_daemon_file(text, "/etc/lakeferry/lakeferry.toml", found);
    EXPECT_EQ(to_text(found), "");
}

}  // namespace
}  // namespace lakeferry::daemon
