// Stopping: politely, at once, and one after the other; nothing is left.
#include "tests/unit/http/raw_client.hpp"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace lakeferry::test;
namespace http = lakeferry::http;
namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using rt::awaitable;

namespace {

// Connections in every step: fresh, idle, half a head, half a body, in the handler.
struct five {
    std::vector<std::unique_ptr<http::stream>> all{};
    http::stream& fresh() { return *all[0]; }
    http::stream& idle() { return *all[1]; }
    http::stream& head() { return *all[2]; }
    http::stream& body() { return *all[3]; }
    http::stream& handling() { return *all[4]; }
};

awaitable<void> open_five(served_world& w, five& out)
{
    static const std::string texts[] = {"", "GET /idle HTTP/1.1\r\nHost: a\r\n\r\n", "GET /head HTT",
                                        "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab",
                                        "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"};
    for (const auto& text : texts) {
        out.all.push_back(*co_await w.net.connect({"http", "shop", ""}, {}));
        (void)co_await out.all.back()->write(asio::buffer(text));
    }
    EXPECT_EQ(status_of(co_await listen_to(w.time, out.idle(), 1s)), 200U);
}

}  // namespace

TEST(ServerStop, TotalFinishesWhatIsInHandAndRefusesTheRest)
{
    served_world w;
    w.run([](served_world& w) -> awaitable<void> {
        five c;
        co_await open_five(w, c);
        w.server.cancel(asio::cancellation_type::total);
        EXPECT_TRUE((co_await listen_to(w.time, c.fresh(), 1s)).ended);
        EXPECT_TRUE((co_await listen_to(w.time, c.idle(), 1s)).ended);
        EXPECT_TRUE((co_await w.net.connect({"http", "shop", ""}, {})).has_error()) << "the listener is closed";
        EXPECT_EQ(w.server.size(), 1U);

        (void)co_await c.head().write(asio::buffer(std::string_view("P/1.1\r\nHost: a\r\n\r\n")));
        (void)co_await c.body().write(asio::buffer(std::string_view("cd")));
        for (auto* s : {&c.head(), &c.body(), &c.handling()}) {
            const auto got = co_await listen_to(w.time, *s, 20s);
            EXPECT_EQ(status_of(got), 200U);
            EXPECT_EQ(count_of(got.text, "Connection: close\r\n"), 1U);
            EXPECT_TRUE(got.ended);
        }
        co_await w.server.join();
    }(w));
    EXPECT_EQ(w.net.open_streams(), 0U);
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(ServerStop, TerminalEndsEverythingAtOnceAndCancelsHandlers)
{
    served_world w;
    w.run([](served_world& w) -> awaitable<void> {
        five c;
        co_await open_five(w, c);
        EXPECT_EQ(w.service.under_way, 1);
        const auto before = w.now();
        w.server.cancel();
        co_await w.server.join();
        EXPECT_EQ(w.now(), before);
        EXPECT_EQ(w.service.under_way, 0);
        for (auto& s : c.all) EXPECT_TRUE((co_await listen_to(w.time, *s, 1s)).ended);
    }(w));
    EXPECT_EQ(w.net.open_streams(), 0U);
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(ServerStop, TerminalAfterTotalDoesNotWait)
{
    served_world w;
    w.run([](served_world& w) -> awaitable<void> {
        five c;
        co_await open_five(w, c);
        w.server.cancel(asio::cancellation_type::total);
        co_await rt::sleep_for(w.time, 1s);
        EXPECT_EQ(w.service.under_way, 1);
        EXPECT_EQ(w.server.size(), 1U);
        const auto before = w.now();
        w.server.cancel();
        co_await w.server.join();
        EXPECT_EQ(w.now(), before);
        EXPECT_EQ(w.service.under_way, 0);
    }(w));
    EXPECT_EQ(w.time.pending(), 0U);
}

TEST(ServerStop, ClosingTheListenerStopsPolitely)
{
    served_world w;
    w.run([](served_world& w) -> awaitable<void> {
        five c;
        co_await open_five(w, c);
        w.listening->close();
        EXPECT_EQ(status_of(co_await listen_to(w.time, c.handling(), 20s)), 200U);
        // Half a head and half a body are given their time, no more.
        co_await w.server.join();
        EXPECT_LE(w.now(), rt::time_point{} + 40s);
    }(w));
    EXPECT_EQ(w.net.open_streams(), 0U);
}

TEST(ServerStop, AtAnyMomentLeavesNothing)
{
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        served_world w({}, seed);
        w.net.faults = {.latency_max = 20ms, .chunking = true, .reset_request = 0.1, .reset_answer = 0.1, .stall = 0.1,
                        .half_close = 0.1, .within = 400};
        w.run([](served_world& w) -> awaitable<void> {
            rt::task_group clients(w.executor(), nullptr);
            for (int i = 0; i < 8; ++i)
                clients.spawn("client", [](served_world& w) -> awaitable<void> {
                    co_await rt::sleep_for(w.time, std::chrono::milliseconds(w.rng() % 100));
                    auto s = co_await w.net.connect({"http", "shop", ""}, {});
                    if (s.has_error()) co_return;
                    const std::string text = "POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcde"
                                             "GET /b HTTP/1.1\r\nHost: a\r\n\r\n";
                    (void)co_await (*s)->write(asio::buffer(text));
                    (void)co_await listen_to(w.time, **s, 15s);
                }(w));
            co_await rt::sleep_for(w.time, std::chrono::milliseconds(w.rng() % 12000));
            w.server.cancel(asio::cancellation_type::total);
            co_await rt::sleep_for(w.time, std::chrono::milliseconds(w.rng() % 12000));
            w.server.cancel();
            const auto before = w.now();
            co_await w.server.join();
            EXPECT_EQ(w.now(), before);
            co_await clients.join();
        }(w));
        EXPECT_EQ(w.service.under_way, 0) << seed;
        EXPECT_EQ(w.net.open_streams(), 0U) << seed;
        EXPECT_EQ(w.time.pending(), 0U) << seed;
    }
}
