// Messages as values.
#include "net/http/message.hpp"

#include <gtest/gtest.h>

namespace http = lakeferry::http;

TEST(Headers, NamesCompareWithoutCaseAndRepetitionsAreKept)
{
    http::headers h{{"Accept", "a"}, {"X-One", "1"}};
    h.add("ACCEPT", "b");
    EXPECT_EQ(h.find("accept"), "a");
    EXPECT_EQ(h.count("Accept"), 2U);
    h.set("accept", "c");
    EXPECT_EQ(h.find("Accept"), "c");
    EXPECT_EQ(h.count("Accept"), 1U);
    h.set("New", "n");
    EXPECT_EQ(h.find("new"), "n");
    EXPECT_FALSE(h.find("none"));
    h.clear();
    EXPECT_EQ(h.count("X-One"), 0U);
}

TEST(Origin, TextAndAuthorityLeaveTheOwnPortOut)
{
    EXPECT_EQ((http::origin{"https", "a.example", ""}.text()), "https://a.example");
    EXPECT_EQ((http::origin{"https", "a.example", "443"}.text()), "https://a.example");
    EXPECT_EQ((http::origin{"http", "a.example", "443"}.text()), "http://a.example:443");
    EXPECT_EQ((http::origin{"http", "::1", "8400"}.authority()), "[::1]:8400");
    EXPECT_EQ((http::origin{"unix", "/run/x", ""}.text()), "unix:/run/x");
    EXPECT_EQ((http::origin{"unix", "/run/x", ""}.authority()), "localhost");
}

TEST(Target, SplitsAndDecodesQueries)
{
    EXPECT_EQ(http::split_target("/a?b?c"), std::pair(std::string_view("/a"), std::string_view("b?c")));
    EXPECT_EQ(http::split_target("/a"), std::pair(std::string_view("/a"), std::string_view()));
    const std::string target = "/a?x=1&y=%41+%2b&z&w=%4&q%20q=5&x=2";
    EXPECT_EQ(http::query_parameter(target, "x"), "1");
    EXPECT_EQ(http::query_parameter(target, "y"), "A +");
    EXPECT_EQ(http::query_parameter(target, "z"), "");
    EXPECT_EQ(http::query_parameter(target, "w"), std::nullopt);
    EXPECT_EQ(http::query_parameter(target, "q q"), "5");
    EXPECT_EQ(http::query_parameter(target, "none"), std::nullopt);
    EXPECT_EQ(http::query_parameter("/a", "x"), std::nullopt);
}

TEST(Target, EncodesEverythingButUnreservedCharacters)
{
    EXPECT_EQ(http::encode_component("aZ0-._~/ \xc3\xa9%"), "aZ0-._~%2F%20%C3%A9%25");
    EXPECT_EQ(http::encode_path("/Volumes/a b/c.gz"), "/Volumes/a%20b/c.gz");
}
