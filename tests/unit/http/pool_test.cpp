// The client and its pool over a network in memory.
#include "net/http/pool.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/fake_net/fake_net.hpp"
#include "tests/support/fake_net/http_peer.hpp"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using namespace lakeferry::test;
namespace http = lakeferry::http;
namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using rt::awaitable;

namespace {

const http::origin shop{"https", "shop", ""};

struct pooled_world : world {
    fake_net net{*this};
    http_peer peer{};
    rt::task_group tasks{executor(), nullptr};
    http::pool pool;

    explicit pooled_world(http::pool_limits limits = {}, std::uint64_t seed = 1)
        : world(seed), pool(executor(), time, net, limits)
    {
        peer.start(tasks, time, net, "shop:443");
        peer.on("*", "/slow", [this](http::request) { return slow(time); });
        peer.on("*", "/echo", [](http::request r) -> awaitable<http::response> {
            co_return http::text_response(200, r.method + r.body);
        });
        tasks.spawn("pool", pool.run());
    }
    ~pooled_world()
    {
        tasks.cancel();
        run(tasks.join());
        EXPECT_EQ(time.pending(), 0U);
        EXPECT_EQ(net.open_streams(), 0U);
    }
    pooled_world(const pooled_world&) = delete;
    pooled_world& operator=(const pooled_world&) = delete;

    static awaitable<http::response> slow(rt::time_source& clock)
    {
        co_await rt::sleep_for(clock, 10s);
        co_return http::text_response(200, "slow");
    }
    rt::outcome<http::response> send(http::request what, http::send_options options = {}, http::origin to = shop)
    {
        return get(pool.send(std::move(to), std::move(what), options));
    }
};

http::request get_of(std::string target) { return {.method = "GET", .target = std::move(target)}; }

// A server that answers every connection with fixed bytes after the first read, and may then close.
awaitable<void> fixed_server(http::listener& from, std::string answer, bool close)
{
    std::vector<std::unique_ptr<http::stream>> open;
    for (;;) {
        auto got = co_await from.accept();
        if (got.has_error()) co_return;
        char buffer[4000];
        (void)co_await (*got)->read_some(asio::buffer(buffer));
        (void)co_await (*got)->write(asio::buffer(answer));
        if (close) co_await (*got)->finish();
        open.push_back(std::move(*got));
    }
}

rt::outcome<http::response> ask_fixed(pooled_world& w, const std::string& answer, bool close = false,
                                      http::send_options options = {}, http::request what = get_of("/"))
{
    auto listening = *w.net.listen("fixed:80", {});
    rt::task_group server(w.executor(), nullptr);
    server.spawn("fixed", fixed_server(*listening, answer, close));
    if (!options.limit.reachable()) options.limit = rt::deadline::in(w.time, 30s);
    auto got = w.send(std::move(what), options, {"http", "fixed", "80"});
    server.cancel();
    w.run(server.join());
    return got;
}

}  // namespace

TEST(Pool, SendsAndKeepsTheConnection)
{
    pooled_world w;
    for (int i = 0; i < 5; ++i) {
        const auto got = w.send({.method = "POST", .target = "/echo", .body = "abc"});
        ASSERT_TRUE(got.has_value());
        EXPECT_EQ(got->body, "POSTabc");
    }
    EXPECT_EQ(w.net.counts().connects, 1U);
    EXPECT_EQ(w.pool.counts().reused, 4U);
    EXPECT_EQ(w.pool.idle(), 1U);
    EXPECT_EQ(w.peer.seen().front().fields.find("Host"), "shop");
    EXPECT_EQ(w.peer.seen().front().fields.find("Content-Length"), "3");
}

TEST(Pool, LargeBodiesPassBothWays)
{
    pooled_world w;
    const std::string body(3'000'000, 'q');
    const auto got = w.send({.method = "PUT", .target = "/echo", .body = body});
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->body, "PUT" + body);
}

TEST(Pool, CapsConnectionsAndServesWaitersInOrder)
{
    pooled_world w({.per_origin_max = 2});
    std::string order;
    w.run([](pooled_world& w, std::string& order) -> awaitable<void> {
        rt::task_group all(w.executor(), nullptr);
        for (char id = 'a'; id != 'g'; ++id)
            all.spawn({id}, [](pooled_world& w, std::string& order, char id) -> awaitable<void> {
                auto got = co_await w.pool.send(shop, get_of("/slow"), {});
                EXPECT_TRUE(got.has_value());
                order += id;
            }(w, order, id));
        EXPECT_EQ(w.pool.in_use(), 2U);
        EXPECT_EQ(w.pool.waiting(), 4U);
        co_await all.join();
    }(w, order));
    EXPECT_EQ(order, "abcdef");
    EXPECT_EQ(w.net.counts().connects, 2U);
    EXPECT_EQ(w.now(), rt::time_point{} + 30s);
}

