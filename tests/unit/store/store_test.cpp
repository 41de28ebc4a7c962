// The store on a disk that forgets, and on the real one where the system itself is the point.
#include "sync/store/store.hpp"

#include "sync/core/keys.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"
#include "tests/support/noise.hpp"
#include "tests/unit/store/store_on_disk.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace lakeferry::store {
namespace {

TEST(Store, WhatWasWrittenIsReadFromEveryFamily)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    for (unsigned i = 0; i < family_count; ++i) changes.put(static_cast<family>(i), "key", std::to_string(i));
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    for (unsigned i = 0; i < family_count; ++i)
        EXPECT_EQ(text(*in, static_cast<family>(i), "key"), std::to_string(i));
    EXPECT_EQ(text(*in, family::loads, "other"), "(nothing)");
}

TEST(Store, ABatchCanBeFilledAgainAfterClear)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    EXPECT_TRUE(changes.empty());
    changes.put(family::runs, "a", "1");
    EXPECT_FALSE(changes.empty());
    EXPECT_GT(changes.bytes(), 2U);
    changes.clear();
    EXPECT_TRUE(changes.empty());
    changes.put(family::runs, "b", "2");
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    EXPECT_EQ(text(*in, family::runs, "a"), "(nothing)");
    EXPECT_EQ(text(*in, family::runs, "b"), "2");
}

TEST(Store, ScansAreInKeyOrderAndEndBeforeTo)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    for (const char* key : {"b", "a", "d", "c"}) changes.put(family::outbox, key, key);
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    std::string seen;
    const auto visit = [&](std::string_view key, std::string_view) {
        seen += key;
        return true;
    };
    ASSERT_TRUE(in->scan(family::outbox, "a", "d", visit));
    EXPECT_EQ(seen, "abc");
    seen.clear();
    const auto first = [&](std::string_view key, std::string_view) {
        seen += key;
        return false;
    };
    ASSERT_TRUE(in->scan(family::outbox, "b", "z", first));
    EXPECT_EQ(seen, "b");
}

TEST(Store, LastIsTheLastKeyBeforeTo)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    for (const char* key : {"a1", "a2", "b1"}) changes.put(family::events, key, key);
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    auto found = in->last(family::events, "a", "b");
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->first, "a2");
    auto none = in->last(family::events, "c", "d");
    ASSERT_TRUE(none);
    EXPECT_FALSE(none->has_value());
}

TEST(Store, MultiGetAnswersInTheOrderOfTheKeys)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    changes.put(family::identity, "x", "1");
    changes.put(family::identity, "y", "2");
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    const std::vector<std::string> keys{"y", "missing", "x", "y"};
    auto got = in->multi_get(family::identity, keys);
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), 4U);
    EXPECT_EQ((*got)[0], "2");
    EXPECT_FALSE((*got)[1].has_value());
    EXPECT_EQ((*got)[2], "1");
    EXPECT_EQ((*got)[3], "2");
}

