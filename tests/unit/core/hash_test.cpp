#include "sync/core/hash.hpp"
#include "sync/core/ids.hpp"

#include <gtest/gtest.h>

namespace lakeferry::core {
namespace {

TEST(Hash, KnownDigests)
{
    EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(sha1_hex("a", "bc"), sha1_hex("abc"));
    EXPECT_EQ(sha1_prefix("abc", 8), "a9993e36");
    EXPECT_EQ(sha1_prefix("abc", 99), sha1_hex("abc"));
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Hash, PartsAreKeptApart)
{
    EXPECT_EQ(digest128({"ab", "c"}), digest128({"ab", "c"}));
    EXPECT_NE(digest128({"ab", "c"}), digest128({"a", "bc"}));
    EXPECT_NE(digest128({"ab"}), digest128({"ab", ""}));
    EXPECT_EQ(to_hex(digest128({"x"})).size(), 32U);
}

TEST(Ids, AreFixedWidthAndSortAsTheirNumbers)
{
    id128 zero{};
    id128 one{};
    one[15] = 1;
    id128 sixty_two{};
    sixty_two[15] = 62;
    id128 most{};
    most.fill(0xFF);
    EXPECT_EQ(opaque_id("use_", zero), "use_0000000000000000000000");
    EXPECT_EQ(opaque_id("", one), "0000000000000000000001");
    EXPECT_EQ(opaque_id("", sixty_two), "0000000000000000000010");
    EXPECT_EQ(opaque_id("", most), "7n42DGM5Tflk9n8mt7Fhc7") << "2^128 - 1 in base 62";
    EXPECT_EQ(derived_id("use_", {"a", "b"}), opaque_id("use_", digest128({"a", "b"})));
}

}  // namespace
}  // namespace lakeferry::core
