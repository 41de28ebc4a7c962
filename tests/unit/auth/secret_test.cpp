#include "auth/secret.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <type_traits>

namespace lakeferry::auth {

TEST(Secret, CannotBeCopiedOrTurnedIntoText)
{
    static_assert(!std::is_copy_constructible_v<secret>);
    static_assert(!std::is_copy_assignable_v<secret>);
    static_assert(!std::is_convertible_v<secret, std::string>);
    static_assert(!std::is_convertible_v<secret, std::string_view>);
    static_assert(!std::is_constructible_v<std::string, secret>);
    EXPECT_EQ(secret("abc").reveal(), "abc");
}

TEST(Secret, MovingLeavesNothingBehind)
{
    secret from("short");
    secret to(std::move(from));
    EXPECT_EQ(to.reveal(), "short");
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the point
    secret other("other");
    other = std::move(to);
    EXPECT_EQ(other.reveal(), "short");
    EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(Secret, ComparesByContent)
{
    EXPECT_TRUE(secret("a").same_as(secret("a")));
    EXPECT_FALSE(secret("a").same_as(secret("b")));
    EXPECT_FALSE(secret("a").same_as(secret("aa")));
    EXPECT_TRUE(secret().same_as(secret()));
}

TEST(Secret, WipeEmptiesAString)
{
    std::string text = "long enough to live on the heap, certainly";
    wipe(text);
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(text.data()[0], '\0');
}

}  // namespace lakeferry::auth
