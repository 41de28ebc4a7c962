// Real sockets on the loopback interface: TCP, Unix, inherited descriptors, addresses that fail.
#include "tests/unit/http/loopback.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

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

rt::failure refused(loopback& l, const std::string& where)
{
    auto got = l.net->listen(where, {});
    return got.has_error() ? got.error() : rt::failure{.id = "it listens"};
}

// What the system hands over with socket activation.
int inherited_socket(bool listening)
{
    asio::io_context io;
    asio::ip::tcp::acceptor a(io);
    a.open(asio::ip::tcp::v4());
    a.bind({asio::ip::address_v4::loopback(), 0});
    if (listening) a.listen();
    return a.release();
}

}  // namespace

TEST(Sockets, CarryRequestsOverTcp)
{
    loopback l;
    const auto port = l.serve("127.0.0.1:0");
    const auto got = l.send({"http", "127.0.0.1", port}, post("hello"));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->body, "POST /x hello");
    EXPECT_EQ(l.service.handled.at(0).fields.find("host"), "127.0.0.1:" + port);
    EXPECT_EQ(l.send({"http", "localhost", port}, post("by name"))->status, 200U);
}

TEST(Sockets, CarryManyConnectionsAtOnce)
{
    loopback l;
    const auto port = l.serve("127.0.0.1:0");
    l.run([](loopback& l, std::string port) -> awaitable<void> {
        http::pool pool(l.executor(), l.time, *l.net, {.per_origin_max = 20});
        rt::task_group all(l.executor(), nullptr);
        for (int i = 0; i < 300; ++i)
            all.spawn("one", [](http::pool& pool, std::string port, int i) -> awaitable<void> {
                const auto body = std::string(static_cast<std::size_t>(i), 'a');
                const auto got = co_await pool.send({"http", "127.0.0.1", port}, post(body), {});
                EXPECT_TRUE(got.has_value() && got->body == "POST /x " + body);
            }(pool, port, i));
        co_await all.join();
        EXPECT_EQ(pool.counts().opened, 20U);
        EXPECT_EQ(pool.counts().reused, 280U);
    }(l, port));
}

TEST(Sockets, AServerThatGoesAwayIsNoticed)
{
    loopback l;
    auto listening = *l.net->listen("127.0.0.1:0", {});
    const auto address = listening->address();
    l.run([](loopback& l, http::listener& from, std::string port) -> awaitable<void> {
        auto client = *co_await l.net->connect({"http", "127.0.0.1", port}, {});
        auto server = *co_await from.accept();
        EXPECT_FALSE(client->ended());
        server->close();
        while (!client->ended()) co_await rt::sleep_for(l.time, 1ms);
        char byte = 0;
        EXPECT_EQ((co_await client->read_some(asio::buffer(&byte, 1))).first, asio::error::eof);
    }(l, *listening, address.substr(address.rfind(':') + 1)));
}

TEST(Sockets, APortWhereNobodyListensIsRefused)
{
    loopback l;
    auto gone = *l.net->listen("127.0.0.1:0", {});
    const auto address = gone->address();
    gone->close();
    const auto got = l.send({"http", "127.0.0.1", address.substr(address.rfind(':') + 1)}, post(""));
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().id, "connect.refused");
    EXPECT_EQ(got.error().retry, rt::retry_class::transient);
    EXPECT_NE(got.error().detail.find(address), std::string::npos) << got.error().detail;
}

TEST(Sockets, ATakenAddressIsNamed)
{
    loopback l;
    const auto first = *l.net->listen("127.0.0.1:0", {});
    const auto failure = refused(l, first->address());
    EXPECT_EQ(failure.id, "listen.in_use");
    EXPECT_NE(failure.detail.find(first->address()), std::string::npos) << failure.detail;
}

TEST(Sockets, AddressesThatAreNoneAreRefused)
{
    loopback l;
    for (const std::string bad : {"8400", "nonsense", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999", "example.com:80",
                                  "192.0.2.1:0", ""})
        EXPECT_EQ(refused(l, bad).id, "listen.address") << bad;
    EXPECT_EQ(l.send({"http", "127.0.0.1", "x"}, post("")).error().retry, rt::retry_class::never);
    EXPECT_EQ(l.send({"ftp", "127.0.0.1", ""}, post("")).error().retry, rt::retry_class::never);
}

TEST(Sockets, EveryAddressOfTheMachine)
{
    loopback l;
    const auto port = l.serve(":0");
    EXPECT_EQ(l.send({"http", "127.0.0.1", port}, post(""))->status, 200U);
}

