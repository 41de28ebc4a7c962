#include "sync/identity/holder_cache.hpp"

#include "tests/unit/identity/space_under_test.hpp"

namespace lakeferry::identity::test {
namespace {

core::id128 id(std::uint64_t n) { return core::digest128({std::to_string(n)}); }

std::optional<profile_id> find(holder_cache& cache, std::uint32_t space, const core::id128& identifier)
{
    return cache.find(space, std::span(&identifier, 1)).front();
}

void put(holder_cache& cache, std::uint32_t space, std::uint64_t identifier, std::uint64_t profile)
{
    const holder_cache::entry entry{id(identifier), id(profile)};
    cache.put(space, std::span(&entry, 1));
}

TEST(HolderCache, AnswersInOrderAndKeepsSpacesApart)
{
    holder_cache cache(std::size_t{1} << 20U);
    put(cache, 1, 10, 100);
    put(cache, 2, 10, 200);
    put(cache, 1, 11, 101);
    const std::vector<core::id128> asked{id(11), id(12), id(10)};
    const auto found = cache.find(1, asked);
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0], id(101));
    EXPECT_EQ(found[1], std::nullopt);
    EXPECT_EQ(found[2], id(100));
    EXPECT_EQ(find(cache, 2, id(10)), id(200));
    EXPECT_EQ(find(cache, 3, id(10)), std::nullopt);
    put(cache, 1, 10, 300);
    EXPECT_EQ(find(cache, 1, id(10)), id(300)) << "the newer one stands";
    cache.clear();
    EXPECT_EQ(find(cache, 1, id(10)), std::nullopt);
    EXPECT_EQ(cache.entries(), 0U);
}

TEST(HolderCache, WhatIsAskedForStaysAndTheRestGoes)
{
    holder_cache cache(std::size_t{256} << 10U);
    put(cache, 1, 0, 1000);
    put(cache, 1, 1, 1001);
    std::size_t most = 0;
    for (std::uint64_t n = 2; n < 20'000; ++n) {
        put(cache, 1, n, n);
        ASSERT_EQ(find(cache, 1, id(0)), id(1000)) << n;
        most = std::max(most, cache.entries());
    }
    EXPECT_EQ(find(cache, 1, id(1)), std::nullopt) << "never asked for, long gone";
    EXPECT_LE(most * sizeof(holder_cache::entry), std::size_t{256} << 10U);
    EXPECT_GT(most * sizeof(holder_cache::entry), std::size_t{128} << 10U);
    EXPECT_EQ(find(cache, 1, id(19'999)), id(19'999));
}

TEST(HolderCache, AnOldAnswerNeverComesBackFromTheOlderGeneration)
{
    holder_cache cache(std::size_t{64} << 10U);
    put(cache, 1, 0, 1);
    for (std::uint64_t n = 1; n <= 840; ++n) put(cache, 1, n, n);  // the first one is in the older generation now
    put(cache, 1, 0, 2);
    for (int again = 0; again < 3; ++again) EXPECT_EQ(find(cache, 1, id(0)), id(2));
}

TEST(HolderCache, ABoundOfNothingKeepsNothing)
{
    holder_cache cache(0);
    put(cache, 1, 0, 1);
    EXPECT_EQ(cache.entries(), 0U);
    EXPECT_EQ(find(cache, 1, id(0)), std::nullopt);
}

}  // namespace
}  // namespace lakeferry::identity::test
