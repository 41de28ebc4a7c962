#include "sync/core/row_text.hpp"

#include <gtest/gtest.h>

namespace lakeferry::core {
namespace {

TEST(RowText, GivesTheMembersAsTheyWereWritten)
{
    const std::string line = "{\"a\":1.50,\"b\":\"x,\\\"}y\\\\\",\"c\":true,\"d\":null,\"e\":\"\"}\n";
    const auto members = members_of(line);
    ASSERT_EQ(members.size(), 5U);
    EXPECT_EQ(members[0].json, "1.50");
    EXPECT_EQ(members[1].json, "\"x,\\\"}y\\\\\"");
    EXPECT_EQ(members[4].name, "e");
    EXPECT_EQ(row_of(members) + "\n", line);
}

TEST(RowText, TakesNothingForARowThatIsNone)
{
    for (const char* bad : {"", "{", "{}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":\"x}", "[1]", "{\"a\":1,}", "{\"a\":\"x\"y}"})
        EXPECT_TRUE(members_of(bad).empty()) << bad;
}

}  // namespace
}  // namespace lakeferry::core
