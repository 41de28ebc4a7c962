// Words that stay in their files, and files that stay small.
#include "tests/unit/lint/tree.hpp"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

namespace lakeferry::lint {
namespace {

struct banned {
    std::string word;
    std::set<std::string> allowed_in;  // files, or folders ending with "/"
    std::string why;
};

bool is_allowed(const banned& b, const std::string& path)
{
    for (const auto& place : b.allowed_in)
        if (path == place || (place.ends_with('/') && path.starts_with(place))) return true;
    return false;
}

TEST(Words, StayInTheirFiles)
{
    const std::vector<banned> words{
        {"steady_clock::now", {"net/rt/time.hpp"}, "time is injected: rt::time_source"},
        {"system_clock::now", {"net/rt/time.hpp"}, "time is injected: rt::wall_clock"},
        {"steady_timer", {"net/rt/"}, "sleeping is injected: rt::sleep_for"},
        {"system_timer", {}, "sleeping is injected: rt::sleep_for"},
        {"std::this_thread::sleep", {}, "nothing on the loop sleeps"},
        {"::detached", {}, "nothing is detached: rt::task_group"},
        {"awaitable_operators", {}, "a || timer waits for success: rt::with_deadline"},
        {"tcp::resolver", {}, "names are looked up by net/dns"},
        {"tcp_stream", {}, "its timeouts use a clock of its own"},
        // A lookup that hangs in the system's resolver is abandoned: its thread must own what it touches.
        {"shared_from_this", {"net/dns/resolver.cpp"}, "owners join: rt::task_group"},
        {"clock_gettime", {"systemd/notify.cpp"}, "time is injected"},
        {"gettimeofday", {}, "time is injected"},
        {"std::rand(", {}, "randomness is injected"},
        {"random_device", {"daemon/cli/"}, "randomness is injected"},
        {"using namespace std;", {}, "say where a name comes from"},
    };
    for (const auto& file : product())
        for (std::size_t i = 0; i < file.lines.size(); ++i)
            for (const auto& b : words)
                if (without_comment(file.lines[i]).find(b.word) != std::string::npos && !is_allowed(b, file.path))
                    ADD_FAILURE() << file.path << ":" << i + 1 << ": " << b.word << ": " << b.why;
}

TEST(Files, StayUnder400Lines)
{
    // Exceptions are named here, with their own ceiling.
    const std::map<std::string, std::size_t> larger{};
    auto all = product();
    for (auto& one : sources({"tests"})) all.push_back(std::move(one));
    ASSERT_GT(all.size(), 50U) << "the tree was read";
    for (const auto& file : all) {
        const auto it = larger.find(file.path);
        EXPECT_LE(file.lines.size(), it == larger.end() ? 400U : it->second) << file.path;
    }
}

std::string text_of(const std::string& path)
{
    std::ostringstream text;
    text << std::ifstream(root / path).rdbuf();
    return text.str();
}

// People alert on events and metrics: each has its line in the operations manual.
TEST(Documentation, KnowsEveryEventAndMetric)
{
    const std::string manual = text_of("docs/operations.md");
    const std::regex event(R"rx((?:\b(?:info|warn|error)\(|\bwrite\([^,"]*,)\s*"([a-z_]+\.[a-z_]+)")rx");
    const std::regex metric(R"rx("(lakeferry_[a-z_]+(?:_total|_bytes|_seconds|_generation|_spaces|_running|_row|_healthy|_connections))")rx");
    std::size_t seen = 0;
    for (const auto& file : product()) {
        if (!file.path.ends_with(".cpp")) continue;
        const std::string text = text_of(file.path);
        for (const auto& words : {event, metric}) {
            for (auto it = std::sregex_iterator(text.begin(), text.end(), words); it != std::sregex_iterator(); ++it) {
                ++seen;
                EXPECT_NE(manual.find("`" + (*it)[1].str() + "`"), std::string::npos)
                    << (*it)[1] << " of " << file.path << " is not in docs/operations.md";
            }
        }
    }
    EXPECT_GT(seen, 40U) << "the tree was read";
}

TEST(Headers, SayPragmaOnceAndWhatTheyAreFor)
{
    for (const auto& file : product()) {
        if (!file.path.ends_with(".hpp")) continue;
        bool once = false;
        for (const auto& line : file.lines) once = once || line == "#pragma once";
        EXPECT_TRUE(once) << file.path;
        EXPECT_TRUE(!file.lines.empty() && file.lines[0].starts_with("//")) << file.path << " begins with a sentence about its purpose";
    }
}

}  // namespace
}  // namespace lakeferry::lint
