// Group commit: durable before the answer, one write for many, nothing lost, bounds that answer instead of growing.
#include "tests/unit/intake/intake_world.hpp"

#include "sync/core/space_state.hpp"
#include "sync/intake/blocks.hpp"

#include <map>
#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

http::request request(std::string body)
{
    return {"POST", "/v1/page", intake_world::json_fields("k-web:"), std::move(body)};
}

// Sends n calls at once; the statuses in the order of the answers.
std::vector<unsigned> send_at_once(intake_world& w, int n)
{
    std::vector<unsigned> statuses;
    rt::task_group clients(w.executor(), nullptr);
    for (int i = 0; i < n; ++i)
        clients.spawn("client", [](intake_world& world, int number, std::vector<unsigned>& to) -> rt::awaitable<void> {
            const auto answer = co_await world.exchange(request(page(number)));
            to.push_back(answer.status);
        }(w, i, statuses));
    w.run(clients.join());
    return statuses;
}

// Sends all of them at once; the statuses in the order of the requests.
std::vector<unsigned> send_at_once(intake_world& w, const std::vector<http::request>& all)
{
    std::vector<unsigned> statuses(all.size());
    rt::task_group clients(w.executor(), nullptr);
    for (std::size_t i = 0; i < all.size(); ++i)
        clients.spawn("client", [](intake_world& world, http::request what, unsigned& to) -> rt::awaitable<void> {
            to = (co_await world.exchange(std::move(what))).status;
        }(w, all[i], statuses[i]));
    w.run(clients.join());
    return statuses;
}

http::request track(std::string_view key, int n)
{
    return {"POST", "/v1/track", intake_world::json_fields(key),
            R"({"event":"e","userId":"u)" + std::to_string(n) + "\"}"};
}

std::vector<std::uint64_t> arrivals(intake_world& w, std::uint32_t space = 1)
{
    std::vector<std::uint64_t> out;
    for (const auto& block : w.blocks(space)) out.push_back(block.arrival);
    return out;
}

}  // namespace

TEST(Acceptor, ManyCallersShareFewWrites)
{
    intake_world w;
    const int before = w.db->durable_writes;
    const auto statuses = send_at_once(w, 200);
    EXPECT_EQ(statuses, std::vector<unsigned>(200, 200));
    EXPECT_EQ(w.calls(), 200U);
    EXPECT_LE(w.db->durable_writes - before, 3);
    EXPECT_EQ(w.acceptor->bytes_in_flight(), 0U);
}

TEST(Acceptor, WhatWasAnsweredSurvivesACrashAndNumbersGoOn)
{
    intake_world w;
    EXPECT_EQ(send_at_once(w, 7), std::vector<unsigned>(7, 200));
    w.restart();
    EXPECT_EQ(w.calls(), 7U);
    EXPECT_EQ(send_at_once(w, 3), std::vector<unsigned>(3, 200));
    EXPECT_EQ(w.calls(), 10U);
    EXPECT_EQ(arrivals(w), (std::vector<std::uint64_t>{1, 2})) << "a block for those that came at once";
}

TEST(Acceptor, NumbersGoOnAfterARestartEvenIfAllEventsWereResolved)
{
    intake_world w;
    EXPECT_EQ(send_at_once(w, 4), std::vector<unsigned>(4, 200));
    store::batch resolved;
    resolved.remove_range(store::family::events, core::key32(1), core::key32(2));
    std::string four;
    core::append_be64(four, 4);
    resolved.put(store::family::meta, core::space_meta_key(1, "resolved"), four);
    ASSERT_TRUE(w.db->write(std::move(resolved), store::durable::yes).has_value());
    w.restart();
    EXPECT_EQ(send_at_once(w, 1), std::vector<unsigned>(1, 200));
    EXPECT_EQ(arrivals(w), std::vector<std::uint64_t>{5});
}

TEST(Acceptor, AFailedWriteIsNeverA200AndItsNumbersAreNotUsedAgain)
{
    intake_world w;
    EXPECT_EQ(send_at_once(w, 2), std::vector<unsigned>(2, 200));
    w.db->fail_with = failure_of("store.io");
    EXPECT_EQ(send_at_once(w, 3), std::vector<unsigned>(3, 503));
    EXPECT_EQ(w.log.count("intake.write_failed"), 1U);
    EXPECT_EQ(w.acceptor->bytes_in_flight(), 0U);
    w.db->fail_with.reset();
    EXPECT_EQ(send_at_once(w, 1), std::vector<unsigned>(1, 200));
    // The failed write may have happened all the same.
    EXPECT_EQ(arrivals(w), (std::vector<std::uint64_t>{1, 3}));
    EXPECT_EQ(w.calls(), 3U);
    EXPECT_EQ(w.metrics.value("lakeferry_intake_commit_failures_total"), 1);
}

