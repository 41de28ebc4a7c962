#include "daemon/cli/status_text.hpp"
#include "daemon/cli/text.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace lakeferry::daemon {
namespace {

TEST(Text, TablesAreAligned)
{
    text_table table({"NAME", ">ROWS", "WHY"});
    table.add({"tracks", "12", ""});
    table.add({"pagés", "1,234", "line\nbreak"});
    EXPECT_EQ(table.text(),
              "NAME     ROWS  WHY\n"
              "tracks     12\n"
              "pagés   1,234  line break\n");
}

TEST(Text, NumbersSpansAndSizes)
{
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(1234567), "1,234,567");
    EXPECT_EQ(counted(0, "space"), "0 spaces");
    EXPECT_EQ(counted(1, "space"), "1 space");
    EXPECT_EQ(span_text(-1), "0 s");
    EXPECT_EQ(span_text(61), "1 min 1 s");
    EXPECT_EQ(span_text(3600), "1 h");
    EXPECT_EQ(span_text(7500), "2 h 5 min");
    EXPECT_EQ(span_text(200000), "2 d");
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(std::uint64_t{3} << 30U), "3.0 GiB");
}

TEST(Text, ProgressSaysWhatItKnows)
{
    EXPECT_EQ(progress_line({.part = 0.5, .calls = 500000, .refused = 2, .calls_per_second = 41000.7, .seconds_left = 12}, 10),
              "[=====     ] 50 %  500,000 calls  2 refused  41,000/s  12 s left");
    EXPECT_EQ(progress_line({.calls = 7}, 10), "7 calls  0/s");
    EXPECT_EQ(progress_line({.part = 1.7, .calls = 7}, 4), "[====] 100 %  7 calls  0/s");
}

TEST(Text, AnswersThatLackEverythingStillPrint)
{
    const boost::json::value nothing;
    EXPECT_NE(status_text(nothing).find("No space is configured."), std::string::npos);
    EXPECT_FALSE(space_text(nothing).empty());
    EXPECT_EQ(runs_text(nothing), "\nNo run yet.\n");
    EXPECT_EQ(refused_text(nothing), "No call of this space was refused.\n");
    EXPECT_FALSE(report_succeeded(nothing));
}

TEST(Text, ATakeOverThatIsNotSettledIsShown)
{
    const auto space = boost::json::parse(R"({"id":"acme","identity":{"notice":"The schema was taken over."}})");
    EXPECT_NE(space_text(space).find("The schema was taken over."), std::string::npos);
    EXPECT_NE(status_text(boost::json::object{{"spaces", {space}}}).find("acme: The schema was taken over."), std::string::npos);
}

TEST(Text, AReportShowsItsTablesAndItsReason)
{
    const auto report = boost::json::parse(
        R"({"number":3,"status":"partial","started_us":1000000,"ended_us":5000000,
            "tables":{"tracks":{"rows":1200,"rescued":1,"loads":2},"pages":{"rows":0,"rescued":0,"loads":0,"error":{"id":"x","message":"no right"}}}})");
    const auto text = report_text(report);
    EXPECT_NE(text.find("Run 3: partial, 1,200 rows in 4 s"), std::string::npos) << text;
    EXPECT_NE(text.find("no right"), std::string::npos) << text;
    EXPECT_FALSE(report_succeeded(report));
}

}  // namespace
}  // namespace lakeferry::daemon
