#include "sync/profiles/staging.hpp"

#include "tests/support/parquet_reader.hpp"
#include "tests/unit/profiles/outbox_fixture.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::profiles;

namespace {

core::table tracks()
{
    return {.name = "tracks",
            .columns = {{"id"}, {"received_at", core::column_type::timestamp}, {"n", core::column_type::bigint}},
            .number = 8};
}

core::table traits()
{
    return {.name = "user_traits",
            .kind = core::table_kind::keyed,
            .columns = {{"canonical_segment_id"}, {"name"}, {"value"}, {"seq"}},
            .key = {"canonical_segment_id", "name"},
            .number = 4};
}

std::string trait(const char* op, const char* id, const char* value, int seq)
{
    return std::string(R"({"_op":")") + op + R"(","canonical_segment_id":")" + id + R"(","name":"plan","value":")" + value +
           R"(","seq":")" + std::to_string(seq) + "\"}\n";
}

using cells = std::vector<std::optional<std::string>>;

cells column(const staged_file& file, std::string_view name)
{
    std::string why;
    const auto read = test::read_parquet(file.parquet, &why);
    EXPECT_TRUE(read) << why;
    const auto* found = read ? read->find(name) : nullptr;
    EXPECT_NE(found, nullptr) << name;
    return found ? found->values : cells();
}

}  // namespace

TEST(Staging, EveryFileHasEveryColumn)
{
    test::outbox_fixture f;
    f.put(tracks(), 1, R"({"id":"a","received_at":"2026-01-01T00:00:00.000000Z"})" "\n" R"({"id":"b","n":1})" "\n", 2);
    append_stager stager(slice_reader(*f.store, f.space, tracks(), 1, 1U << 20), 1U << 20);
    auto file = stager.next().value();
    ASSERT_TRUE(file);
    EXPECT_EQ(file->rows, 2U);
    EXPECT_EQ(column(*file, "id"), (cells{"a", "b"}));
    EXPECT_EQ(column(*file, "received_at"), (cells{"2026-01-01T00:00:00.000000Z", std::nullopt}));
    EXPECT_EQ(column(*file, "n"), (cells{std::nullopt, "1"}));
    EXPECT_FALSE(stager.next().value());
    EXPECT_EQ(stager.facts().probe_key, "a");
    EXPECT_EQ(stager.facts().probe_at, "2026-01-01T00:00:00.000000Z");
}

TEST(Staging, RowsAfterTheFrozenBatchWait)
{
    test::outbox_fixture f;
    f.put(tracks(), 1, "{\"id\":\"a\"}\n", 1);
    f.put(tracks(), 2, "{\"id\":\"b\"}\n", 1);
    append_stager stager(slice_reader(*f.store, f.space, tracks(), 1, 1U << 20), 1U << 20);
    EXPECT_EQ(stager.next().value()->rows, 1U);
    EXPECT_FALSE(stager.next().value());
    EXPECT_EQ(stager.facts().last_batch, 1U);
}

TEST(Staging, ASliceTakesWholeBatchesUpToItsLimit)
{
    test::outbox_fixture f;
    for (std::uint64_t batch = 1; batch <= 5; ++batch) f.put(tracks(), batch, "{\"id\":\"0123456789\"}\n", 1);
    slice_reader reader(*f.store, f.space, tracks(), 5, 41);
    unsigned batches = 0;
    while (reader.next().value()) ++batches;
    EXPECT_EQ(batches, 3U) << "the limit is passed by the batch that reaches it";
    EXPECT_EQ(reader.facts().first_batch, 1U);
    EXPECT_EQ(reader.facts().last_batch, 3U);
    auto again = slice_reader::again(*f.store, f.space, tracks(), 1, 3);
    batches = 0;
    while (again.next().value()) ++batches;
    EXPECT_EQ(batches, 3U);
}

