// TLS on the loopback interface, with certificates made for each test.
#include "tests/unit/http/loopback.hpp"

#include <gtest/gtest.h>

#include <fstream>

using namespace std::chrono_literals;
using namespace lakeferry::test;
namespace http = lakeferry::http;
namespace dns = lakeferry::dns;
namespace rt = lakeferry::rt;
namespace asio = boost::asio;
using rt::awaitable;

namespace {

http::request post(std::string body) { return {.method = "POST", .target = "/x", .body = std::move(body)}; }

// Every name is this machine.
rt::outcome<dns::addresses> all_local(const std::string&)
{
    return dns::addresses{asio::ip::make_address("127.0.0.1")};
}

// What a client that trusts `trusted` says about a server that shows `shown`.
rt::outcome<http::response> ask(const certificate_files& shown, const std::string& trusted, const std::string& host,
                                std::string body = "hello")
{
    loopback l({.extra_authorities = trusted}, all_local);
    const auto port = l.serve("127.0.0.1:0", shown);
    return l.send({"https", host, port}, post(std::move(body)));
}

std::string refusal(const rt::outcome<http::response>& got)
{
    if (got.has_value()) return "it was accepted";
    EXPECT_EQ(got.error().id, "connect.tls");
    EXPECT_EQ(got.error().retry, rt::retry_class::never);
    return got.error().detail;
}

}  // namespace

TEST(Tls, CarriesRequestsToAVerifiedHost)
{
    const temporary_directory dir;
    const auto files = make_certificate(dir, "good", {.names = {"shop.example", "127.0.0.1"}});
    auto got = ask(files, files.authority, "shop.example");
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->body, "POST /x hello");
    got = ask(files, files.authority, "127.0.0.1");
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(ask(files, files.authority, "shop.example", std::string(1000, 'x'))->body.size(), 1008U);
}

TEST(Tls, CertificateProblemsAreSaidInPlainWords)
{
    const temporary_directory dir;
    const auto good = make_certificate(dir, "good", {.names = {"shop.example"}});
    const auto other = make_certificate(dir, "other", {.names = {"shop.example"}});
    const auto expired = make_certificate(dir, "expired", {.names = {"shop.example"}, .from_days = -9, .to_days = -1});
    const auto early = make_certificate(dir, "early", {.names = {"shop.example"}, .from_days = 1, .to_days = 2});
    const auto has = [](const std::string& text, const char* part) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    };
    has(refusal(ask(good, good.authority, "bank.example")), "is not for \"bank.example\" but for shop.example");
    has(refusal(ask(good, good.authority, "127.0.0.1")), "is not for \"127.0.0.1\"");
    has(refusal(ask(good, other.authority, "shop.example")), "authority that this machine does not know");
    has(refusal(ask(good, "", "shop.example")), "authority that this machine does not know");
    has(refusal(ask(expired, expired.authority, "shop.example")), "has expired");
    has(refusal(ask(early, early.authority, "shop.example")), "not valid yet");
    has(refusal(ask({}, good.authority, "shop.example")), "does not speak TLS");
}

TEST(Tls, FilesThatCannotBeUsedAreNamed)
{
    const temporary_directory dir;
    loopback l;
    const auto one = make_certificate(dir, "one");
    const auto two = make_certificate(dir, "two");
    std::ofstream(dir.file("junk")) << "junk";
    const auto fails = [&](const std::string& certificate, const std::string& key) {
        auto got = l.net->listen("127.0.0.1:0", {certificate, key});
        return got.has_error() ? got.error().id + " " + got.error().detail : "it listens";
    };
    for (const auto& text : {fails(dir.file("junk"), one.key), fails(one.certificate, dir.file("junk")),
                             fails(dir.file("none"), one.key), fails(one.certificate, two.key), fails(one.certificate, ""),
                             fails("", one.key)})
        EXPECT_TRUE(text.starts_with("listen.tls ")) << text;
    EXPECT_NE(fails(dir.file("none"), one.key).find(dir.file("none")), std::string::npos);
    auto network = http::make_socket_network(l.executor(), l.time, {.extra_authorities = dir.file("junk")});
    EXPECT_EQ(network.error().id, "connect.tls");
}

TEST(Tls, KeptConnectionsAreUsedAgainDespiteSessionTickets)
{
    const temporary_directory dir;
    const auto files = make_certificate(dir, "good");
    loopback l({.extra_authorities = files.authority}, all_local);
    const auto port = l.serve("127.0.0.1:0", files);
    l.run([](loopback& l, std::string port) -> awaitable<void> {
        http::pool pool(l.executor(), l.time, *l.net);
        for (int i = 0; i < 5; ++i) {
            const auto got = co_await pool.send({"https", "localhost", port}, post(std::string(900, 'z')), {});
            EXPECT_TRUE(got.has_value());
            co_await rt::sleep_for(l.time, 5ms);
        }
        EXPECT_EQ(pool.counts().opened, 1U);
    }(l, port));
}

TEST(Tls, TheEndOfThePeerIsNoticed)
{
    const temporary_directory dir;
    const auto files = make_certificate(dir, "good");
    loopback l({.extra_authorities = files.authority}, all_local);
    auto listening = *l.net->listen("127.0.0.1:0", {files.certificate, files.key});
    const auto address = listening->address();
    l.run([](loopback& l, http::listener& from, std::string port) -> awaitable<void> {
        rt::task_group server(l.executor(), nullptr);
        server.spawn("server", [](http::listener& from) -> awaitable<void> {
            auto s = *co_await from.accept();
            char byte = 0;
            (void)co_await s->read_some(asio::buffer(&byte, 1));
            co_await s->finish();
        }(from));
        auto client = *co_await l.net->connect({"https", "localhost", port}, {});
        EXPECT_FALSE(client->ended());
        (void)co_await client->write(asio::buffer(std::string_view("x")));
        char byte = 0;
        EXPECT_EQ((co_await client->read_some(asio::buffer(&byte, 1))).first, asio::error::eof);
        co_await server.join();
        while (!client->ended()) co_await rt::sleep_for(l.time, 1ms);
    }(l, *listening, address.substr(address.rfind(':') + 1)));
}

TEST(Tls, AClientThatNeverShakesHandsIsDropped)
{
    const temporary_directory dir;
    const auto files = make_certificate(dir, "good");
    loopback l;
    auto listening = *l.net->listen("127.0.0.1:0", {files.certificate, files.key});
    const auto address = listening->address();
    l.tasks.spawn("server", http::serve(l.time, *listening, l.service, {.head_timeout = 20ms}));
    l.run([](loopback& l, std::string port) -> awaitable<void> {
        auto plain = *co_await l.net->connect({"http", "127.0.0.1", port}, {});
        char byte = 0;
        EXPECT_TRUE((co_await plain->read_some(asio::buffer(&byte, 1))).first.failed());
        auto talks = *co_await l.net->connect({"http", "127.0.0.1", port}, {});
        (void)co_await talks->write(asio::buffer(std::string_view("GET / HTTP/1.1\r\nHost: a\r\n\r\n")));
        rt::error_code ec;
        char answer[200];
        while (!ec) ec = (co_await talks->read_some(asio::buffer(answer))).first;
        EXPECT_TRUE(ec.failed());
    }(l, address.substr(address.rfind(':') + 1)));
    EXPECT_TRUE(l.service.handled.empty());
    l.tasks.cancel();
    l.run(l.tasks.join());
}
