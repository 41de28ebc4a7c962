// The log: formats, escaping, threshold, journal, rate limits.
#include "net/obs/logger.hpp"
#include "tests/support/world/world.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace std::chrono_literals;
namespace obs = lakeferry::obs;
using lakeferry::test::world;
using lakeferry::test::world_start_us;

namespace {

// A datagram socket as the journal's.
struct fake_journal {
    std::string directory;
    std::string path;
    int socket = -1;

    fake_journal()
    {
        std::string pattern = ::testing::TempDir() + "journalXXXXXX";
        directory = ::mkdtemp(pattern.data());
        path = directory + "/socket";
        socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        std::memcpy(name.sun_path, path.data(), path.size());
        EXPECT_EQ(::bind(socket, static_cast<const sockaddr*>(static_cast<const void*>(&name)), sizeof name), 0);
    }
    fake_journal(const fake_journal&) = delete;
    fake_journal& operator=(const fake_journal&) = delete;
    ~fake_journal()
    {
        ::close(socket);
        ::unlink(path.c_str());
        ::rmdir(directory.c_str());
    }
    std::string receive() const
    {
        std::array<char, 4096> buffer{};
        const auto n = ::recv(socket, buffer.data(), buffer.size(), 0);
        return n < 0 ? "" : std::string(buffer.data(), static_cast<std::size_t>(n));
    }
};

}  // namespace

TEST(Log, TextLinesHaveTimeLevelEventFieldsAndMessage)
{
    EXPECT_EQ(obs::text_line(world_start_us + 1'234'567, obs::level::info, "sync.finished", "Done.",
                             {{"space", "acme"}, {"rows", 12}, {"seconds", 1.5}, {"first", true}, {"why", "a b"}}),
              "2026-03-01T12:00:01.234Z info  sync.finished space=acme rows=12 seconds=1.500 first=true why=\"a b\" Done.");
}

TEST(Log, NobodyCanForgeALine)
{
    const auto line = obs::text_line(0, obs::level::error, "x", "a\nb\x1b[2J", {{"k", "v\n\"\\\r"}});
    EXPECT_EQ(line, "1970-01-01T00:00:00.000Z error x k=\"v\\n\\\"\\\\\\r\" a\\nb\\x1b[2J");
}

TEST(Log, JsonLinesAreJsonWhateverIsInThem)
{
    const std::string odd("\x01\"\\\n\xff\xc3\xa9\xed\xa0\x80", 10);
    const auto line = obs::json_line(world_start_us, obs::level::warn, "token.refresh", odd, {{"space", odd}, {"n", 7}});
    EXPECT_EQ(line.find('\n'), std::string::npos);
    const auto value = boost::json::parse(line);
    EXPECT_EQ(value.at("time").as_string(), "2026-03-01T12:00:00.000Z");
    EXPECT_EQ(value.at("level").as_string(), "warn");
    EXPECT_EQ(value.at("event").as_string(), "token.refresh");
    EXPECT_EQ(value.at("n").as_string(), "7");
    EXPECT_EQ(value.at("message").as_string(), "\x01\"\\\n\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(value.at("space"), value.at("message"));
}

TEST(Log, WritesWhatReachesTheThresholdWhichMayChange)
{
    world w;
    obs::logger log(w.wall, {.threshold = obs::level::warn});
    std::string out;
    log.set_sink([&](std::string_view line) { out += line; });
    log.info("a", "no");
    log.warn("b", "yes");
    log.set_threshold(obs::level::debug);
    log.debug("c", "now");
    EXPECT_EQ(out, "2026-03-01T12:00:00.000Z warn  b yes\n2026-03-01T12:00:00.000Z debug c now\n");
}

TEST(Log, JsonFormatWritesJsonLines)
{
    world w;
    obs::logger log(w.wall, {.format = obs::log_format::json});
    std::string out;
    log.set_sink([&](std::string_view line) { out += line; });
    log.info("a", "{} %s");  // nothing in a message is a format
    EXPECT_EQ(boost::json::parse(out).at("message").as_string(), "{} %s");
}

TEST(Log, JournalRecordsAreNative)
{
    world w;
    const fake_journal journal;
    obs::logger log(w.wall, {.format = obs::log_format::journal, .journal_socket = journal.path});
    std::string lines;
    log.set_sink([&](std::string_view line) { lines += line; });
    log.error("space.failed", "one\ntwo", {{"space", "acme"}});
    const std::string size("\x07\0\0\0\0\0\0\0", 8);
    EXPECT_EQ(journal.receive(), "MESSAGE\n" + size +
                                     "one\ntwo\nPRIORITY=3\nSYSLOG_IDENTIFIER=lakeferry\n"
                                     "LAKEFERRY_EVENT=space.failed\nLAKEFERRY_SPACE=acme\n");
    EXPECT_EQ(lines, "");
}

TEST(Log, WithoutAJournalLinesCarryTheirPriority)
{
    world w;
    obs::logger log(w.wall, {.format = obs::log_format::journal, .journal_socket = "/nonexistent/socket"});
    std::string lines;
    log.set_sink([&](std::string_view line) { lines += line; });
    log.warn("a", "b");
    EXPECT_EQ(lines, "<4>2026-03-01T12:00:00.000Z warn  a b\n");
}

TEST(Log, NamesAreParsed)
{
    EXPECT_EQ(obs::parse_level("warn"), obs::level::warn);
    EXPECT_FALSE(obs::parse_level("loud"));
    EXPECT_EQ(obs::parse_format("journal"), obs::log_format::journal);
    EXPECT_FALSE(obs::parse_format("xml"));
}

TEST(RateLimit, LetsOneThroughAndCountsTheRest)
{
    world w;
    obs::rate_limited limited(w.log, w.time);
    for (int i = 0; i < 5; ++i) limited.write("token acme", obs::level::warn, "token.refresh", "late");
    limited.write("token other", obs::level::warn, "token.refresh", "late");
    EXPECT_EQ(w.log.count("token.refresh"), 2U);
    w.pass(10s);
    limited.write("token acme", obs::level::warn, "token.refresh", "late");
    EXPECT_EQ(w.log.count("token.refresh"), 3U);
    ASSERT_NE(w.log.last("token.refresh"), nullptr);
    EXPECT_EQ((*w.log.last("token.refresh"))["suppressed"], "4");
}

TEST(RateLimit, ForgetsQuietKeys)
{
    world w;
    obs::rate_limited limited(w.log, w.time);
    for (int i = 0; i < 5000; ++i) {
        limited.write("key " + std::to_string(i), obs::level::warn, "x", "y");
        if (i % 500 == 0) w.pass(11s);
    }
    EXPECT_LE(limited.keys(), 1600U);
}