TEST(Pool, AWaiterGivesUpAtItsDeadlineHavingSentNothing)
{
    pooled_world w({.per_origin_max = 1, .waiters_max = 1});
    w.run([](pooled_world& w) -> awaitable<void> {
        rt::task_group busy(w.executor(), nullptr);
        busy.spawn("busy", [](pooled_world& w) -> awaitable<void> {
            (void)co_await w.pool.send(shop, get_of("/slow"), {});
        }(w));
        auto second = [](pooled_world& w) -> awaitable<void> {
            auto got = co_await w.pool.send(shop, get_of("/echo"), {.limit = rt::deadline::in(w.time, 5s)});
            EXPECT_EQ(got.error().id, "connect.timeout");
            EXPECT_EQ(got.error().retry, rt::retry_class::transient);
            EXPECT_EQ(w.now(), rt::time_point{} + 5s);
        };
        busy.spawn("second", second(w));
        auto third = co_await w.pool.send(shop, get_of("/echo"), {.limit = rt::deadline::in(w.time, 5s)});
        EXPECT_EQ(third.error().id, "connect.busy");
        EXPECT_EQ(w.now(), rt::time_point{});
        co_await busy.join();
    }(w));
    EXPECT_EQ(w.peer.count("GET", "/echo"), 0U);
}

TEST(Pool, APassedDeadlineSendsNothing)
{
    pooled_world w;
    const auto got = w.send(get_of("/echo"), {.limit = rt::deadline(w.now())});
    EXPECT_EQ(got.error().id, "connect.timeout");
    EXPECT_EQ(w.net.counts().connects, 0U);
}

TEST(Pool, AnAnswerThatDoesNotComeIsAnUnknownOutcome)
{
    for (const bool replayable : {false, true}) {
        pooled_world w;
        const auto got = w.send(get_of("/slow"), {.limit = rt::deadline::in(w.time, 2s), .replayable = replayable});
        EXPECT_EQ(got.error().id, "http.timeout");
        EXPECT_EQ(got.error().retry,
                  replayable ? rt::retry_class::transient : rt::retry_class::unknown_outcome);
        EXPECT_EQ(w.pool.idle(), 0U);
        EXPECT_EQ(w.pool.in_use(), 0U);
    }
}

TEST(Pool, ConnectFailuresPassThrough)
{
    pooled_world w;
    EXPECT_EQ(w.send(get_of("/"), {}, {"https", "nobody", ""}).error().id, "connect.refused");
    w.net.unknown_hosts.insert("typo");
    EXPECT_EQ(w.send(get_of("/"), {}, {"https", "typo", ""}).error().retry, rt::retry_class::never);
    w.net.unreachable.insert("hole:443");
    const auto hole = w.send(get_of("/"), {.limit = rt::deadline::in(w.time, 3s)}, {"https", "hole", ""});
    EXPECT_EQ(hole.error().id, "connect.timeout");
    EXPECT_EQ(hole.error().retry, rt::retry_class::transient);
    w.net.broken_tls["shop:443"] = "its certificate has expired";
    EXPECT_EQ(w.send(get_of("/")).error().id, "connect.tls");
}

TEST(Pool, EvictsIdleConnectionsAndThenStopsTicking)
{
    pooled_world w({.idle_max = 30s});
    ASSERT_TRUE(w.send(get_of("/echo")).has_value());
    w.pass(29s);
    EXPECT_EQ(w.pool.idle(), 1U);
    w.pass(2s);
    EXPECT_EQ(w.pool.idle(), 0U);
    w.pass(100s);  // the server's side has noticed
    EXPECT_EQ(w.time.pending(), 0U) << "no timer without an idle connection";
    EXPECT_EQ(w.net.open_streams(), 0U);
}

