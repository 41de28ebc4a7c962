// Import: every line once, whatever happens in between.
#include "tests/unit/intake/intake_world.hpp"

#include <random>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

std::string line(int n) { return R"({"type":"page","userId":"u)" + std::to_string(n) + "\"}"; }

intake::import_file file(std::string source = "src-web", bool again = false)
{
    return {"week.ndjson", 1000, "f1", std::move(source), again};
}

intake::import_position begin(intake_world& w, const intake::import_file& what = file())
{
    const auto got = w.get(w.importer->begin(1, what));
    EXPECT_TRUE(got.has_value()) << (got.has_error() ? got.error().detail : "");
    return got.has_value() ? *got : intake::import_position{};
}

rt::outcome<intake::chunk_result> send(intake_world& w, const std::string& id, std::uint64_t offset, std::string bytes,
                                       bool last = false)
{
    return w.get(w.importer->chunk(1, {id, offset, std::move(bytes), last}));
}

std::vector<std::string> stored(intake_world& w)
{
    std::vector<std::string> out;
    for (const auto& block : w.blocks())
        for (const auto& text : block.texts) out.push_back(text);
    return out;
}

}  // namespace

TEST(Importer, LinesAreStoredInOrderAndBlankOnesAreNotCounted)
{
    intake_world w;
    const auto id = begin(w).id;
    const std::string text = line(1) + "\n\n  \r\n" + line(2) + "\r\n" + line(3);
    const auto got = send(w, id, 0, text, true);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->accepted, 3U);
    EXPECT_EQ(got->refused, 0U);
    EXPECT_EQ(got->position.at.offset, text.size());
    EXPECT_EQ(got->position.at.lines, 5U);
    EXPECT_TRUE(got->position.finished);
    EXPECT_EQ(stored(w), (std::vector<std::string>{line(1), line(2), line(3)}));
    EXPECT_EQ(w.blocks()[0].sources.at(0), "src-web");
}

TEST(Importer, HalfALineWaitsForTheNextChunkUnlessNothingFollows)
{
    intake_world w;
    const auto id = begin(w).id;
    const std::string text = line(1) + "\n" + line(2);
    auto got = send(w, id, 0, text.substr(0, text.size() - 4));
    EXPECT_EQ(got->position.at.offset, line(1).size() + 1);
    EXPECT_EQ(got->accepted, 1U);
    got = send(w, id, got->position.at.offset, text.substr(line(1).size() + 1, 5), true);
    EXPECT_EQ(got->refused, 1U);
    ASSERT_EQ(got->lines.size(), 1U);
    EXPECT_EQ(got->lines[0].line, 2U);
    EXPECT_EQ(got->lines[0].why.reason, core::refusal_reason::bad_request);
}

TEST(Importer, BadLinesAreKeptAsideWithTheirNumbers)
{
    intake_world w;
    const auto id = begin(w).id;
    const auto got = send(w, id, 0,
                          line(1) + "\n{\"type\":\n\n" + R"({"type":"track","userId":"u"})" + "\n" +
                              R"({"type":"page","userId":"u","writeKey":"b-web"})" + "\n" +
                              R"({"type":"page","userId":"u","writeKey":"k-old"})" + "\n" + line(2) + "\n",
                          true);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->accepted, 2U);
    std::string seen;
    for (const auto& l : got->lines)
        seen += std::to_string(l.line) + " " + core::to_string(l.why.reason) + "\n";
    EXPECT_EQ(seen, "2 bad_request\n4 event_not_defined\n5 unknown_source\n6 source_disabled\n");
    w.settle();
    const auto list = *intake::list_refusals(*w.db, 1, 10);
    ASSERT_EQ(list.size(), 4U);
    EXPECT_EQ(list[3].where, "week.ndjson, line 2");
    EXPECT_EQ(list[3].via, "import");
    EXPECT_EQ(w.refused("bad_request"), 1);
}

