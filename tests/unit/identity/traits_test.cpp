// Traits and the tables that show them: section 7 of the identity rules.
#include "tests/unit/identity/space_under_test.hpp"

namespace lakeferry::identity::test {
namespace {

std::string identify(std::string_view id, std::string_view traits, std::string_view time = "2026-01-15T00:00:00Z")
{
    return call("identify", id,
                R"("userId":"u","timestamp":")" + std::string(time) + R"(","traits":)" + std::string(traits));
}

// column -> value of user_traits of the one profile
std::map<std::string, std::string> shown(space_under_test& space)
{
    std::map<std::string, std::string> all;
    for (const auto& [_, row] : space.current("user_traits")) all[text(row, "name")] = text(row, "value");
    return all;
}
using texts_by_name = std::map<std::string, std::string>;

TEST(Traits, ANewValueReplacesTheWholeTrait)
{
    space_under_test space;
    space.run({identify("1", R"({"address":{"city":"Bonn","zip":"53111"}})"), identify("2", R"({"address":{"city":"Kiel"}})")});
    EXPECT_EQ(shown(space), (texts_by_name{{"address_city", "Kiel"}}));
    const auto rows = space.rows("profile_traits_updates");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(text(rows[0], "address_zip"), "53111");
    EXPECT_FALSE(rows[1].contains("address_zip")) << "a snapshot: what is unset is NULL";
}

TEST(Traits, ALateCallDoesNotOverwriteNewerValues)
{
    space_under_test space;
    space.run({identify("1", R"({"plan":"gold"})", "2026-01-15T00:00:00Z"),
               identify("2", R"({"plan":"free","age":30})", "2026-01-10T00:00:00Z")});
    EXPECT_EQ(shown(space), (texts_by_name{{"plan", "gold"}, {"age", "30"}}));
    EXPECT_EQ(text(space.current("user_traits").at(made_by("1") + "|age"), "timestamp"), "2026-01-10T00:00:00.000000Z");
}

TEST(Traits, EqualTimesAreDecidedByProcessingOrder)
{
    space_under_test space;
    space.run({identify("1", R"({"plan":"gold"})"), identify("2", R"({"plan":"free"})")});
    EXPECT_EQ(shown(space), (texts_by_name{{"plan", "free"}}));
}

TEST(Traits, TwoKeysOfOneCallWithOneColumnNameTheLaterWins)
{
    space_under_test space;
    space.run({identify("1", R"({"firstName":"A","first_name":"B"})")});
    EXPECT_EQ(shown(space), (texts_by_name{{"first_name", "B"}}));
}

TEST(Traits, NullUnsetsAndStaysUnsetAgainstOlderValues)
{
    space_under_test space;
    space.run({identify("1", R"({"plan":"gold","age":1})", "2026-01-10T00:00:00Z"),
               identify("2", R"({"plan":null})", "2026-01-15T00:00:00Z"),
               identify("3", R"({"plan":"old"})", "2026-01-12T00:00:00Z")});
    EXPECT_EQ(shown(space), (texts_by_name{{"age", "1"}}));
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 2U) << "the late one changes nothing";
    space.run({identify("4", R"({"plan":"new"})", "2026-01-16T00:00:00Z")});
    EXPECT_EQ(shown(space), (texts_by_name{{"age", "1"}, {"plan", "new"}}));
}

TEST(Traits, EmptyTextIsAValue)
{
    space_under_test space;
    space.run({identify("1", R"({"plan":""})")});
    EXPECT_EQ(shown(space), (texts_by_name{{"plan", ""}}));
}

TEST(Traits, RestatingMovesTheTimeButChangesNoTable)
{
    space_under_test space;
    space.run({identify("1", R"({"plan":"gold"})", "2026-01-10T00:00:00Z"),
               identify("2", R"({"plan":"gold"})", "2026-01-20T00:00:00Z")});
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 1U);
    EXPECT_EQ(space.rows("user_traits").size(), 1U);
    space.run({identify("3", R"({"plan":"free"})", "2026-01-15T00:00:00Z")});
    EXPECT_EQ(shown(space), (texts_by_name{{"plan", "gold"}})) << "the time had moved";
}

TEST(Traits, EqualNumbersAreEqualWhateverTheirSpelling)
{
    space_under_test space;
    space.run({identify("1", R"({"n":12})"), identify("2", R"({"n":12.0})")});
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 1U);
    space.run({identify("3", R"({"n":"12"})")});
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 2U) << "a text is another value";
}