TEST(Pool, UsesTheFreshestConnectionFirst)
{
    pooled_world w({.idle_max = 30s});
    w.run([](pooled_world& w) -> awaitable<void> {
        rt::task_group two(w.executor(), nullptr);
        for (int i = 0; i < 2; ++i)
            two.spawn("one", [](pooled_world& w) -> awaitable<void> {
                (void)co_await w.pool.send(shop, get_of("/slow"), {});
            }(w));
        co_await two.join();
    }(w));
    EXPECT_EQ(w.pool.idle(), 2U);
    for (int i = 0; i < 5; ++i) {
        w.pass(8s);
        ASSERT_TRUE(w.send(get_of("/echo")).has_value());
    }
    EXPECT_EQ(w.pool.idle(), 1U) << "the one that was never needed has gone";
    EXPECT_EQ(w.net.counts().connects, 2U);
}

TEST(Pool, AKeptConnectionThatTheServerClosedIsNotUsed)
{
    pooled_world w;
    ASSERT_TRUE(w.send(get_of("/echo")).has_value());
    w.net.cut("shop:443");
    ASSERT_TRUE(w.send({.method = "POST", .target = "/echo", .body = "x"}).has_value());
    EXPECT_EQ(w.pool.counts().retried, 0U);
    EXPECT_EQ(w.net.counts().connects, 2U);
}

TEST(Pool, AReusedConnectionThatDiesIsRetriedOnceIfHarmless)
{
    for (const bool replayable : {true, false}) {
        pooled_world w;
        ASSERT_TRUE(w.send(get_of("/echo")).has_value());
        w.peer.on("*", "/dies", [&w, first = true](http::request) mutable -> awaitable<http::response> {
            return [](pooled_world& w, bool dies) -> awaitable<http::response> {
                if (dies) w.net.cut("shop:443");
                co_return http::text_response(200, "second");
            }(w, std::exchange(first, false));
        });
        const auto got = w.send(get_of("/dies"), {.replayable = replayable});
        EXPECT_EQ(got.has_value(), replayable);
        EXPECT_EQ(w.pool.counts().retried, replayable ? 1U : 0U);
        EXPECT_EQ(w.peer.count("GET", "/dies"), replayable ? 2U : 1U);
        if (!replayable) {
            EXPECT_EQ(got.error().id, "http.cut");
            EXPECT_EQ(got.error().retry, rt::retry_class::unknown_outcome);
        }
    }
}

TEST(Pool, AFreshConnectionThatDiesIsNotRetriedSilently)
{
    pooled_world w;
    w.peer.on("*", "/dies", [&w](http::request) -> awaitable<http::response> {
        return [](pooled_world& w) -> awaitable<http::response> {
            w.net.cut("shop:443");
            co_return http::text_response(200, "");
        }(w);
    });
    const auto got = w.send(get_of("/dies"), {.replayable = true});
    EXPECT_EQ(got.error().id, "http.cut");
    EXPECT_EQ(got.error().retry, rt::retry_class::transient);
    EXPECT_EQ(w.peer.count("GET", "/dies"), 1U);
}

TEST(Pool, CancellingASendClosesItsConnection)
{
    pooled_world w;
    w.run([](pooled_world& w) -> awaitable<void> {
        rt::task_group one(w.executor(), nullptr);
        one.spawn("send", [](pooled_world& w) -> awaitable<void> {
            (void)co_await w.pool.send(shop, get_of("/slow"), {});
        }(w));
        co_await rt::sleep_for(w.time, 1s);
        EXPECT_EQ(w.pool.in_use(), 1U);
        one.cancel();
        co_await one.join();
    }(w));
    EXPECT_EQ(w.pool.in_use(), 0U);
    EXPECT_EQ(w.pool.idle(), 0U);
}

TEST(Pool, RefusesWhatWouldForgeFields)
{
    pooled_world w;
    EXPECT_EQ(w.send({.method = "GET", .target = "/a b"}).error().id, "http.invalid");
    EXPECT_EQ(w.send({.method = "GET", .target = "a"}).error().id, "http.invalid");
    EXPECT_EQ(w.send({.method = "GE T", .target = "/"}).error().id, "http.invalid");
    EXPECT_EQ(w.send({.method = "GET", .target = "/", .fields = {{"A", "b\r\nC: d"}}}).error().id, "http.invalid");
    EXPECT_EQ(w.send({.method = "GET", .target = "/", .fields = {{"A:", "b"}}}).error().retry, rt::retry_class::never);
    EXPECT_EQ(w.net.counts().connects, 0U);
}