TEST(Importer, EveryRefusedLineIsToldHoweverManyThereAre)
{
    intake_world w;
    const auto id = begin(w).id;
    std::string text = line(1) + "\n";
    for (int i = 0; i < 2500; ++i) text += "bad\n";
    text += line(2);
    std::uint64_t told = 0;
    intake::import_position at{id, {}, false};
    for (int answers = 0; !at.finished; ++answers) {
        ASSERT_LT(answers, 4);
        const auto got = send(w, id, at.at.offset, text.substr(at.at.offset), true);
        ASSERT_TRUE(got.has_value());
        for (const auto& l : got->lines) EXPECT_EQ(l.line, ++told + 1);
        at = got->position;
    }
    EXPECT_EQ(told, 2500U);
    EXPECT_EQ(at.at.refused, 2500U);
    EXPECT_EQ(at.at.accepted, 2U);
    EXPECT_EQ(stored(w), (std::vector<std::string>{line(1), line(2)}));
}

TEST(Importer, WithoutASourceEachLineNeedsAWriteKey)
{
    intake_world w;
    const auto id = begin(w, file("")).id;
    const auto got =
        send(w, id, 0, line(1) + "\n" + R"({"type":"page","userId":"u","writeKey":"k-app"})" + "\n", true);
    EXPECT_EQ(got->accepted, 1U);
    EXPECT_EQ(got->lines.at(0).why.reason, core::refusal_reason::unknown_source);
    EXPECT_EQ(w.blocks()[0].sources.at(0), "src-app");
    const auto wrong = w.get(w.importer->begin(1, file("nobody")));
    ASSERT_TRUE(wrong.has_error());
    EXPECT_EQ(wrong.error().id, "import.no_source");
}

TEST(Importer, AValidReceivedAtOfTheLineIsUsed)
{
    intake_world w;
    const auto id = begin(w).id;
    const auto got = send(w, id, 0,
                          R"({"type":"page","userId":"u","receivedAt":"1970-01-01T00:00:01Z"})"
                          "\n"
                          R"({"type":"page","userId":"u","receivedAt":"yesterday"})",
                          true);
    EXPECT_EQ(got->accepted, 2U);
    EXPECT_EQ(w.blocks()[0].received_us, (std::vector<std::int64_t>{1'000'000, world_start_us}));
}

TEST(Importer, AChunkThatIsSentAgainChangesNothing)
{
    intake_world w;
    const auto id = begin(w).id;
    const std::string first = line(1) + "\n" + line(2) + "\n";
    ASSERT_EQ(send(w, id, 0, first)->accepted, 2U);
    const auto again = send(w, id, 0, first);
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->accepted, 0U);
    EXPECT_EQ(again->position.at.offset, first.size());
    EXPECT_EQ(again->position.at.accepted, 2U);
    EXPECT_EQ(stored(w).size(), 2U);

    const auto gap = send(w, id, first.size() + 1, line(3));
    ASSERT_TRUE(gap.has_error());
    EXPECT_EQ(gap.error().id, "import.gap");
    EXPECT_NE(gap.error().detail.find(std::to_string(first.size())), std::string::npos);
    EXPECT_EQ(send(w, "imp_nobody", 0, "").error().id, "import.unknown");
}

TEST(Importer, AKilledImportGoesOnWhereTheDiskStands)
{
    std::string text;
    for (int i = 0; i < 400; ++i) text += line(i) + "\n";
    intake_world w;
    std::mt19937 rng(5);
    std::string id = begin(w).id;
    std::uint64_t at = 0;
    for (int round = 0; at < text.size(); ++round) {
        ASSERT_LT(round, 1000);
        const std::size_t size = 1 + rng() % 700;
        const bool last = at + size >= text.size();
        const auto got = send(w, id, at, text.substr(at, size), last);
        ASSERT_TRUE(got.has_value()) << got.error().detail;
        // The answer is lost now and then: killed client, killed daemon.
        if (rng() % 5 == 0) {
            if (rng() % 2 == 0) w.restart();
            const auto where = begin(w);
            EXPECT_EQ(where.id, id);
            at = where.at.offset;
            if (where.finished) break;
        } else {
            at = got->position.at.offset;
        }
    }
    EXPECT_EQ(w.get(w.importer->position(1, id))->at.accepted, 400U);
    const auto all = stored(w);
    ASSERT_EQ(all.size(), 400U);
    for (int i = 0; i < 400; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], line(i));
}