TEST(Staging, FilesAreCutBySizeAndLoseNoRow)
{
    test::outbox_fixture f;
    std::uint64_t written = 0;
    for (std::uint64_t batch = 1; batch <= 20; ++batch) {
        std::string lines;
        for (int i = 0; i < 500; ++i) {
            const auto n = written * 2654435761U % 1000003U;
            lines += "{\"id\":\"" + std::to_string(written++) + "-" + std::to_string(n) + "\"}\n";
        }
        f.put(tracks(), batch, lines, 500);
    }
    append_stager stager(slice_reader(*f.store, f.space, tracks(), 20, 1U << 30), 10'000);
    std::uint64_t rows = 0;
    unsigned files = 0;
    while (auto file = stager.next().value()) {
        const auto ids = column(*file, "id");
        ASSERT_EQ(ids.size(), file->rows);
        for (const auto& id : ids) EXPECT_TRUE(id && id->starts_with(std::to_string(rows++) + "-")) << rows;
        ++files;
    }
    EXPECT_EQ(rows, written);
    EXPECT_GT(files, 1U);
}

TEST(Staging, AKeyedSliceIsFoldedToTheLastOperationPerKey)
{
    test::outbox_fixture f;
    f.put(traits(), 1, trait("upsert", "p2", "free", 1) + trait("upsert", "p1", "free", 2), 2);
    f.put(traits(), 2, trait("delete", "p2", "", 3) + trait("upsert", "p1", "pro", 4), 2);
    const auto folded = fold(slice_reader(*f.store, f.space, traits(), 2, 1U << 20)).value();
    ASSERT_EQ(folded.rows.size(), 2U);
    EXPECT_EQ(folded.facts.low, "p1");
    EXPECT_EQ(folded.facts.high, "p2");
    EXPECT_EQ(folded.facts.rows, 4U);
    const auto files = stage_folded(folded, traits(), 1U << 20).value();
    ASSERT_EQ(files.size(), 1U);
    EXPECT_EQ(files[0].rows, 2U);
    EXPECT_EQ(column(files[0], "_op"), (cells{"upsert", "delete"}));
    EXPECT_EQ(column(files[0], "canonical_segment_id"), (cells{"p1", "p2"}));
    EXPECT_EQ(column(files[0], "value"), (cells{"pro", ""}));
    EXPECT_EQ(column(files[0], "seq"), (cells{"4", "3"}));
}

TEST(Staging, PartsOfAStatementHoldEveryRowOnce)
{
    test::outbox_fixture f;
    std::string lines;
    for (int i = 0; i < 100; ++i) lines += "{\"id\":\"" + std::to_string(i) + "\"}\n";
    f.put(tracks(), 1, lines, 100);
    slice_facts facts;
    const auto parts = pack_slice(slice_reader(*f.store, f.space, tracks(), 1, 1U << 20), tracks(), 200, facts).value();
    EXPECT_GT(parts.size(), 2U);
    std::uint64_t rows = 0;
    for (const auto& p : parts) {
        EXPECT_EQ(p.first_row, rows);
        EXPECT_LE(p.json.size(), 202U);
        EXPECT_EQ(p.json.front(), '[');
        EXPECT_EQ(p.json.back(), ']');
        rows += p.rows;
    }
    EXPECT_EQ(rows, 100U);
}

TEST(Staging, ADamagedBlockIsAFailureNotALoss)
{
    test::outbox_fixture f;
    store::batch changes;
    changes.put(store::family::outbox, core::outbox_key(f.space, tracks().number, 1), "not a block");
    f.ASSERT_OK(f.store->write(std::move(changes), store::durable::no));
    append_stager stager(slice_reader(*f.store, f.space, tracks(), 1, 1U << 20), 1U << 20);
    const auto file = stager.next();
    ASSERT_TRUE(file.has_error());
    EXPECT_EQ(file.error().id, "outbox.damaged");
}

TEST(Staging, TheSmallestValueOfAColumnIsFoundOverAllBatches)
{
    test::outbox_fixture f;
    f.put(tracks(), 1, R"({"id":"a","received_at":"2026-01-02T00:00:00.000000Z"})" "\n" R"({"id":"b","n":1})" "\n", 2);
    f.put(tracks(), 2, R"({"id":"c","received_at":"2026-01-01T00:00:00.000000Z"})" "\n", 1);
    const auto over = [&f](std::uint64_t upto) { return slice_reader(*f.store, f.space, tracks(), upto, 1U << 20); };
    EXPECT_EQ(smallest(over(2), "received_at").value(), "2026-01-01T00:00:00.000000Z");
    EXPECT_EQ(smallest(over(1), "received_at").value(), "2026-01-02T00:00:00.000000Z");
    EXPECT_EQ(smallest(over(2), "plan").value(), "");
}