TEST(Pool, ReadsEveryKindOfAnswer)
{
    pooled_world w;
    const auto body_of = [&](const std::string& answer, bool close = false) {
        const auto got = ask_fixed(w, answer, close);
        return got.has_value() ? std::to_string(got->status) + got->body : got.error().id;
    };
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), "200abc");
    EXPECT_EQ(w.pool.idle(), 1U);
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nT: u\r\n\r\n"), "200abc");
    EXPECT_EQ(body_of("HTTP/1.0 200 OK\r\n\r\nabc", true), "200abc");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\n\r\nabc", true), "200abc");
    EXPECT_EQ(body_of("HTTP/1.1 204 No Content\r\n\r\n"), "204");
    EXPECT_EQ(body_of("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"), "304");
    EXPECT_EQ(body_of("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx"),
              "201x");
    EXPECT_EQ(body_of("HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n"), "503");
    EXPECT_EQ(body_of("HTTP/1.1 002 OK\r\n\r\n"), "http.malformed");
    EXPECT_EQ(body_of("SSH-2.0-OpenSSH\r\n\r\n"), "http.malformed");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), "http.malformed");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), "http.malformed");
    EXPECT_EQ(body_of("HTTP/1.1 101 Switching\r\n\r\n"), "http.malformed");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'a')), "http.malformed");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true), "http.cut");
    EXPECT_EQ(body_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab", true), "http.cut");
    EXPECT_EQ(body_of("HTTP/1.1 200", true), "http.cut");
    EXPECT_EQ(body_of("", true), "http.cut");
}

TEST(Pool, AnswersOfHeadHaveNoBody)
{
    pooled_world w;
    const auto got = ask_fixed(w, "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n", false, {},
                               {.method = "HEAD", .target = "/"});
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->fields.find("content-length"), "300");
    EXPECT_EQ(w.pool.idle(), 1U);
}

TEST(Pool, LimitsAnswers)
{
    pooled_world w;
    const http::send_options small{.response_limit = 5};
    EXPECT_TRUE(ask_fixed(w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", false, small).has_value());
    EXPECT_EQ(ask_fixed(w, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef", false, small).error().id,
              "http.too_large");
    EXPECT_EQ(ask_fixed(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n", false, small)
                  .error()
                  .id,
              "http.too_large");
    EXPECT_EQ(ask_fixed(w, "HTTP/1.0 200 OK\r\n\r\nabcdef", true, small).error().id, "http.too_large");
}

TEST(Pool, AConnectionIsOnlyKeptAfterAWholeCleanExchange)
{
    pooled_world w;
    for (const std::string answer : {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
                                     "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
                                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n",
                                     "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"}) {
        EXPECT_TRUE(ask_fixed(w, answer).has_value());
        EXPECT_EQ(w.pool.idle(), 0U) << answer;
    }
}

TEST(Pool, EveryRequestEndsByItsDeadlineWhateverTheNetworkDoes)
{
    net_counts all;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        pooled_world w({.per_origin_max = 3}, seed);
        w.net.faults = {.latency_max = 30ms, .chunking = true, .refuse = 0.1, .blackhole = 0.05, .reset_request = 0.1,
                        .reset_answer = 0.1, .stall = 0.1, .half_close = 0.1, .within = 600};
        w.run([](pooled_world& w) -> awaitable<void> {
            rt::task_group clients(w.executor(), nullptr);
            for (int i = 0; i < 12; ++i)
                clients.spawn("client", [](pooled_world& w) -> awaitable<void> {
                    for (int k = 0; k < 6; ++k) {
                        const auto limit = rt::deadline::in(w.time, std::chrono::milliseconds(w.rng() % 4000));
                        const std::string body(w.rng() % 900, 'b');
                        auto got = co_await w.pool.send(shop, {.method = "POST", .target = "/echo", .body = body},
                                                        {.limit = limit, .replayable = w.rng() % 2 == 0});
                        EXPECT_LE(w.now(), limit.at());
                        if (got.has_value()) EXPECT_EQ(got->body, "POST" + body);
                    }
                }(w));
            co_await clients.join();
        }(w));
        EXPECT_EQ(w.pool.in_use() + w.pool.waiting(), 0U);
        const auto& c = w.net.counts();
        all.refused += c.refused, all.blackholed += c.blackholed, all.stalls += c.stalls;
        all.resets_request += c.resets_request, all.resets_answer += c.resets_answer, all.half_closes += c.half_closes;
    }
    // Each kind of fault was really reached.
    for (const auto n : {all.refused, all.blackholed, all.stalls, all.resets_request, all.resets_answer, all.half_closes})
        EXPECT_GT(n, 10U);
}