TEST(Traits, OnlyIdentifyTraitsCount)
{
    space_under_test space;
    space.run({call("track", "1", R"("event":"E","userId":"u","properties":{"a":1},"context":{"traits":{"b":2}})"),
               call("group", "2", R"("groupId":"g","userId":"u","traits":{"c":3})"),
               call("identify", "3", R"("userId":"u","context":{"traits":{"d":4}})")});
    EXPECT_TRUE(space.rows("profile_traits_updates").empty());
    EXPECT_TRUE(shown(space).empty());
}

TEST(Traits, AMergeTakesTheNewerWriteUnsetsIncluded)
{
    space_under_test space;
    space.run({call("identify", "1", R"("anonymousId":"a","timestamp":"2026-01-10T00:00:00Z","traits":{"x":1,"y":"a","z":1})"),
               call("identify", "2", R"("userId":"u","timestamp":"2026-01-12T00:00:00Z","traits":{"x":2,"y":null})"),
               call("identify", "3", R"("userId":"u","timestamp":"2026-01-08T00:00:00Z","traits":{"z":9})"),
               call("track", "4", R"("event":"E","anonymousId":"a","userId":"u")")});
    EXPECT_EQ(shown(space), (texts_by_name{{"x", "2"}, {"z", "1"}}));
    const auto x = space.current("user_traits").at(made_by("1") + "|x");
    EXPECT_EQ(text(x, "timestamp"), "2026-01-12T00:00:00.000000Z") << "of the winning write";
}

TEST(Traits, AMergeThatShowsNothingNewWritesNoSnapshot)
{
    space_under_test space;
    space.run({call("identify", "1", R"("anonymousId":"a","traits":{"x":1})"),
               call("identify", "2", R"("userId":"u","traits":{"x":1})"),
               call("track", "3", R"("event":"E","anonymousId":"a","userId":"u")")});
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 2U);
    EXPECT_EQ(space.current("user_traits").size(), 1U) << "the merged profile's row is gone";
}

TEST(Traits, WhereTwoTraitsFlattenToOneColumnTheNewerWriteWins)
{
    space_under_test space;
    space.run({identify("1", R"({"a":{"b":"nested"}})", "2026-01-10T00:00:00Z"),
               identify("2", R"({"a_b":"plain"})", "2026-01-11T00:00:00Z")});
    EXPECT_EQ(shown(space), (texts_by_name{{"a_b", "plain"}}));
    // Restating the older one makes it the newer write: now it shows.
    space.run({identify("3", R"({"a":{"b":"nested"}})", "2026-01-12T00:00:00Z")});
    EXPECT_EQ(shown(space), (texts_by_name{{"a_b", "nested"}}));
}

TEST(Traits, ValuesAsText)
{
    space_under_test space;
    space.run({identify("1", R"({"t":"x\"y","b":true,"i":-5,"d":1.50,"e":1e21,"l":[1, {"a":"b"}],"w":"2026-01-01T00:00:00+02:00"})")});
    EXPECT_EQ(shown(space), (texts_by_name{{"t", "x\"y"}, {"b", "true"}, {"i", "-5"}, {"d", "1.5"}, {"e", "1e21"},
                                           {"l", R"([1,{"a":"b"}])"}, {"w", "2026-01-01T00:00:00+02:00"}}));
}

TEST(Traits, ReservedNamesGetAnUnderscore)
{
    space_under_test space;
    space.run({identify("1", R"({"id":"1","segmentId":"s","context":{"a":1},"context_b":2})")});
    EXPECT_EQ(shown(space),
              (texts_by_name{{"_id", "1"}, {"_segment_id", "s"}, {"_context_a", "1"}, {"_context_b", "2"}}));
}

TEST(Traits, ASpaceWithoutCurrentTablesWritesNone)
{
    space_under_test space({.materialized = false});
    space.run({identify("1", R"({"plan":"gold"})"), call("track", "2", R"("event":"E","anonymousId":"a")"),
               call("identify", "3", R"("userId":"u","anonymousId":"a")")});
    EXPECT_TRUE(space.rows("user_traits").empty());
    EXPECT_TRUE(space.rows("user_identifiers").empty());
    EXPECT_TRUE(space.rows("profile_merges").empty());
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 1U);
}

}  // namespace
}  // namespace lakeferry::identity::test