// More keys than are looked up at once, most of them in tables on disk, some still in memory.
TEST(Store, MultiGetAnswersForManyKeysInAnyOrder)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    for (std::uint32_t i = 0; i < 5'000; i += 2) changes.put(family::seen, core::key32(i), std::to_string(i));
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    ASSERT_TRUE(in->compact(family::seen, "", core::key32(5'000)));
    changes = {};
    for (std::uint32_t i = 1; i < 5'000; i += 100) changes.put(family::seen, core::key32(i), std::to_string(i));
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    std::vector<std::string> keys;
    for (std::uint32_t i = 0; i < 6'000; ++i) keys.push_back(core::key32(i * 2'503 % 5'003));  // some of them twice
    const auto got = in->multi_get(family::seen, keys);
    ASSERT_TRUE(got);
    ASSERT_EQ(got->size(), keys.size());
    for (std::uint32_t i = 0; i < keys.size(); ++i) {
        const std::uint32_t number = i * 2'503 % 5'003;
        const bool there = number < 5'000 && (number % 2 == 0 || number % 100 == 1);
        ASSERT_EQ((*got)[i].value_or("(nothing)"), there ? std::to_string(number) : "(nothing)") << i;
    }
    EXPECT_TRUE(in->multi_get(family::seen, {})->empty());
}

TEST(Store, RangesAreRemovedWithoutTheirEnd)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(put(*in, key, key));
    batch changes;
    changes.remove_range(family::events, "a", "c");
    changes.remove_range(family::events, "c", "c");  // empty
    ASSERT_TRUE(in->write(std::move(changes), durable::no));
    EXPECT_EQ(text(*in, family::events, "a"), "(nothing)");
    EXPECT_EQ(text(*in, family::events, "b"), "(nothing)");
    EXPECT_EQ(text(*in, family::events, "c"), "c");
}

// Values that do not compress, one of each queue and number.
void fill_queues(store& in, std::uint32_t space, std::uint32_t values)
{
    test::noise noise(space);
    for (std::uint32_t i = 0; i < values; ++i) {
        batch some;
        for (const auto where : {family::events, family::outbox})
            some.put(where, core::key32(space) + core::key32(i), noise(64U << 10U));
        ASSERT_TRUE(in.write(std::move(some), durable::no));
    }
}

std::uint64_t queued(store& in)
{
    return in.approximate_bytes(family::events, core::key32(0), core::key32(100)) +
           in.approximate_bytes(family::outbox, core::key32(0), core::key32(100));
}

TEST(Store, WhatRemovedRangesHoldIsFreedOnRequest)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    fill_queues(*in, 1, 160);
    EXPECT_GT(queued(*in), 18U << 20U);
    batch resolved;
    for (const auto where : {family::events, family::outbox}) resolved.remove_range(where, core::key32(1), core::key32(2));
    ASSERT_TRUE(in->write(std::move(resolved), durable::no));
    EXPECT_GT(queued(*in), 9U << 20U) << "this is why somebody has to ask";
    ASSERT_TRUE(in->reclaim());
    EXPECT_LT(queued(*in), 64U << 10U);
    const auto changes = disk.changes();
    ASSERT_TRUE(in->reclaim());
    EXPECT_EQ(disk.changes(), changes) << "nothing was removed since, so nothing is done";
}

// One space cannot land while the others do: its few values stand in every blob file.
TEST(Store, LiveValuesAmongDeadOnesStayAndTheDeadOnesAreFreed)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    for (std::uint32_t i = 0; i < 20; ++i) {
        fill_queues(*in, 10 + i, 8);
        fill_queues(*in, 50 + i, 1);
    }
    batch resolved;
    for (const auto where : {family::events, family::outbox}) resolved.remove_range(where, core::key32(10), core::key32(50));
    ASSERT_TRUE(in->write(std::move(resolved), durable::yes));
    ASSERT_TRUE(in->reclaim());
    EXPECT_LT(queued(*in), 6U << 20U);
    in.reset();
    in = open_on(disk);
    for (const auto where : {family::events, family::outbox}) {
        int found = 0;
        ASSERT_TRUE(in->scan(where, core::key32(0), core::key32(100), [&](std::string_view key, std::string_view value) {
            EXPECT_GE(core::read_be32(key), 50U);
            EXPECT_EQ(value.size(), 64U << 10U);
            return ++found < 100;
        }));
        EXPECT_EQ(found, 20);
    }
}

TEST(Store, SyncedWritesSurviveACrashAndUnsyncedOnesMayNot)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    ASSERT_TRUE(put(*in, "kept", "1", durable::yes));
    ASSERT_TRUE(put(*in, "lost", "2", durable::no));
    disk.crash();
    in = open_on(disk);
    EXPECT_EQ(text(*in, family::events, "kept"), "1");
    EXPECT_EQ(text(*in, family::events, "lost"), "(nothing)");
}

TEST(Store, ASyncedWriteMakesEverythingBeforeItSafe)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    ASSERT_TRUE(put(*in, "first", "1", durable::no));
    ASSERT_TRUE(put(*in, "second", "2", durable::yes));
    disk.crash();
    in = open_on(disk);
    EXPECT_EQ(text(*in, family::events, "first"), "1");
    EXPECT_EQ(text(*in, family::events, "second"), "2");
}

TEST(Store, WhatSurvivesATornTailIsAPrefix)
{
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        test::fake_disk disk;
        auto in = open_on(disk);
        ASSERT_TRUE(put(*in, "00", "x", durable::yes));
        for (int i = 1; i < 30; ++i)
            ASSERT_TRUE(put(*in, (i < 10 ? "0" : "") + std::to_string(i), "x", durable::no));
        disk.crash(seed);
        in = open_on(disk);
        bool gap = false;
        for (int i = 0; i < 30; ++i) {
            const bool there = text(*in, family::events, (i < 10 ? "0" : "") + std::to_string(i)) == "x";
            EXPECT_FALSE(there && gap) << "seed " << seed << ": a later write survived an earlier one";
            gap = gap || !there;
        }
        EXPECT_EQ(text(*in, family::events, "00"), "x");
    }
}

TEST(Store, ABatchOverFamiliesIsWholeOrAbsentWhereverTheProcessDies)
{
    for (std::uint64_t point = 0; point < 12; ++point) {
        test::fake_disk disk;
        auto in = open_on(disk);
        disk.die_after(point);
        bool acknowledged = false;
        for (int i = 0; i < 3; ++i) {
            batch changes;
            changes.put(family::events, "k" + std::to_string(i), "v");
            changes.put(family::identity, "k" + std::to_string(i), "v");
            acknowledged = in->write(std::move(changes), durable::yes).has_value();
            if (!acknowledged) break;
        }
        disk.crash(point + 1);
        in = open_on(disk);
        for (int i = 0; i < 3; ++i) {
            const auto key = "k" + std::to_string(i);
            EXPECT_EQ(text(*in, family::events, key), text(*in, family::identity, key)) << "point " << point;
        }
        if (acknowledged) EXPECT_EQ(text(*in, family::events, "k2"), "v");
    }
}

