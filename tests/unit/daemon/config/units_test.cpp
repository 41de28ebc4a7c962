#include "daemon/config/problem.hpp"
#include "daemon/config/units.hpp"
#include "daemon/config/url.hpp"

#include <gtest/gtest.h>

namespace lakeferry::daemon {
namespace {

using std::chrono::seconds;

TEST(Durations, AreReadFromLargeToSmall)
{
    EXPECT_EQ(parse_duration("15m"), seconds(900));
    EXPECT_EQ(parse_duration("1h30m"), seconds(5400));
    EXPECT_EQ(parse_duration("7d"), seconds(604800));
    EXPECT_EQ(parse_duration("1d2h3m4s"), seconds(93784));
    EXPECT_EQ(parse_duration("0s"), seconds(0));
    for (const char* wrong : {"", "15", "m", "30m1h", "1m1m", "-1m", "1.5h", "1 h", "1h ", "1y", "99999999999999999999s", "4000d"})
        EXPECT_EQ(parse_duration(wrong), std::nullopt) << wrong;
}

TEST(Durations, AreWrittenAsTheyAreRead)
{
    for (const int s : {1, 59, 60, 61, 3600, 5400, 86400, 90061})
        EXPECT_EQ(parse_duration(format_duration(seconds(s))), seconds(s)) << s;
    EXPECT_EQ(format_duration(seconds(5400)), "1h30m");
}

TEST(Sizes, CountBy1024Or1000)
{
    EXPECT_EQ(parse_size("32KiB"), 32768U);
    EXPECT_EQ(parse_size("1 MiB"), 1048576U);
    EXPECT_EQ(parse_size("2MB"), 2000000U);
    EXPECT_EQ(parse_size("17"), 17U);
    EXPECT_EQ(parse_size("17B"), 17U);
    for (const char* wrong : {"", "KiB", "1 mib", "-1", "1.5MiB", "1M", "99999999999GiB"})
        EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
    EXPECT_EQ(format_size(96U << 20U), "96MiB");
    EXPECT_EQ(format_size(512000), "500KiB");
    EXPECT_EQ(format_size(1001), "1001");
}

TEST(Names, TheNearestIsTheOneThatWasMeant)
{
    const std::vector<std::string> known{"schema", "every", "cron", "timezone"};
    EXPECT_EQ(nearest_name("shema", known), "schema");
    EXPECT_EQ(nearest_name("evrey", known), "every");
    EXPECT_EQ(nearest_name("time_zone", known), "timezone");
    EXPECT_EQ(nearest_name("catalog", known), "");
    EXPECT_EQ(nearest_name("x", known), "");
}

TEST(Addresses, OfWorkspaces)
{
    std::string why;
    const auto v6 = parse_workspace_url("http://[::1]:8500", why);
    ASSERT_TRUE(v6);
    EXPECT_EQ(v6->host, "::1");
    EXPECT_EQ(v6->port, 8500);
    EXPECT_EQ(parse_workspace_url("https://DBC.cloud.databricks.com/", why)->host, "dbc.cloud.databricks.com");
    for (const char* wrong : {"dbc.cloud.databricks.com", "ftp://x", "https://", "https://a b", "https://u:p@host", "https://host/path",
                              "https://host?o=1", "https://host:0", "https://host:99999", "http://10.0.0.1", "http://127.0.0.1.evil.example",
                              "http://localhost.evil.example", "https://[::1"})
        EXPECT_FALSE(parse_workspace_url(wrong, why)) << wrong;
    EXPECT_FALSE(parse_workspace_url("https://user:word@host", why));
    EXPECT_EQ(why.find("word"), std::string::npos);
}

TEST(Addresses, OfListeners)
{
    EXPECT_EQ(parse_listen("127.0.0.1:8400")->port, 8400);
    EXPECT_EQ(parse_listen("[::]:0")->host, "::");
    for (const char* wrong : {"", "8400", ":8400", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"})
        EXPECT_FALSE(parse_listen(wrong)) << wrong;
    EXPECT_TRUE(is_loopback("127.8.8.8"));
    EXPECT_TRUE(is_loopback("::1"));
    EXPECT_FALSE(is_loopback("0.0.0.0"));
    EXPECT_FALSE(is_loopback("example.com"));
}

}  // namespace
}  // namespace lakeferry::daemon
