// The outcome is a function of the accepted calls in their order: not of batches, threads, restarts or crashes.
#include "tests/unit/identity/space_under_test.hpp"

#include <random>

namespace lakeferry::identity::test {
namespace {

struct sent_call {
    std::string text{};
    std::string received{};
};

// Calls of a few people who share devices, change e-mails, log in late and send things twice.
std::vector<sent_call> some_calls(std::uint64_t seed, std::size_t count)
{
    std::mt19937_64 rng(seed);
    const auto pick = [&](std::uint64_t n) { return rng() % n; };
    std::vector<sent_call> calls;
    for (std::size_t i = 0; i < count; ++i) {
        std::string rest = R"("timestamp":"2026-01-)" + std::to_string(10 + pick(19)) + R"(T00:00:00Z")";
        const auto kind = pick(10);
        if (pick(4) != 0) rest += R"(,"anonymousId":"a)" + std::to_string(pick(12)) + "\"";
        else rest += R"(,"anonymousId":"solo")";
        if (pick(3) == 0) rest += R"(,"userId":"u)" + std::to_string(pick(8)) + "\"";
        std::string type = "page";
        if (kind < 5) {
            type = "identify";
            rest += R"(,"traits":{"email":"e)" + std::to_string(pick(6)) + R"(@x","n":)" +
                    (pick(3) == 0 ? "null" : std::to_string(pick(3)) + (pick(2) == 0 ? ".5" : "")) + R"(,"o":{"k)" +
                    std::to_string(pick(3)) + R"(":"v"}})";
        } else if (kind < 8) {
            type = "track";
            rest += R"(,"event":"Event )" + std::to_string(pick(3)) + R"(","properties":{"v":)" +
                    (pick(5) == 0 ? "\"text\"" : std::to_string(pick(9))) + "}";
        }
        // Some have no message id, some one that was used before.
        const auto id = pick(12) == 0 ? std::string() : std::to_string(pick(15) == 0 ? pick(i + 1) : i);
        calls.push_back({call(type, id, rest), "2026-02-01T00:00:" + std::string(i % 60 < 10 ? "0" : "") + std::to_string(i % 60) + "Z"});
    }
    return calls;
}

void accept(space_under_test& space, const std::vector<sent_call>& calls, std::mt19937_64* cuts)
{
    // Received times differ between calls, so a block may only hold neighbours with the same one: write it directly.
    for (std::size_t i = 0; i < calls.size();) {
        const std::size_t size = cuts == nullptr ? calls.size() : 1 + (*cuts)() % 40;
        core::event_block block{.sources = {"web"}};
        for (std::size_t n = 0; n < size && i < calls.size(); ++n, ++i)
            block.calls.push_back({.text = calls[i].text, .received_us = *core::parse_timestamp(calls[i].received)});
        store::batch changes;
        changes.put(store::family::events, core::event_key(space_under_test::number, ++space.arrival),
                    core::encode_event_block(block));
        ASSERT_TRUE(space.in->write(std::move(changes), store::durable::yes));
    }
}

// Every row of every table, and the tables themselves.
std::string everything(space_under_test& space)
{
    std::string all;
    for (const auto& table : *known_tables(*space.in, space_under_test::number)) {
        all += core::encode_table(table) + "\n";
        for (const auto& row : space.rows(table.name)) all += json::serialize(row) + "\n";
    }
    const auto from = core::key32(space_under_test::number);
    EXPECT_TRUE(space.in->scan(store::family::identity, from, core::prefix_end(from), [&](auto key, auto value) {
        all += std::string(key) + "=" + std::string(value) + "\n";
        return true;
    }));
    return all;
}

TEST(Stability, HowCallsAreCutIntoBlocksAndStepsDoesNotMatter)
{
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        const auto calls = some_calls(seed, 250);
        space_under_test whole;
        accept(whole, calls, nullptr);
        const auto done = whole.resolve();
        EXPECT_GT(done.duplicates, 0U);
        EXPECT_GT(done.profiles_merged, 0U);
        EXPECT_GT(done.rescued, 0U);
        EXPECT_GT(done.notes.at("limit_exceeded"), 0U);
        const auto expected = everything(whole);
        for (const std::size_t calls_a_step : {1U, 7U, 60U}) {
            std::mt19937_64 cuts(seed * 100 + calls_a_step);
            space_under_test cut;
            accept(cut, calls, &cuts);
            cut.resolve(calls_a_step);
            EXPECT_EQ(everything(cut), expected) << "seed " << seed << ", " << calls_a_step << " calls a step";
        }
    }
}

TEST(Stability, ASecondThreadDoesNotMatter)
{
    const auto calls = some_calls(9, 2500);
    space_under_test one;
    accept(one, calls, nullptr);
    one.resolve();
    space_under_test two({.two_threads = true});
    std::mt19937_64 cuts(9);
    accept(two, calls, &cuts);
    two.resolve(2000);
    EXPECT_EQ(everything(two), everything(one));
}

TEST(Stability, WhatIsRememberedDoesNotMatter)
{
    const auto calls = some_calls(11, 400);
    space_under_test without({.cache_bytes = 0});
    accept(without, calls, nullptr);
    without.resolve();
    EXPECT_EQ(without.cache->entries(), 0U);
    space_under_test with;
    std::mt19937_64 cuts(11);
    accept(with, calls, &cuts);
    with.resolve(20);
    EXPECT_GT(with.cache->entries(), 20U);
    EXPECT_EQ(everything(with), everything(without));
}

TEST(Stability, ReopeningBetweenStepsDoesNotMatter)
{
    const auto calls = some_calls(5, 120);
    space_under_test whole;
    accept(whole, calls, nullptr);
    whole.resolve();
    space_under_test cut;
    std::mt19937_64 cuts(5);
    accept(cut, calls, &cuts);
    for (;;) {
        const auto done = cut.get_resolver().step({.calls = 30, .two_threads = false});
        ASSERT_TRUE(done);
        if (!done->more) break;
        cut.reopen();
    }
    EXPECT_EQ(everything(cut), everything(whole));
}

TEST(Stability, ACrashAnywhereReplaysToTheSame)
{
    const auto calls = some_calls(3, 100);
    space_under_test whole;
    accept(whole, calls, nullptr);
    whole.resolve();
    const auto expected = everything(whole);
    std::mt19937_64 rng(3);
    unsigned deaths = 0;
    for (unsigned round = 0; round < 12; ++round) {
        space_under_test space;
        std::mt19937_64 cuts(3);
        accept(space, calls, &cuts);
        for (unsigned crash = 0; crash < 3; ++crash) {
            space.disk.die_after(rng() % 8);
            while (true) {
                const auto done = space.get_resolver().step({.calls = 20, .two_threads = false});
                if (done.has_error() || !done->more) break;
                // A later synced write of somebody else makes earlier steps safe.
                if (rng() % 3 == 0) {
                    store::batch other;
                    other.put(store::family::runs, "k", "v");
                    if (space.in->write(std::move(other), store::durable::yes).has_error()) break;
                }
            }
            deaths += space.disk.dead() ? 1 : 0;
            space.disk.crash(rng() % 2 == 0 ? 0 : rng());
            space.reopen();
        }
        space.resolve(33);
        EXPECT_EQ(everything(space), expected) << "round " << round;
    }
    EXPECT_GT(deaths, 10U) << "the test must have hit running steps";
}

}  // namespace
}  // namespace lakeferry::identity::test
