#include "sync/databricks/sql.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lakeferry::databricks {
namespace {

TEST(Sql, QuotesIdentifiers)
{
    EXPECT_EQ(quote_identifier("id"), "`id`");
    EXPECT_EQ(quote_identifier("a`b"), "`a``b`");
    EXPECT_EQ(quote_identifier("`; DROP TABLE x; --"), "```; DROP TABLE x; --`");
    EXPECT_EQ(quote_identifier("ö ä"), "`ö ä`");
}

TEST(Sql, QuotesStrings)
{
    EXPECT_EQ(quote_string("plain"), "'plain'");
    EXPECT_EQ(quote_string(""), "''");
    EXPECT_EQ(quote_string("it's"), "'it\\'s'");
    EXPECT_EQ(quote_string("a\\"), "'a\\\\'");
    EXPECT_EQ(quote_string("\\' OR 1=1 --"), "'\\\\\\' OR 1=1 --'");
    EXPECT_EQ(quote_string("a\nb\tc\rd"), "'a\\nb\\tc\\rd'");
    EXPECT_EQ(quote_string(std::string_view("a\0" "12", 4)), "'a\\u000012'") << "not the octal escape \\012";
    EXPECT_EQ(quote_string("${env:HOME}"), "'\\u0024{env:HOME}'");
    EXPECT_EQ(quote_string("5 $"), "'5 $'");
}

TEST(Sql, JoinsNames)
{
    EXPECT_EQ(qualified("main", "acme", "tracks"), "`main`.`acme`.`tracks`");
    EXPECT_EQ(qualified("main", "acme"), "`main`.`acme`");
    EXPECT_EQ(qualified("", "acme", "t"), "`acme`.`t`");
    EXPECT_EQ(qualified("a.b", "c", "d"), "`a.b`.`c`.`d`");
}

TEST(Sql, JoinsItems)
{
    const std::vector<std::string> names{"a", "", "c"};
    EXPECT_EQ(join(names, ", ", quote_identifier), "`a`, ``, `c`");
    EXPECT_EQ(join(names, " OR ", [](const auto& n) { return n; }), "a OR  OR c");
    EXPECT_EQ(join(std::vector<std::string>{}, ", ", quote_identifier), "");
}

TEST(Sql, HeadersCannotBeBrokenOutOf)
{
    EXPECT_EQ(comment_header("acme", "17", "tracks-9"), "/* lakeferry space=acme run=17 load=tracks-9 */\n");
    EXPECT_EQ(comment_header("acme", "", ""), "/* lakeferry space=acme */\n");
    const auto odd = comment_header("*/ DROP", "/*", "a\nb");
    EXPECT_EQ(odd, "/* lakeferry space=___DROP run=__ load=a_b */\n");
}

}  // namespace
}  // namespace lakeferry::databricks
