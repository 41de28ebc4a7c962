#include "sync/core/selection.hpp"

#include <gtest/gtest.h>

namespace lakeferry::core {
namespace {

TEST(Pattern, StarStandsForAnyCharacters)
{
    EXPECT_TRUE(matches_pattern("*", ""));
    EXPECT_TRUE(matches_pattern("order_*", "order_"));
    EXPECT_TRUE(matches_pattern("order_*", "order_completed"));
    EXPECT_TRUE(matches_pattern("*_completed", "order_completed"));
    EXPECT_TRUE(matches_pattern("*a*b*", "xaayb"));
    EXPECT_TRUE(matches_pattern("a**b", "ab"));
    EXPECT_FALSE(matches_pattern("order", "order_completed"));
    EXPECT_FALSE(matches_pattern("order_*", "reorder_x"));
    EXPECT_FALSE(matches_pattern("*a*b", "ba"));
    EXPECT_FALSE(matches_pattern("", "a"));
}

TEST(Selection, TheLastPatternThatMatchesDecidesAndTheFirstSetsTheDefault)
{
    EXPECT_TRUE(selection().table("anything"));
    EXPECT_TRUE(selection().everything());
    const selection but({.tables = {"!debug_*", "debug_keep", "!screens"}});
    EXPECT_TRUE(but.table("order_completed")) << "new events follow the default";
    EXPECT_FALSE(but.table("debug_click"));
    EXPECT_TRUE(but.table("debug_keep"));
    EXPECT_FALSE(but.table("screens"));
    const selection only({.tables = {"pages", "order_*", "!order_draft"}});
    EXPECT_TRUE(only.table("pages"));
    EXPECT_TRUE(only.table("order_completed"));
    EXPECT_FALSE(only.table("order_draft"));
    EXPECT_FALSE(only.table("user_traits"));
}

TEST(Selection, ColumnsThatATableNeedsAreNeverLeftOut)
{
    const selection s({.columns = {"pages.url", "order_*.total"}});
    EXPECT_TRUE(s.column("pages", "url"));
    EXPECT_FALSE(s.column("pages", "title"));
    EXPECT_FALSE(s.column("pages", "user_id"));
    EXPECT_TRUE(s.column("order_completed", "total"));
    for (const char* needed : {"id", "received_at", "segment_id", "_rescued_data"})
        EXPECT_TRUE(s.column("order_completed", needed)) << needed;
    const selection all_off({.columns = {"!*.*"}});
    EXPECT_TRUE(all_off.column("user_traits", "value"));
    EXPECT_TRUE(all_off.column("profile_traits_updates", "seq"));
    EXPECT_FALSE(all_off.column("profile_traits_updates", "email"));
}

TEST(Selection, NarrowsATableButNeverByItsKeyOrClustering)
{
    table t{.name = "screens", .columns = {{"id"}, {"received_at"}, {"segment_id"}, {"os"}, {"area"}, {"_rescued_data"}}};
    t.cluster_by = {"area"};
    const auto narrow = selection({.columns = {"!screens.*"}}).narrowed(t);
    std::vector<std::string> left;
    for (const auto& c : narrow.columns) left.push_back(c.name);
    EXPECT_EQ(left, (std::vector<std::string>{"id", "received_at", "segment_id", "area", "_rescued_data"}));
}

TEST(Patterns, ThatCannotMeanAnythingAreRefused)
{
    for (const char* good : {"pages", "!pages", "*", "order_*", "!u_1a2b3c4d", "_tracks", "2fa_enabled"})
        EXPECT_FALSE(check_table_pattern(good)) << good;
    for (const char* bad : {"", "!", "Pages", "order completed", "a.b", "order-*", "caf\u00e9", "_lakeferry_loads", "!!pages"})
        EXPECT_TRUE(check_table_pattern(bad)) << bad;
    EXPECT_TRUE(check_table_pattern(std::string(140, 'a')));
    EXPECT_NE(check_table_pattern("OrderCompleted")->cure.find("order_completed"), std::string::npos);

    for (const char* good : {"pages.url", "!*.context_ip", "!*.*", "!*.name", "!*.value", "!pages.context_*", "*.received_at"})
        EXPECT_FALSE(check_column_pattern(good)) << good;
    for (const char* bad : {"pages", "a.b.c", ".url", "pages.", "!*.received_at", "!*.id", "!*.seq", "!pages.segment_id",
                            "!user_traits.name", "!*.canonical_segment_id", "!*._rescued_data", "!tracks.id"})
        EXPECT_TRUE(check_column_pattern(bad)) << bad;

    const std::vector<std::string> nothing{"pages", "!*"};
    const std::vector<std::string> something{"!*", "pages"};
    EXPECT_TRUE(check_table_patterns(nothing));
    EXPECT_FALSE(check_table_patterns(something));
    EXPECT_FALSE(check_table_patterns({}));
    const std::vector<std::string> source_missing{"!profile_traits_updates"};
    ASSERT_TRUE(check_table_patterns(source_missing));
    EXPECT_NE(check_table_patterns(source_missing)->what.find("which profile_traits is made from"), std::string::npos);
    const std::vector<std::string> both{"!profile_traits*"};
    EXPECT_FALSE(check_table_patterns(both));
}

}  // namespace
}  // namespace lakeferry::core
