// Names: one lookup at a time per name, kept answers, deadlines, threads that hang.
#include "net/dns/resolver.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/world/real_loop.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

using namespace std::chrono_literals;
using lakeferry::test::real_loop;
namespace dns = lakeferry::dns;
namespace rt = lakeferry::rt;
using rt::awaitable;

namespace {

const auto somewhere = boost::asio::ip::make_address("192.0.2.7");

// A lookup that counts and waits until it is let go.
struct gate {
    std::atomic<int> calls = 0;
    std::promise<void> open{};
    std::shared_future<void> opened = open.get_future().share();
};

dns::blocking_lookup through(std::shared_ptr<gate> g)
{
    return [g](const std::string&) -> rt::outcome<dns::addresses> {
        ++g->calls;
        g->opened.wait();
        return dns::addresses{somewhere};
    };
}

rt::failure dns_failure(rt::retry_class retry) { return {.retry = retry, .id = "connect.dns", .detail = "no"}; }

}  // namespace

TEST(Resolver, AddressesNeedNoLookup)
{
    real_loop l;
    l.run([](real_loop& l) -> awaitable<void> {
        auto g = std::make_shared<gate>();
        dns::resolver names(l.executor(), l.time, through(g));
        EXPECT_EQ((co_await names.resolve("127.0.0.1", {}))->front().to_string(), "127.0.0.1");
        EXPECT_EQ((co_await names.resolve("::1", {}))->front().to_string(), "::1");
        EXPECT_EQ(g->calls, 0);
    }(l));
}

TEST(Resolver, ManyWaitersShareOneLookupWhichIsKept)
{
    real_loop l;
    l.run([](real_loop& l) -> awaitable<void> {
        auto g = std::make_shared<gate>();
        dns::resolver names(l.executor(), l.time, through(g));
        rt::task_group all(l.executor(), nullptr);
        int answered = 0;
        for (int i = 0; i < 20; ++i)
            all.spawn("waiter", [](dns::resolver& names, int& answered) -> awaitable<void> {
                answered += (co_await names.resolve("a.example", {}))->front() == somewhere;
            }(names, answered));
        g->open.set_value();
        co_await all.join();
        EXPECT_EQ(answered, 20);
        EXPECT_TRUE((co_await names.resolve("a.example", {})).has_value());
        EXPECT_EQ(g->calls, 1);
        EXPECT_TRUE((co_await names.resolve("b.example", {})).has_value());
        EXPECT_EQ(g->calls, 2);
    }(l));
}

TEST(Resolver, AWaiterAbandonsALookupThatHangsAndSoDoesTheEnd)
{
    auto g = std::make_shared<gate>();
    real_loop l;
    l.run([](real_loop& l, std::shared_ptr<gate> g) -> awaitable<void> {
        dns::resolver names(l.executor(), l.time, through(g));
        const auto got = co_await names.resolve("a.example", rt::deadline::in(l.time, 20ms));
        EXPECT_EQ(got.error().id, "connect.timeout");
        EXPECT_EQ(got.error().retry, rt::retry_class::transient);
        while (g->calls == 0) co_await rt::sleep_for(l.time, 1ms);
    }(l, g));
    g->open.set_value();  // the thread returns to a resolver that is gone
}

TEST(Resolver, FailuresAreKeptBrieflyAndAnOldAnswerIsBetterThanNone)
{
    real_loop l;
    l.run([](real_loop& l) -> awaitable<void> {
        auto calls = std::make_shared<std::atomic<int>>(0);
        const auto lookup = [calls](const std::string& host) -> rt::outcome<dns::addresses> {
            const int n = ++*calls;
            if (host == "bad") return dns_failure(rt::retry_class::transient);
            if (n == 1) return dns::addresses{somewhere};
            return dns_failure(n == 2 ? rt::retry_class::transient : rt::retry_class::never);
        };
        dns::resolver kept(l.executor(), l.time, lookup, {.keep_bad = 1h});
        EXPECT_TRUE((co_await kept.resolve("bad", {})).has_error());
        EXPECT_TRUE((co_await kept.resolve("bad", {})).has_error());
        EXPECT_EQ(*calls, 1);

        *calls = 0;
        dns::resolver fresh(l.executor(), l.time, lookup, {.keep_good = 0s, .keep_bad = 0s});
        EXPECT_TRUE((co_await fresh.resolve("a.example", {})).has_value());
        EXPECT_TRUE((co_await fresh.resolve("a.example", {})).has_value()) << "the lookup failed for a moment";
        EXPECT_TRUE((co_await fresh.resolve("a.example", {})).has_error()) << "the name is gone";
        EXPECT_EQ(*calls, 3);
    }(l));
}

TEST(Resolver, RemembersABoundedNumberOfNames)
{
    real_loop l;
    l.run([](real_loop& l) -> awaitable<void> {
        auto calls = std::make_shared<std::atomic<int>>(0);
        const auto lookup = [calls](const std::string&) -> rt::outcome<dns::addresses> {
            ++*calls;
            return dns::addresses{somewhere};
        };
        dns::resolver names(l.executor(), l.time, lookup, {.names_max = 3});
        for (int i = 0; i < 10; ++i) (void)co_await names.resolve("h" + std::to_string(i), {});
        EXPECT_EQ(*calls, 10);
        (void)co_await names.resolve("h9", {});
        EXPECT_EQ(*calls, 10);
        (void)co_await names.resolve("h0", {});
        EXPECT_EQ(*calls, 11) << "the oldest was forgotten";
    }(l));
}

TEST(Resolver, TheSystemKnowsLocalhostAndNotNonsense)
{
    EXPECT_FALSE(dns::system_lookup("localhost").value().empty());
    EXPECT_TRUE(dns::system_lookup("no-such-host.invalid").has_error());
}