TEST(Store, RemovedRangesStayRemovedWhereverTheProcessDiesWhileTheyAreCleanedUp)
{
    for (std::uint64_t point = 0; point < 40; ++point) {
        test::fake_disk disk;
        auto in = open_on(disk);
        for (const char* key : {"a", "b"}) ASSERT_TRUE(put(*in, key, key));
        ASSERT_TRUE(in->compact(family::events, "a", "z"));
        batch changes;
        changes.remove_range(family::events, "a", "c");
        ASSERT_TRUE(in->write(std::move(changes), durable::yes));
        disk.die_after(point);
        (void)in->compact(family::events, "a", "z");  // nothing is left to keep: the empty case of its own work
        disk.crash(point + 1);
        in = open_on(disk);
        EXPECT_EQ(text(*in, family::events, "a"), "(nothing)") << "point " << point;
        EXPECT_EQ(text(*in, family::events, "b"), "(nothing)") << "point " << point;
        ASSERT_TRUE(put(*in, "b", "2")) << "point " << point;
        EXPECT_EQ(text(*in, family::events, "b"), "2") << "point " << point;
    }
}

TEST(Store, SizesGrowWithWhatIsInTheRange)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    const std::string big(200'000, 'x');
    const auto key = [](std::uint32_t space, std::uint64_t n) { return core::key32_64(space, n); };
    for (std::uint64_t i = 0; i < 20; ++i) ASSERT_TRUE(put(*in, key(1, i), big, durable::no));
    const auto bytes = in->approximate_bytes(family::events, key(1, 0), key(2, 0));
    EXPECT_GT(bytes, 1'000'000U);
    EXPECT_LT(bytes, 40'000'000U);
    EXPECT_LT(in->approximate_bytes(family::events, key(7, 0), key(8, 0)), 100'000U);
}

TEST(Store, SpaceNumbersAreGivenOnceAndSurvive)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    const auto a = space_number(*in, "acme");
    const auto b = space_number(*in, "bolt");
    ASSERT_TRUE(a && b);
    EXPECT_NE(*a, *b);
    EXPECT_EQ(*space_number(*in, "acme"), *a);
    disk.crash();
    in = open_on(disk);
    EXPECT_EQ(*space_number(*in, "bolt"), *b);
    EXPECT_GT(*space_number(*in, "coil"), *b);
}

// ---- the real disk ------------------------------------------------------------------------------

class StoreOnDisk : public testing::Test {
protected:
    StoreOnDisk()
        : directory_(std::filesystem::temp_directory_path() / ("lakeferry_store_" + std::to_string(::getpid())))
    {
        std::filesystem::remove_all(directory_);
    }
    ~StoreOnDisk() override { std::filesystem::remove_all(directory_); }

    std::filesystem::path directory_;
};

TEST_F(StoreOnDisk, ASecondDaemonOnTheSameDirectoryIsRefused)
{
    auto first = store::open({.directory = directory_.string()});
    ASSERT_TRUE(first);
    auto second = store::open({.directory = directory_.string()});
    ASSERT_TRUE(second.has_error());
    EXPECT_EQ(second.error().id, "store.locked");
    EXPECT_EQ(second.error().retry, rt::retry_class::never);
    EXPECT_NE(second.error().detail.find(directory_.string()), std::string::npos);
    first->reset();
    EXPECT_TRUE(store::open({.directory = directory_.string()})) << "free again after the first has closed";
}

TEST_F(StoreOnDisk, ADirectoryThatCannotBeMadeIsSaid)
{
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ / "file") << "in the way";
    auto opened = store::open({.directory = (directory_ / "file" / "state").string()});
    ASSERT_TRUE(opened.has_error());
    EXPECT_EQ(opened.error().id, "store.io");
    EXPECT_NE(opened.error().detail.find("state directory"), std::string::npos);
}

TEST_F(StoreOnDisk, WhatWasWrittenIsThereAfterReopening)
{
    {
        auto in = store::open({.directory = directory_.string()});
        ASSERT_TRUE(in);
        ASSERT_TRUE(put(**in, "key", std::string(100'000, 'v'), durable::no));
    }
    auto in = store::open({.directory = directory_.string()});
    ASSERT_TRUE(in);
    EXPECT_EQ(text(**in, family::events, "key"), std::string(100'000, 'v'));
}

}  // namespace
}  // namespace lakeferry::store
