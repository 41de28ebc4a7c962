#include "daemon/schedule/plan.hpp"

#include <date/tz.h>
#include <gtest/gtest.h>

#include <sstream>

namespace lakeferry::daemon {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// "2026-03-29 02:30" in UTC.
std::int64_t utc(const std::string& text)
{
    std::istringstream in(text);
    date::sys_seconds t;
    in >> date::parse("%Y-%m-%d %H:%M", t);
    if (in.fail()) throw std::logic_error("not a time: " + text);
    return t.time_since_epoch().count() * 1'000'000;
}

std::string text_of(std::int64_t us) { return date::format("%Y-%m-%d %H:%M", date::sys_seconds(seconds(us / 1'000'000))); }

std::string next(const std::string& rule, const std::string& after, const std::string& zone = "UTC")
{
    std::string why;
    const auto parsed = cron_rule::parse(rule, why);
    if (!parsed) return why;
    return text_of(parsed->next_us(utc(after), *find_zone(zone)));
}

TEST(Cron, FindsTheNextTime)
{
    EXPECT_EQ(next("*/15 * * * *", "2026-01-31 23:50"), "2026-02-01 00:00");
    EXPECT_EQ(next("0 9 * * mon-fri", "2026-11-20 09:00"), "2026-11-23 09:00");
    EXPECT_EQ(next("30 4 1,15 * *", "2026-11-02 00:00"), "2026-11-15 04:30");
    EXPECT_EQ(next("0 0 29 2 *", "2026-01-01 00:00"), "2028-02-29 00:00");
    EXPECT_EQ(next("0 12 * JAN,jul 7", "2026-02-01 00:00"), "2026-07-05 12:00");
    EXPECT_EQ(next("5/20 3 * * *", "2026-01-01 03:05"), "2026-01-01 03:25");
}

TEST(Cron, ComesStrictlyLater) { EXPECT_EQ(next("0 * * * *", "2026-01-01 10:00"), "2026-01-01 11:00"); }

TEST(Cron, EitherDayFieldIsEnoughIfBothAreRestricted)
{
    EXPECT_EQ(next("0 0 13 * fri", "2026-11-01 00:00"), "2026-11-06 00:00");
    EXPECT_EQ(next("0 0 13 * fri", "2026-12-12 00:00"), "2026-12-13 00:00");
    EXPECT_EQ(next("0 0 */2 * fri", "2026-11-01 00:00"), "2026-11-13 00:00") << "a starred field restricts as well";
}

TEST(Cron, ATimeThatTheClockSkipsComesAtTheEndOfTheGap)
{
    // Berlin, 2026-03-29: 02:00 becomes 03:00 (01:00 UTC).
    EXPECT_EQ(next("30 2 * * *", "2026-03-28 12:00", "Europe/Berlin"), "2026-03-29 01:00");
    EXPECT_EQ(next("30 2 * * *", "2026-03-29 01:00", "Europe/Berlin"), "2026-03-30 00:30");
}

TEST(Cron, ATimeThatComesTwiceCountsOnce)
{
    // Berlin, 2026-10-25: 03:00 becomes 02:00 (01:00 UTC).
    EXPECT_EQ(next("30 2 * * *", "2026-10-24 12:00", "Europe/Berlin"), "2026-10-25 00:30");
    EXPECT_EQ(next("30 2 * * *", "2026-10-25 00:30", "Europe/Berlin"), "2026-10-26 01:30");
}

TEST(Cron, ARuleForEveryHourFollowsRealTimeThroughBothChanges)
{
    for (const char* day : {"2026-03-29", "2026-10-25"}) {
        std::int64_t at = utc(std::string(day) + " 00:00");
        for (int i = 0; i < 16; ++i) {
            std::string why;
            const auto then = cron_rule::parse("*/15 * * * *", why)->next_us(at, *find_zone("Europe/Berlin"));
            EXPECT_EQ(then - at, 15LL * 60 * 1'000'000) << text_of(at);
            at = then;
        }
    }
}

TEST(Cron, ZonesOfHalfAnHour)
{
    EXPECT_EQ(next("0 9 * * *", "2026-01-01 00:00", "Asia/Kolkata"), "2026-01-01 03:30");
    EXPECT_EQ(next("15 * * * *", "2026-01-01 00:00", "Asia/Kathmandu"), "2026-01-01 00:30");
}

TEST(Cron, RefusesWhatItDoesNotUnderstand)
{
    for (const char* wrong : {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
                              "5-1 * * * *", "1,,2 * * * *", "a * * * *", "@hourly", "* * 31 2 *", "1-2-3 * * * *", "*/2/2 * * * *", "-1 * * * *"}) {
        std::string why;
        EXPECT_FALSE(cron_rule::parse(wrong, why)) << wrong;
        EXPECT_FALSE(why.empty()) << wrong;
    }
}

TEST(Zones, AreThoseOfTheSystem)
{
    EXPECT_NE(find_zone("Europe/Berlin"), nullptr);
    EXPECT_NE(find_zone("UTC"), nullptr);
    EXPECT_EQ(find_zone("Mars/Olympus"), nullptr);
    EXPECT_EQ(find_zone("../../etc/passwd"), nullptr);
    EXPECT_EQ(find_zone(""), nullptr);
}

core::schedule_settings every(std::chrono::seconds s) { return {.every = s}; }
core::schedule_settings cron(std::string rule, std::string zone = "UTC") { return {.cron = std::move(rule), .timezone = std::move(zone)}; }

constexpr rt::time_point start{};

TEST(Plan, EveryMeansTheMultiplesOfIt)
{
    const auto now_us = utc("2026-01-01 10:05");
    run_plan plan(every(minutes(15)), start, now_us, now_us - 3LL * 60 * 1'000'000, 0.0);
    EXPECT_EQ(plan.wait(start, now_us), minutes(10)) << "10:15";
    plan.started(start + minutes(12), now_us);
    EXPECT_EQ(plan.wait(start + minutes(13), now_us), minutes(12)) << "10:30, although the last one began late";
    EXPECT_EQ(plan.next_us(start + minutes(13), now_us), now_us + 12LL * 60 * 1'000'000);
    plan.started(start + minutes(60), now_us);
    EXPECT_EQ(plan.wait(start + minutes(60), now_us), minutes(10)) << "11:15: what was passed over is not made up for";
}

TEST(Plan, SpacesThatBeganAtOddTimesComeDueTogether)
{
    for (const int minute : {1, 17, 58}) {
        const auto now_us = utc("2026-01-01 10:00") + minute * 60LL * 1'000'000;
        run_plan plan(every(hours(1)), start, now_us, 0, 0.0);
        EXPECT_EQ(plan.wait(start, now_us), rt::duration::zero()) << "a new space begins at once";
        plan.started(start, now_us);
        EXPECT_EQ(text_of(plan.next_us(start, now_us)), "2026-01-01 11:00") << minute;
    }
}

TEST(Plan, WithoutAlignmentEveryCountsFromTheLastStart)
{
    const auto now_us = utc("2026-01-01 10:00");
    run_plan plan(every(minutes(15)), start, now_us, now_us - 5LL * 60 * 1'000'000, 0.0, false);
    EXPECT_EQ(plan.wait(start, now_us), minutes(10));
    plan.started(start + minutes(12), now_us);
    EXPECT_EQ(plan.wait(start + minutes(13), now_us), minutes(14));
}

TEST(Plan, WhatWasDueWhileTheDaemonWasDownRunsAfterTheStart)
{
    const auto now_us = utc("2026-01-01 11:01");
    run_plan plan(every(hours(1)), start, now_us, utc("2026-01-01 10:00"), 0.0);
    EXPECT_EQ(plan.wait(start, now_us), rt::duration::zero());
    run_plan not_yet(every(hours(1)), start, utc("2026-01-01 10:30"), utc("2026-01-01 10:00"), 0.0);
    EXPECT_EQ(not_yet.wait(start, utc("2026-01-01 10:30")), minutes(30));
}

TEST(Plan, StartsAreSpreadOverThirtySeconds)
{
    EXPECT_EQ(run_plan(every(hours(1)), start, 0, 0, 0.0).wait(start, 0), rt::duration::zero());
    EXPECT_EQ(run_plan(every(hours(1)), start, 0, 0, 0.5).wait(start, 0), seconds(15));
    EXPECT_EQ(run_plan(every(seconds(10)), start, 0, 0, 0.5).wait(start, 0), std::chrono::milliseconds(500));
    run_plan later(every(hours(1)), start, 0, 0, 0.5);
    later.started(start + seconds(15), 0);
    EXPECT_EQ(later.wait(start + seconds(15), 0), hours(1)) << "each space keeps its place within them";
}

TEST(Plan, AStartInTheFutureIsAClockThatWasWrong)
{
    const auto now_us = utc("2026-01-01 10:00");
    EXPECT_EQ(run_plan(every(hours(1)), start, now_us, now_us + 86'400'000'000, 0.0).wait(start, now_us), rt::duration::zero());
}

TEST(Plan, EveryDoesNotCareForTheCalendar)
{
    const auto now_us = utc("2026-01-01 10:00");
    run_plan plan(every(hours(1)), start, now_us, now_us, 0.0);
    EXPECT_EQ(plan.wait(start, utc("2027-01-01 10:00")), hours(1));
    EXPECT_EQ(plan.wait(start, utc("2020-01-01 10:00")), hours(1));
}

TEST(Plan, CronLooksAgainAtLeastOnceAMinute)
{
    run_plan plan(cron("0 12 * * *"), start, utc("2026-01-01 10:00"), 0, 0.0);
    EXPECT_EQ(plan.wait(start, utc("2026-01-01 10:00")), seconds(60));
    EXPECT_EQ(plan.wait(start, utc("2026-01-01 11:59") + 30'000'000), seconds(30));
    EXPECT_EQ(plan.wait(start, utc("2026-01-01 12:00")), rt::duration::zero());
    plan.started(start, utc("2026-01-01 12:00"));
    EXPECT_EQ(text_of(plan.next_us(start, 0)), "2026-01-02 12:00");
}

TEST(Plan, AStepForwardRunsOnceAfterSeveralWerePassedOver)
{
    run_plan plan(cron("0 * * * *"), start, utc("2026-01-01 10:30"), 0, 0.0);
    EXPECT_EQ(plan.wait(start, utc("2026-01-01 15:30")), rt::duration::zero());
    plan.started(start, utc("2026-01-01 15:30"));
    EXPECT_EQ(text_of(plan.next_us(start, 0)), "2026-01-01 16:00");
}

TEST(Plan, ASmallStepBackRepeatsNothing)
{
    run_plan plan(cron("0 * * * *"), start, utc("2026-01-01 10:30"), 0, 0.0);
    ASSERT_EQ(plan.wait(start, utc("2026-01-01 11:00")), rt::duration::zero());
    plan.started(start, utc("2026-01-01 11:00"));
    EXPECT_EQ(plan.wait(start, utc("2026-01-01 10:59")), seconds(60));
    EXPECT_EQ(plan.wait(start, utc("2026-01-01 11:00")), seconds(60));
    EXPECT_EQ(text_of(plan.next_us(start, 0)), "2026-01-01 12:00");
}

TEST(Plan, ALargeStepBackStartsAfresh)
{
    run_plan plan(cron("0 * * * *"), start, utc("2030-01-01 10:30"), 0, 0.0);
    EXPECT_GT(plan.wait(start, utc("2026-01-01 10:30")).value(), rt::duration::zero());
    EXPECT_EQ(text_of(plan.next_us(start, 0)), "2026-01-01 11:00");
}

TEST(Plan, WithoutScheduleNothingIsEverDue)
{
    run_plan plan({}, start, 0, 0, 0.0);
    EXPECT_EQ(plan.wait(start, 0), std::nullopt);
    EXPECT_EQ(plan.next_us(start, 0), 0);
}

TEST(Plan, ARunByHandMovesNothing)
{
    run_plan first(every(hours(1)), start, 0, 0, 0.0);
    first.started(start + minutes(5), 0, true);
    EXPECT_EQ(first.wait(start + minutes(5), 0), minutes(55));
    run_plan second(cron("0 12 * * *"), start, utc("2026-01-01 10:00"), 0, 0.0);
    second.started(start, utc("2026-01-01 10:01"), true);
    EXPECT_EQ(text_of(second.next_us(start, 0)), "2026-01-01 12:00");
}

}  // namespace
}  // namespace lakeferry::daemon