TEST(Sockets, TheNextAddressIsTriedWhenTheFirstIsBadOrSilent)
{
    const auto two = [](const std::string& host) -> rt::outcome<dns::addresses> {
        // 192.0.2.1 is nobody's (RFC 5737): unreachable or silent. 127.0.0.2 refuses.
        const auto first = host == "silent" ? "192.0.2.1" : "127.0.0.2";
        return dns::addresses{asio::ip::make_address(first), asio::ip::make_address("127.0.0.1")};
    };
    loopback l({.address_stagger = 10ms}, two);
    const auto port = l.serve("127.0.0.1:0");
    EXPECT_EQ(l.send({"http", "refusing", port}, post(""))->status, 200U);
    EXPECT_EQ(l.send({"http", "silent", port}, post(""))->status, 200U);
}

TEST(Sockets, ASilentAddressEndsAtTheDeadline)
{
    // A backlog of one that nobody accepts from stays full: further connections hang.
    loopback l;
    const int full = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    asio::ip::tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
    ASSERT_EQ(::bind(full, any.data(), static_cast<socklen_t>(any.size())), 0);
    ASSERT_EQ(::listen(full, 0), 0);
    auto size = static_cast<socklen_t>(any.capacity());
    ASSERT_EQ(::getsockname(full, any.data(), &size), 0);
    l.run([](loopback& l, std::string port) -> awaitable<void> {
        std::vector<std::unique_ptr<http::stream>> kept;
        for (int i = 0; i < 8; ++i) {
            auto got = co_await l.net->connect({"http", "127.0.0.1", port}, rt::deadline::in(l.time, 100ms));
            if (got.has_value()) {
                kept.push_back(std::move(*got));
                continue;
            }
            EXPECT_EQ(got.error().id, "connect.timeout");
            co_return;
        }
        ADD_FAILURE() << "the backlog never filled";
    }(l, std::to_string(any.port())));
    ::close(full);
}

TEST(Sockets, UnixSocketsAreForTheGroupAndCleanedUp)
{
    loopback l;
    const auto path = l.files.file("control");
    EXPECT_EQ(l.serve("unix:" + path), path);
    struct stat there = {};
    ASSERT_EQ(::stat(path.c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777U, 0660U);
    const auto got = l.send({"unix", path, ""}, post("over a file"));
    ASSERT_TRUE(got.has_value()) << got.error().detail;
    EXPECT_EQ(got->body, "POST /x over a file");
    EXPECT_EQ(l.service.handled.at(0).fields.find("host"), "localhost");

    const auto taken = refused(l, "unix:" + path);
    EXPECT_EQ(taken.id, "listen.in_use");
    l.listening.back()->close();
    EXPECT_NE(::stat(path.c_str(), &there), 0);
}

TEST(Sockets, AStaleSocketFileIsReplacedButNothingElseIs)
{
    loopback l;
    const auto path = l.files.file("stale");
    {
        // Bound and left behind, as a crash does.
        asio::io_context io;
        asio::local::stream_protocol::acceptor dead(io, asio::local::stream_protocol::endpoint(path));
    }
    EXPECT_EQ(l.serve("unix:" + path), path);
    const auto file = l.files.file("file");
    std::ofstream(file) << "precious";
    EXPECT_EQ(refused(l, "unix:" + file).id, "listen.in_use");
    EXPECT_EQ(refused(l, "unix:/nonexistent/x").id, "listen.address");
    EXPECT_EQ(refused(l, "unix:" + std::string(200, 'x')).id, "listen.address");
}

TEST(Sockets, AMissingControlSocketSaysWhy)
{
    loopback l;
    const auto got = l.send({"unix", l.files.file("none"), ""}, post(""));
    ASSERT_TRUE(got.has_error());
    EXPECT_NE(got.error().detail.find("is not running"), std::string::npos) << got.error().detail;
}

TEST(Sockets, InheritedDescriptorsAreServed)
{
    loopback l;
    auto adopted = l.net->adopt(inherited_socket(true), {});
    ASSERT_TRUE(adopted.has_value()) << adopted.error().detail;
    const auto port = l.serve(std::move(*adopted));
    EXPECT_EQ(l.send({"http", "127.0.0.1", port}, post(""))->status, 200U);

    const int plain = inherited_socket(false);
    EXPECT_EQ(l.net->adopt(plain, {}).error().id, "listen.address");
    ::close(plain);
    EXPECT_EQ(l.net->adopt(12345, {}).error().id, "listen.address");
}
