#include "sync/core/timestamps.hpp"

#include <gtest/gtest.h>

#include <random>

namespace lakeferry::core {
namespace {

std::string again(std::string_view text)
{
    const auto us = parse_timestamp(text);
    return us ? format_timestamp(*us) : "absent";
}

TEST(Timestamps, ReadWhatTheRulesAccept)
{
    EXPECT_EQ(again("2026-01-31"), "2026-01-31T00:00:00.000000Z");
    EXPECT_EQ(again("2026-01-31T23:59"), "2026-01-31T23:59:00.000000Z");
    EXPECT_EQ(again("2026-01-31 23:59:58"), "2026-01-31T23:59:58.000000Z");
    EXPECT_EQ(again("2026-01-31T23:59:59.1Z"), "2026-01-31T23:59:59.100000Z");
    EXPECT_EQ(again("2026-01-31T23:59:59.123456789Z"), "2026-01-31T23:59:59.123456Z") << "cut, not rounded";
    EXPECT_EQ(again("2026-01-31T23:59:59.999999999Z"), "2026-01-31T23:59:59.999999Z");
    EXPECT_EQ(again("2026-01-31T23:59:59+02:30"), "2026-01-31T21:29:59.000000Z");
    EXPECT_EQ(again("2026-01-31T23:59-0030"), "2026-02-01T00:29:00.000000Z");
    EXPECT_EQ(again("2024-02-29"), "2024-02-29T00:00:00.000000Z");
    EXPECT_EQ(again("2000-02-29"), "2000-02-29T00:00:00.000000Z");
    EXPECT_EQ(again("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000000Z");
    EXPECT_EQ(again("9999-12-31T23:59:59.999999Z"), "9999-12-31T23:59:59.999999Z");
    EXPECT_EQ(parse_timestamp("1970-01-01T00:00:00.000001Z"), 1);
    EXPECT_EQ(parse_timestamp("1969-12-31T23:59:59.999999Z"), -1);
}

TEST(Timestamps, AnythingElseCountsAsAbsent)
{
    for (const char* text :
         {"", " ", "2026", "2026-1-31", "2026-13-01", "2026-00-10", "2026-01-00", "2026-01-32", "2026-02-29",
          "1900-02-29", "0000-01-01", "2026-01-31T", "2026-01-31T24:00", "2026-01-31T23:60", "2026-01-31T23:59:60",
          "2026-01-31T23:59:59.", "2026-01-31T23:59:59.1234567890", "2026-01-31T23:59.5", "2026-01-31T23:59:59,5",
          "2026-01-31t23:59", "2026-01-31T23:59z", "2026-01-31  23:59", "2026-01-31T23:59 Z", "2026-01-31Z",
          "2026-01-31T23:59+2:30", "2026-01-31T23:59+24:00", "2026-01-31T23:59+01:60", "2026-01-31T23:59+01",
          "2026-01-31T23:59Zx", " 2026-01-31", "2026-01-31 ", "1769904000", "20260131", "0001-01-01T00:00+00:01",
          "9999-12-31T23:59-00:01", "+2026-01-31", "2026-01-31T-1:00"})
        EXPECT_EQ(again(text), "absent") << text;
}

TEST(Timestamps, OnlyAFullDateAndTimeWithZoneMakesATimestampColumn)
{
    EXPECT_TRUE(parse_full_timestamp("2026-01-31T23:59Z"));
    EXPECT_TRUE(parse_full_timestamp("2026-01-31 23:59:00+0100"));
    EXPECT_FALSE(parse_full_timestamp("2026-01-31"));
    EXPECT_FALSE(parse_full_timestamp("2026-01-31T23:59:00"));
}

TEST(Timestamps, FormattingAndReadingAreInverse)
{
    std::mt19937_64 rng(11);
    std::uniform_int_distribution<std::int64_t> any(timestamp_min_us, timestamp_max_us);
    for (int i = 0; i < 20000; ++i) {
        const std::int64_t us = any(rng);
        ASSERT_EQ(parse_timestamp(format_timestamp(us)), us) << us;
    }
    EXPECT_EQ(format_timestamp(timestamp_min_us - 1), "0001-01-01T00:00:00.000000Z");
    EXPECT_EQ(format_timestamp(timestamp_max_us + 1), "9999-12-31T23:59:59.999999Z");
}

TEST(Timestamps, TheClientsClockIsCorrectedBySentAt)
{
    const std::int64_t received = parse_timestamp("2026-01-31T12:00:00Z").value();
    EXPECT_EQ(corrected_timestamp(received, std::nullopt, received - 5), received - 5);
    EXPECT_EQ(corrected_timestamp(received, received + 1000, received + 400), received - 600);
    EXPECT_EQ(corrected_timestamp(received, std::nullopt, received + day_us), received + day_us);
    EXPECT_EQ(corrected_timestamp(received, std::nullopt, received + day_us + 1), received);
    EXPECT_EQ(corrected_timestamp(received, timestamp_max_us, timestamp_min_us), timestamp_min_us);
    EXPECT_EQ(corrected_timestamp(received, timestamp_min_us, timestamp_max_us), received);
}

}  // namespace
}  // namespace lakeferry::core