TEST(Importer, AFinishedFileIsNotReadTwiceUnlessAskedFor)
{
    intake_world w;
    const auto id = begin(w).id;
    ASSERT_TRUE(send(w, id, 0, line(1), true)->position.finished);
    EXPECT_TRUE(begin(w).finished);
    EXPECT_EQ(send(w, id, line(1).size(), line(2), true)->accepted, 0U);
    const auto again = begin(w, file("src-web", true));
    EXPECT_FALSE(again.finished);
    EXPECT_EQ(again.at.offset, 0U);
    EXPECT_NE(begin(w, file("src-app")).id, id);
}

TEST(Importer, ALineThatIsLongerThanACallIsSkippedWithoutReadingItAtOnce)
{
    intake_world w;
    const auto id = begin(w).id;
    auto got = send(w, id, 0, line(1) + "\n" + std::string(100'000, 'x'));
    EXPECT_EQ(got->accepted, 1U);
    EXPECT_EQ(got->lines.at(0).line, 2U);
    EXPECT_EQ(got->lines.at(0).why.reason, core::refusal_reason::too_large);
    EXPECT_TRUE(got->position.at.inside_line);
    w.restart();
    got = send(w, id, got->position.at.offset, std::string(100'000, 'x'));
    EXPECT_EQ(got->refused, 0U) << "counted once";
    got = send(w, id, got->position.at.offset, "xx\n" + line(2) + "\n{\n", true);
    EXPECT_EQ(got->accepted, 1U);
    EXPECT_EQ(got->lines.at(0).line, 4U);
    EXPECT_EQ(stored(w), (std::vector<std::string>{line(1), line(2)}));
}

TEST(Importer, AFailedWriteMovesNothing)
{
    intake_world w;
    const auto id = begin(w).id;
    w.db->fail_with = failure_of("store.io");
    ASSERT_EQ(send(w, id, 0, line(1) + "\n").error().id, "store.io");
    w.db->fail_with.reset();
    EXPECT_EQ(w.get(w.importer->position(1, id))->at.offset, 0U);
    EXPECT_EQ(send(w, id, 0, line(1) + "\n")->accepted, 1U);
    EXPECT_EQ(stored(w).size(), 1U);
}

TEST(Importer, OneClientAtATimeAndNoChunkBeyondTheLimit)
{
    intake_world w;
    const auto id = begin(w).id;
    std::vector<std::string> results;
    rt::task_group clients(w.executor(), nullptr);
    for (int i = 0; i < 2; ++i)
        clients.spawn("client", [](intake_world& world, std::string to, std::vector<std::string>& out) -> rt::awaitable<void> {
            const auto got = co_await world.importer->chunk(1, {to, 0, line(1) + "\n", false});
            out.push_back(got.has_value() ? "ok" : got.error().id);
        }(w, id, results));
    w.run(clients.join());
    EXPECT_EQ(results, (std::vector<std::string>{"import.busy", "ok"}));
    EXPECT_EQ(send(w, id, 0, std::string(intake::import_chunk_bytes_max + 1, ' ')).error().id,
              "import.chunk_too_large");
}

TEST(Importer, WaitsWhenTheDiskIsFull)
{
    intake_world w;
    const auto id = begin(w).id;
    w.db->fail_with = failure_of("store.disk_full");
    ASSERT_TRUE(send(w, id, 0, line(1)).has_error());
    const auto no = send(w, id, 0, line(1));
    ASSERT_TRUE(no.has_error());
    EXPECT_EQ(no.error().id, "intake.disk_full");
    EXPECT_TRUE(no.error().retry_after);
}

TEST(Importer, LargeChunksBecomeSeveralBlocks)
{
    intake_world w;
    const auto id = begin(w).id;
    std::string text;
    for (int i = 0; i < 2500; ++i) text += line(i) + "\n";
    EXPECT_EQ(send(w, id, 0, text, true)->accepted, 2500U);
    const auto blocks = w.blocks();
    ASSERT_EQ(blocks.size(), 3U);
    EXPECT_EQ(blocks[0].texts.size(), 1000U);
    EXPECT_EQ(blocks[2].texts.size(), 500U);
}
