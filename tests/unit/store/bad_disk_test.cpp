// What a full, failing or foreign disk does to the store, and what it says.
#include "tests/unit/store/store_on_disk.hpp"

#include <gtest/gtest.h>

namespace lakeferry::store {
namespace {

TEST(Store, AFullDiskIsSaidAndWorkGoesOnWhenThereIsSpaceAgain)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    ASSERT_TRUE(put(*in, "before", "1"));
    disk.fail_with(test::disk_fault::no_space);
    for (int i = 0; i < 3; ++i) {
        const auto refused = put(*in, "during", "2");
        ASSERT_TRUE(refused.has_error());
        EXPECT_EQ(refused.error().id, "store.disk_full");
        EXPECT_EQ(refused.error().retry, rt::retry_class::transient);
        EXPECT_NE(refused.error().detail.find("/state"), std::string::npos);
    }
    EXPECT_EQ(text(*in, family::events, "before"), "1") << "reading goes on";
    disk.fail_with(test::disk_fault::none);
    ASSERT_TRUE(put(*in, "after", "3"));
    ASSERT_TRUE(put(*in, "later", "4"));
    disk.crash();
    in = open_on(disk);
    EXPECT_EQ(text(*in, family::events, "before"), "1");
    EXPECT_EQ(text(*in, family::events, "after"), "3");
}

TEST(Store, OpensOnlyWithRoomForWhatTheLogMayBring)
{
    test::fake_disk disk;
    ASSERT_TRUE(put(*open_on(disk), "before", "1"));
    const store_options options{.directory = "/state", .memory_bytes = 16U << 20U, .env = disk.env()};
    disk.set_free((16U << 20U) - 1);
    const auto refused = store::open(options);
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().id, "store.disk_full");
    EXPECT_EQ(refused.error().retry, rt::retry_class::transient);
    EXPECT_NE(refused.error().detail.find("/state has 16383 KiB left"), std::string::npos) << refused.error().detail;
    disk.set_free(16U << 20U);
    const auto in = store::open(options);
    ASSERT_TRUE(in.has_value());
    EXPECT_EQ(text(**in, family::events, "before"), "1");
    EXPECT_EQ((*in)->free_bytes(), 16U << 20U);
}

TEST(Store, AFailedWriteInsideAScanDoesNotHang)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    ASSERT_TRUE(put(*in, "key", "1"));
    disk.fail_with(test::disk_fault::no_space);
    ASSERT_TRUE(put(*in, "during", "2").has_error());
    disk.fail_with(test::disk_fault::none);
    const auto visit = [&](std::string_view, std::string_view) {
        EXPECT_TRUE(put(*in, "inside", "3").has_error()) << "a scan keeps the database open";
        return true;
    };
    ASSERT_TRUE(in->scan(family::events, "k", "l", visit));
    EXPECT_TRUE(put(*in, "after", "4"));
}

TEST(Store, AFailingDiskIsSaid)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    disk.fail_with(test::disk_fault::io_error);
    const auto refused = put(*in, "key", "1");
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().id, "store.io");
    EXPECT_EQ(refused.error().retry, rt::retry_class::transient);
    disk.fail_with(test::disk_fault::none);
    EXPECT_TRUE(put(*in, "key", "2")) << "the store opens itself again";
    EXPECT_EQ(text(*in, family::events, "key"), "2");
}

TEST(Store, DamageIsSaid)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    ASSERT_TRUE(put(*in, "key", "1"));
    in.reset();
    const auto manifest = disk.find("/state/MANIFEST-", "");
    ASSERT_FALSE(manifest.empty());
    auto bytes = disk.read(manifest);
    for (std::size_t i = 8; i < bytes.size(); i += 3) bytes[i] = static_cast<char>(bytes[i] ^ 0x55);
    disk.overwrite(manifest, bytes);
    auto opened = store::open({.directory = "/state", .env = disk.env()});
    ASSERT_TRUE(opened.has_error());
    EXPECT_EQ(opened.error().id, "store.damaged");
    EXPECT_EQ(opened.error().retry, rt::retry_class::never);
    EXPECT_NE(opened.error().detail.find("/state"), std::string::npos);
}

TEST(Store, ReadingManyKeysFromADamagedTableFails)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    std::vector<std::string> keys;
    for (int i = 0; i < 1'000; ++i) keys.push_back("key" + std::to_string(i));
    for (const auto& key : keys) changes.put(family::seen, key, "value of " + key);
    ASSERT_TRUE(in->write(std::move(changes), durable::yes));
    ASSERT_TRUE(in->compact(family::seen, "", "z"));
    in.reset();
    bool damaged = false;
    for (int file = 100'000; file < 100'100 && !damaged; ++file) {
        const auto path = disk.find("/state/", std::to_string(file).substr(1) + ".sst");
        auto bytes = disk.read(path);
        const auto at = bytes.find("value of key500");
        damaged = at != std::string::npos;
        if (!damaged) continue;
        bytes[at] = 'V';
        disk.overwrite(path, bytes);
    }
    ASSERT_TRUE(damaged);
    in = open_on(disk);
    const auto got = in->multi_get(family::seen, keys);
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().id, "store.damaged");
    EXPECT_EQ(got.error().retry, rt::retry_class::never);
    EXPECT_NE(got.error().detail.find("/state"), std::string::npos);
}

TEST(Store, AStoreOfANewerVersionIsRefused)
{
    test::fake_disk disk;
    auto in = open_on(disk);
    batch changes;
    changes.put(family::meta, "format", "2");
    ASSERT_TRUE(in->write(std::move(changes), durable::yes));
    in.reset();
    auto opened = store::open({.directory = "/state", .env = disk.env()});
    ASSERT_TRUE(opened.has_error());
    EXPECT_EQ(opened.error().retry, rt::retry_class::never);
    EXPECT_NE(opened.error().detail.find("newer version"), std::string::npos);
}

}  // namespace
}  // namespace lakeferry::store