TEST(Acceptor, BytesUnderWayAreBoundedWithA429BeforeTheBody)
{
    core::limits limits;
    intake::acceptor_settings settings;
    settings.bytes_in_flight_max = 200'000;
    intake_world w(limits, settings);
    http::headers fields = intake_world::json_fields("k-web:");
    http::request_head head{"POST", "/v1/batch", &fields, 150'000};
    ASSERT_FALSE(w.service->admit(head)) << "one body always fits";
    EXPECT_EQ(w.service->reserved_bytes(), 150'000U);
    const auto busy = w.service->admit(head);
    ASSERT_TRUE(busy);
    EXPECT_EQ(busy->status, 429U);
    EXPECT_EQ(field_of(*busy, "code"), "busy");
    EXPECT_EQ(busy->fields.find("Retry-After"), "1");
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U) << "a small one still fits";
}

TEST(Acceptor, AnnouncedBodiesThatNeverCameAreForgotten)
{
    intake_world w;
    http::headers fields = intake_world::json_fields("k-web:");
    http::request_head head{"POST", "/v1/batch", &fields, 150'000};
    ASSERT_FALSE(w.service->admit(head));
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U);
    EXPECT_EQ(w.service->reserved_bytes(), 150'000U) << "a body that came gives back its own";
    w.pass(40s);
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U);
    EXPECT_EQ(w.service->reserved_bytes(), 0U);
}

TEST(Acceptor, LargeGroupsAreCutIntoSeveralWrites)
{
    intake::acceptor_settings settings;
    settings.group_bytes_max = 150;
    intake_world w({}, settings);
    const int before = w.db->durable_writes;
    EXPECT_EQ(send_at_once(w, 60), std::vector<unsigned>(60, 200));
    EXPECT_GT(w.db->durable_writes - before, 5);
    EXPECT_EQ(w.calls(), 60U);
}

TEST(Acceptor, StoppingWritesWhatWaitsAndRefusesTheRest)
{
    intake_world w;
    rt::task_group clients(w.executor(), nullptr);
    std::vector<unsigned> statuses;
    for (int i = 0; i < 5; ++i)
        clients.spawn("client", [](intake_world& world, int n, std::vector<unsigned>& to) -> rt::awaitable<void> {
            to.push_back((co_await world.exchange(request(page(n)))).status);
        }(w, i, statuses));
    w.tasks->cancel();
    w.run(clients.join());
    EXPECT_EQ(statuses, std::vector<unsigned>(5, 200));
    w.run(w.tasks->join());
    const auto late = w.post("/v1/page", page(9));
    EXPECT_EQ(late.status, 503U);
    EXPECT_EQ(field_of(late, "code"), "stopping");
    EXPECT_EQ(w.calls(), 5U);
}

TEST(Acceptor, AWaiterThatIsCancelledLeavesItsCallInTheLine)
{
    intake_world w;
    rt::task_group clients(w.executor(), nullptr);
    clients.spawn("client", [](intake_world& world) -> rt::awaitable<void> {
        (void)co_await world.exchange(request(page(1)));
    }(w));
    clients.cancel();
    w.run(clients.join());
    EXPECT_EQ(w.post("/v1/page", page(2)).status, 200U);
    EXPECT_EQ(w.calls(), 2U);
    EXPECT_EQ(w.acceptor->bytes_in_flight(), 0U);
}

TEST(Acceptor, SpacesComeAndGoWhileItRuns)
{
    intake_world w;
    EXPECT_EQ(send_at_once(w, 2), std::vector<unsigned>(2, 200));
    w.acceptor->remove_space(1);
    const auto gone = w.get(w.acceptor->commit([] {
        std::vector<intake::piece> pieces;
        pieces.push_back({1, 1, core::encode_event_block({})});
        return pieces;
    }()));
    ASSERT_TRUE(gone.has_error());
    EXPECT_EQ(gone.error().id, "intake.space_gone");
    EXPECT_EQ(w.post("/v1/page", page(1), "b-web:").status, 200U) << "others are untouched";
    ASSERT_TRUE(w.get(w.acceptor->add_space(1, "acme")).has_value());
    EXPECT_EQ(send_at_once(w, 1), std::vector<unsigned>(1, 200));
    EXPECT_EQ(arrivals(w), (std::vector<std::uint64_t>{1, 2}));
    EXPECT_EQ(arrivals(w, 2), std::vector<std::uint64_t>{1});
    EXPECT_EQ(w.woken, (std::vector<std::uint32_t>{1, 2, 1}));
}

TEST(Acceptor, SingleCallsOfOneSpaceAndTypeShareABlock)
{
    intake_world w;
    std::vector<http::request> all;
    std::set<std::string> pages;
    std::map<std::string, std::string> tracks;  // text: source
    for (int i = 0; i < 10; ++i) {
        all.push_back(request(page(i)));
        pages.insert(page(i));
        all.push_back(track(i % 2 == 0 ? "k-web:" : "k-app:", i));
        tracks[all.back().body] = i % 2 == 0 ? "src-web" : "src-app";
        all.push_back(track("b-web:", i));
    }
    all.push_back({"POST", "/v1/batch", intake_world::json_fields("k-web:"),
                   R"({"batch":[{"type":"page","userId":"b"}]})"});
    all.push_back({"POST", "/v1/page", intake_world::json_fields("k-web:"), "{}"});  // refused alone
    auto wanted = std::vector<unsigned>(31, 200);
    wanted.push_back(400);
    EXPECT_EQ(send_at_once(w, all), wanted);
    EXPECT_EQ(w.metrics.value("lakeferry_intake_calls_total", {{"space", "acme"}}), 21);
    EXPECT_EQ(w.metrics.value("lakeferry_intake_calls_total", {{"space", "beta"}}), 10);
    w.restart();

    EXPECT_EQ(w.calls(2), 10U);
    EXPECT_EQ(w.calls(1), 21U);
    std::size_t blocks = 0;
    for (const auto& block : w.blocks(1)) {
        ++blocks;
        ASSERT_EQ(block.texts.size(), block.sources.size());
        for (std::size_t i = 0; i < block.texts.size(); ++i) {
            if (block.type == "page") EXPECT_EQ(pages.erase(block.texts[i]), 1U) << block.texts[i];
            if (block.type != "track") continue;
            const auto own = tracks.extract(block.texts[i]);
            ASSERT_FALSE(own.empty()) << block.texts[i];
            EXPECT_EQ(own.mapped(), block.sources[i]);
        }
    }
    EXPECT_TRUE(pages.empty());
    EXPECT_TRUE(tracks.empty());
    // The first to come is written at once, all others in the next write: pages, tracks, and the batch as it came.
    EXPECT_LE(blocks, 4U);
    EXPECT_LE(w.blocks(2).size(), 2U);
}

TEST(Acceptor, AFailedWriteIsToldToAllWhoShareIt)
{
    intake_world w;
    w.db->fail_with = failure_of("store.io");
    const std::vector<http::request> all{request(page(1)),    track("k-web:", 2), track("k-app:", 3),
                                         track("b-web:", 4), request(page(5)),   track("k-web:", 6)};
    EXPECT_EQ(send_at_once(w, all), std::vector<unsigned>(6, 503));
    w.db->fail_with.reset();
    EXPECT_EQ(w.calls(1) + w.calls(2), 0U);
    EXPECT_EQ(w.acceptor->bytes_in_flight(), 0U);
    EXPECT_EQ(w.metrics.value("lakeferry_intake_calls_total", {{"space", "acme"}}), 0);
}

TEST(Acceptor, ASingleCallOfASpaceThatIsGoneIsRefused)
{
    intake_world w;
    w.acceptor->remove_space(1);
    const auto gone = w.get(w.acceptor->commit_call({1, core::call_type::page, "src-web", 1, "{}"}));
    ASSERT_TRUE(gone.has_error());
    EXPECT_EQ(gone.error().id, "intake.space_gone");
    EXPECT_EQ(w.acceptor->bytes_in_flight(), 0U);
}

TEST(SharedBlocks, EndAtTheirBounds)
{
    const std::string text(10, 'x');
    for (const auto& bounds : {intake::block_bounds{3, 1000}, intake::block_bounds{1000, 30}}) {
        intake::shared_blocks blocks(bounds);
        for (int i = 0; i < 7; ++i) {
            blocks.add({1, core::call_type::page, "a", i, text});
            blocks.add({2, core::call_type::page, "b", i, text});
        }
        std::map<std::uint32_t, std::vector<std::size_t>> sizes;
        std::map<std::uint32_t, std::int64_t> next;
        for (const auto& block : blocks.all()) {
            const std::string stored = block.calls.encode();
            const auto read = core::decode_event_block(stored);
            ASSERT_TRUE(read.has_value());
            sizes[block.space].push_back(read->calls.size());
            for (const auto& call : read->calls) EXPECT_EQ(call.received_us, next[block.space]++);
        }
        EXPECT_EQ(sizes[1], (std::vector<std::size_t>{3, 3, 1}));
        EXPECT_EQ(sizes[2], (std::vector<std::size_t>{3, 3, 1}));
    }
}

TEST(Acceptor, SideRecordsAreWrittenWithTheirPieces)
{
    intake_world w;
    std::vector<intake::side_record> also;
    also.push_back({store::family::meta, "a", "1"});
    ASSERT_TRUE(w.get(w.acceptor->commit({}, std::move(also))).has_value());
    w.restart();
    EXPECT_EQ(*w.db->get(store::family::meta, "a"), "1");
}
