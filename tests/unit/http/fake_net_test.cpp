// The network in memory: each fault does what it says, and is counted.
#include "tests/unit/http/raw_client.hpp"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace lakeferry::test;
namespace http = lakeferry::http;
namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using rt::awaitable;

namespace {

const std::string question = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n" + std::string(500, 'b');

heard under(const net_faults& faults, net_counts& counts, std::uint64_t seed = 1)
{
    served_world w({}, seed);
    w.net.faults = faults;
    auto got = talk(w, question, 10s);
    counts = w.net.counts();
    return got;
}

}  // namespace

TEST(FakeNet, ResetsInsideARequest)
{
    net_counts c;
    const auto got = under({.reset_request = 1, .within = 400}, c);
    EXPECT_TRUE(got.ended);
    EXPECT_EQ(got.text, "");
    EXPECT_EQ(c.resets_request, 1U);
}

TEST(FakeNet, ResetsAndEndsInsideAnAnswer)
{
    net_counts c;
    auto got = under({.reset_answer = 1, .within = 100}, c);
    EXPECT_TRUE(got.ended);
    EXPECT_LE(got.text.size(), 100U);
    EXPECT_EQ(c.resets_answer, 1U);
    got = under({.half_close = 1, .within = 100}, c);
    EXPECT_TRUE(got.ended);
    EXPECT_LE(got.text.size(), 100U);
    EXPECT_EQ(c.half_closes, 1U);
}

TEST(FakeNet, Stalls)
{
    net_counts c;
    const auto got = under({.stall = 1, .within = 100}, c);
    EXPECT_FALSE(got.ended);
    EXPECT_LE(got.text.size(), 100U);
    EXPECT_EQ(c.stalls, 1U);
}

TEST(FakeNet, RefusesAndSwallowsConnections)
{
    served_world w;
    const auto connect = [&](const char* host) {
        auto got = w.get(w.net.connect({"http", host, ""}, rt::deadline::in(w.time, 5s)));
        return got.has_value() ? "connected" : got.error().id;
    };
    EXPECT_EQ(connect("shop"), "connected");
    EXPECT_EQ(connect("nobody"), "connect.refused");
    w.net.faults_of["shop:80"] = {.refuse = 1};
    EXPECT_EQ(connect("shop"), "connect.refused");
    w.net.faults_of["shop:80"] = {.blackhole = 1};
    const auto before = w.now();
    EXPECT_EQ(connect("shop"), "connect.timeout");
    EXPECT_EQ(w.now(), before + 5s);
    w.net.faults_of.clear();
    w.net.down.insert("shop:80");
    EXPECT_EQ(connect("shop"), "connect.refused");
    w.net.down.clear();
    EXPECT_EQ(connect("shop"), "connected");
    EXPECT_EQ(w.net.counts().refused, 3U);
    EXPECT_EQ(w.net.counts().blackholed, 1U);
}

TEST(FakeNet, LatencyTakesVirtualTime)
{
    served_world w;
    w.net.faults = {.latency_min = 50ms, .latency_max = 50ms};
    const auto got = talk(w, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 10s);
    EXPECT_EQ(status_of(got), 200U);
    EXPECT_GE(w.now(), rt::time_point{} + 150ms);
}

TEST(FakeNet, ANameIsTakenUntilItsListenerCloses)
{
    served_world w;
    EXPECT_EQ(w.net.listen("shop:80", {}).error().id, "listen.in_use");
    w.stop();
    EXPECT_TRUE(w.net.listen("shop:80", {}).has_value());
    EXPECT_NE((*w.net.listen("h:0", {}))->address(), (*w.net.listen("h:0", {}))->address());
}

TEST(FakeNet, TheSameSeedIsTheSameStory)
{
    const auto story = [](std::uint64_t seed) {
        std::string out;
        for (int i = 0; i < 5; ++i) {
            served_world w({}, seed + static_cast<std::uint64_t>(i) * 100);
            w.net.faults = {.latency_max = 9ms, .chunking = true, .reset_answer = 0.3, .stall = 0.3, .within = 300};
            const auto got = talk(w, question, 2s);
            out += got.text + std::to_string(w.now().time_since_epoch().count());
        }
        return out;
    };
    EXPECT_EQ(story(1), story(1));
    EXPECT_NE(story(1), story(2));
}
