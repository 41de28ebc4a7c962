// Which profile a call belongs to: sections 3 to 6 of the identity rules.
#include "tests/unit/identity/space_under_test.hpp"

#include "sync/identity/story.hpp"

namespace lakeferry::identity::test {
namespace {

std::string segment_of(space_under_test& space, std::string_view table, std::string_view id)
{
    for (const auto& row : space.rows(table)) {
        if (text(row, "id") == id) return text(row, "segment_id");
    }
    return "(no row)";
}

core::identity_settings with(core::identifier_rule rule)
{
    core::identity_settings settings;
    settings.identifiers = {{.type = "user_id"}, {.type = "email"}};
    for (auto& known : settings.identifiers) {
        if (known.type == rule.type) {
            known = std::move(rule);
            return settings;
        }
    }
    settings.identifiers.push_back(std::move(rule));
    return settings;
}

TEST(Matching, TheExampleOfRecursiveMerges)
{
    space_under_test space;
    space.run({call("page", "e0", R"("anonymousId":"a0")"), call("page", "e1", R"("anonymousId":"a1")"),
               call("page", "e3", R"("anonymousId":"a3")"),
               call("identify", "e4", R"("anonymousId":"a3","context":{"externalIds":[
                    {"id":"a1","type":"anonymous_id","collection":"users","encoding":"none"}]})"),
               call("identify", "e9", R"("anonymousId":"a1","context":{"externalIds":[
                    {"id":"a0","type":"anonymous_id","collection":"users","encoding":"none"}]})")});
    const auto p0 = made_by("e0");
    const auto p1 = made_by("e1");
    const auto p2 = made_by("e3");
    const auto rows = space.rows("id_graph_updates");
    EXPECT_EQ(column(rows, "segment_id"), (texts{p0, p1, p2, p2, p1, p2}));
    EXPECT_EQ(column(rows, "canonical_segment_id"), (texts{p0, p1, p2, p1, p0, p0}));
    EXPECT_EQ(column(rows, "triggering_event_id"), (texts{"e0", "e1", "e3", "e4", "e9", "e9"}));
    EXPECT_EQ(column(rows, "triggering_event_type"), (texts{"page", "page", "page", "identify", "identify", "identify"}));
    const auto merges = space.current("profile_merges");
    EXPECT_EQ(text(merges.at(p0), "canonical_segment_id"), p0);
    EXPECT_EQ(text(merges.at(p1), "canonical_segment_id"), p0);
    EXPECT_EQ(text(merges.at(p2), "canonical_segment_id"), p0);
}

TEST(Matching, NoIdentifierLeavesTheCallUnresolvedYetLanded)
{
    space_under_test space;
    const auto done = space.run({call("identify", "m1", R"("userId":"-1","traits":{"plan":"gold"})")});
    EXPECT_EQ(done.notes.at("no_identifiers"), 1U);
    EXPECT_EQ(done.notes.at("blocked"), 1U);
    const auto rows = space.rows("identifies");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_FALSE(rows[0].contains("segment_id"));
    EXPECT_EQ(text(rows[0], "user_id"), "-1") << "columns keep the value";
    EXPECT_EQ(text(rows[0], "plan"), "gold");
    EXPECT_TRUE(space.rows("id_graph_updates").empty());
    EXPECT_TRUE(space.rows("profile_traits_updates").empty());
}

TEST(Matching, NoMatchCreatesOneMatchAttaches)
{
    space_under_test space;
    const auto done = space.run({call("track", "m1", R"("anonymousId":"a","event":"Open")"),
                                 call("identify", "m2", R"("anonymousId":"a","userId":"u","traits":{"email":"x@y"})")});
    EXPECT_EQ(done.profiles_created, 1U);
    EXPECT_EQ(done.identifiers_added, 3U);
    const auto rows = space.rows("external_id_mapping_updates");
    EXPECT_EQ(column(rows, "external_id_type"), (texts{"anonymous_id", "user_id", "email"})) << "priority order";
    EXPECT_EQ(column(rows, "segment_id"), (texts{made_by("m1"), made_by("m1"), made_by("m1")}));
    EXPECT_EQ(column(rows, "triggering_event_name"), (texts{"Open", "", ""}));
    EXPECT_EQ(text(rows[0], "triggering_event_source_name"), "Web site");
    EXPECT_EQ(text(rows[0], "triggering_event_source_slug"), "web_site");
    EXPECT_EQ(text(rows[1], "external_id_hash"), "70042a46fe717770f49eb6189729a0ff6697f9a8");
    EXPECT_EQ(segment_of(space, "identifies", "m2"), made_by("m1"));
}

TEST(Matching, TheOldestProfileSurvives)
{
    space_under_test space;
    space.run({call("track", "old", R"("anonymousId":"a","event":"E","timestamp":"2026-01-31T00:00:00Z")"),
               call("track", "new", R"("userId":"u","event":"E","timestamp":"2020-01-01T00:00:00Z")"),
               call("identify", "join", R"("userId":"u","anonymousId":"a")")});
    EXPECT_EQ(segment_of(space, "identifies", "join"), made_by("old")) << "processing order, not timestamps";
    const auto merges = space.current("profile_merges");
    EXPECT_EQ(text(merges.at(made_by("new")), "canonical_segment_id"), made_by("old"));
}

TEST(Matching, SeveralProfilesMergeInTheOrderOfTheirCreation)
{
    space_under_test space;
    const auto done = space.run(
        {call("track", "1", R"("anonymousId":"a1","event":"E")"), call("track", "2", R"("anonymousId":"a2","event":"E")"),
         call("track", "3", R"("userId":"u","event":"E")"),
         call("alias", "4", R"("userId":"u","anonymousId":"a2","previousId":"a1")")});
    EXPECT_EQ(done.profiles_merged, 2U);
    const auto rows = space.rows("id_graph_updates");
    EXPECT_EQ(column(rows, "segment_id"),
              (texts{made_by("1"), made_by("2"), made_by("3"), made_by("2"), made_by("3")}));
    EXPECT_EQ(text(rows[4], "canonical_segment_id"), made_by("1"));
    EXPECT_EQ(segment_of(space, "aliases", "4"), made_by("1"));
}

TEST(Matching, UpdateRowsOfOneCallAreGraphThenIdentifiersThenTraits)
{
    space_under_test space;
    space.run({call("track", "1", R"("anonymousId":"a","event":"E")"), call("track", "2", R"("userId":"u","event":"E")"),
               call("identify", "3", R"("userId":"u","anonymousId":"a","traits":{"email":"e@x"})")});
    const auto graph = space.rows("id_graph_updates").back().at("seq").as_int64();
    const auto identifier = space.rows("external_id_mapping_updates").back().at("seq").as_int64();
    const auto traits = space.rows("profile_traits_updates").back().at("seq").as_int64();
    EXPECT_EQ(identifier, graph + 1);
    EXPECT_EQ(traits, graph + 2);
    EXPECT_EQ(std::to_string(graph).size(), 19U) << "as text it sorts as a number does";
}

TEST(Matching, TheSameIdentifierTwiceCountsOnce)
{
    space_under_test space;
    space.run({call("track", "1", R"("anonymousId":"a","event":"E","context":{"externalIds":[
                    {"id":"a","type":"anonymous_id","collection":"users","encoding":"none"},
                    {"id":"b","type":"anonymous_id","collection":"users","encoding":"none"}]})")});
    EXPECT_EQ(column(space.rows("external_id_mapping_updates"), "external_id_value"), (texts{"a", "b"}));
}

TEST(Limits, SegmentsExampleDropsTheEmailAndMakesANewProfile)
{
    space_under_test space;
    const auto done = space.run({call("identify", "1", R"("userId":"abc123","traits":{"email":"jane@x"})"),
                                 call("identify", "2", R"("userId":"abc456","traits":{"email":"jane@x"})")});
    EXPECT_EQ(done.profiles_created, 2U);
    EXPECT_EQ(done.notes.at("limit_exceeded"), 1U);
    EXPECT_EQ(segment_of(space, "identifies", "2"), made_by("2"));
    const auto ids = space.current("user_identifiers");
    EXPECT_TRUE(ids.contains(made_by("1") + "|email|jane@x"));
    EXPECT_FALSE(ids.contains(made_by("2") + "|email|jane@x"));
}

TEST(Limits, IdentifiersAreTakenOffFromTheLowestPriorityOneByOne)
{
    space_under_test space;
    // user_id 2 is over the limit of profile 1: first the anonymous id (not over a limit itself), then the email go.
    const auto done = space.run({call("identify", "1", R"("userId":"u1","traits":{"email":"e@x"})"),
                                 call("identify", "2", R"("userId":"u2","anonymousId":"a","traits":{"email":"e@x"})")});
    EXPECT_EQ(done.notes.at("limit_exceeded"), 2U);
    EXPECT_FALSE(space.current("user_identifiers").contains(made_by("2") + "|anonymous_id|a"))
        << "what was taken off is attached to nothing";
    EXPECT_EQ(text(space.rows("identifies")[1], "anonymous_id"), "a");
}

TEST(Limits, FiveAnonymousIdsFitASixthDoesNot)
{
    space_under_test space;
    std::vector<std::string> calls;
    for (int i = 1; i <= 6; ++i)
        calls.push_back(call("track", std::to_string(i),
                             R"("event":"E","userId":"u","anonymousId":"a)" + std::to_string(i) + "\""));
    const auto done = space.run(calls);
    EXPECT_EQ(done.notes.at("limit_exceeded"), 1U);
    EXPECT_EQ(space.current("user_identifiers").size(), 6U);  // the user id and five
    EXPECT_EQ(segment_of(space, "tracks", "6"), made_by("1"));
}

TEST(Limits, AProfileOverATightenedLimitKeepsResolvingButCannotGrow)
{
    space_under_test space;
    space.run({call("track", "1", R"("event":"E","userId":"u","anonymousId":"a1")"),
               call("track", "2", R"("event":"E","userId":"u","anonymousId":"a2")")});
    space.change_rules(with({.type = "anonymous_id", .limit = 1}));
    auto done = space.run({call("track", "3", R"("event":"E","userId":"u","anonymousId":"a2")")});
    EXPECT_FALSE(done.notes.contains("limit_exceeded"));
    EXPECT_EQ(segment_of(space, "tracks", "3"), made_by("1"));
    done = space.run({call("track", "4", R"("event":"E","userId":"u","anonymousId":"a3")")});
    EXPECT_EQ(done.notes.at("limit_exceeded"), 1U);
    EXPECT_EQ(segment_of(space, "tracks", "4"), made_by("1"));
    EXPECT_EQ(space.current("user_identifiers").size(), 3U);
}

TEST(Limits, UnlimitedIsUnlimited)
{
    space_under_test space({.rules = with({.type = "anonymous_id", .limit = 0})});
    std::vector<std::string> calls;
    for (int i = 0; i < 40; ++i)
        calls.push_back(call("track", std::to_string(i),
                             R"("event":"E","userId":"u","anonymousId":"a)" + std::to_string(i) + "\""));
    EXPECT_TRUE(space.run(calls).notes.empty());
    EXPECT_EQ(space.current("user_identifiers").size(), 41U);
}

TEST(Limits, AWindowCountsOnlyWhatWasFirstSeenInside)
{
    space_under_test space({.rules = with({.type = "anonymous_id", .limit = 1, .window_days = 7})});
    const auto track = [](std::string id, std::string anonymous, std::string time) {
        return call("track", id,
                    R"("event":"E","userId":"u","anonymousId":")" + anonymous + R"(","timestamp":")" + time + "\"");
    };
    auto done = space.run({track("1", "a1", "2026-01-10T00:00:00Z"), track("2", "a2", "2026-01-12T00:00:00Z"),
                           track("3", "a3", "2026-01-17T00:00:00Z"), track("4", "a4", "2026-01-24T00:00:00Z")});
    // 2: a1 is inside its window. 3: a1 lies exactly at the edge, which is outside. 4: a3 lies at the edge again.
    EXPECT_EQ(done.notes.at("time_limit_exceeded"), 1U);
    const auto ids = space.current("user_identifiers");
    EXPECT_FALSE(ids.contains(made_by("1") + "|anonymous_id|a2"));
    EXPECT_TRUE(ids.contains(made_by("1") + "|anonymous_id|a3"));
    EXPECT_TRUE(ids.contains(made_by("1") + "|anonymous_id|a4"));
    // A late call sees what was observed after it.
    done = space.run({track("5", "a5", "2026-01-11T00:00:00Z")});
    EXPECT_EQ(done.notes.at("time_limit_exceeded"), 1U);
}

TEST(Limits, AMergeKeepsFirstObservations)
{
    space_under_test space;
    space.run({call("track", "1", R"("event":"E","anonymousId":"a","timestamp":"2026-01-01T00:00:00Z")"),
               call("track", "2", R"("event":"E","userId":"u","timestamp":"2026-01-02T00:00:00Z")"),
               call("identify", "3", R"("userId":"u","anonymousId":"a","timestamp":"2026-01-03T00:00:00Z")")});
    const auto ids = space.current("user_identifiers");
    ASSERT_EQ(ids.size(), 2U);
    EXPECT_EQ(text(ids.at(made_by("1") + "|user_id|u"), "timestamp"), "2026-01-02T00:00:00.000000Z");
    EXPECT_EQ(text(ids.at(made_by("1") + "|anonymous_id|a"), "timestamp"), "2026-01-01T00:00:00.000000Z");
}

TEST(Caps, AMergeOverTheCapGoesToTheHighestPriorityIdentifier)
{
    core::identity_settings rules;
    rules.merges_max = 1;
    space_under_test space({.rules = rules});
    const auto done = space.run(
        {call("track", "1", R"("event":"E","anonymousId":"a1")"), call("track", "2", R"("event":"E","anonymousId":"a2")"),
         call("track", "3", R"("event":"E","userId":"u")"),
         call("alias", "4", R"("userId":"u","anonymousId":"a2","previousId":"a1","context":{"traits":{"email":"e@x"}})")});
    EXPECT_EQ(done.notes.at("merge_limit"), 1U);
    EXPECT_EQ(done.profiles_merged, 0U);
    EXPECT_EQ(segment_of(space, "aliases", "4"), made_by("3"));
    EXPECT_TRUE(space.current("user_identifiers").contains(made_by("3") + "|email|e@x"));
}

TEST(Caps, AMergeOfTooManyIdentifiersDoesNotHappen)
{
    core::identity_settings rules;
    rules.identifiers_max = 3;
    space_under_test space({.rules = rules});
    const auto done = space.run({call("identify", "1", R"("anonymousId":"a1","traits":{"email":"1@x"})"),
                                 call("identify", "2", R"("userId":"u","traits":{"email":"2@x"})"),
                                 call("identify", "3", R"("userId":"u","anonymousId":"a1")")});
    EXPECT_EQ(done.notes.at("mapping_limit"), 1U);
    EXPECT_EQ(done.profiles_merged, 0U);
    EXPECT_EQ(segment_of(space, "identifies", "3"), made_by("2"));
}

TEST(Caps, NoFurtherIdentifierIsAttachedAtTheCap)
{
    core::identity_settings rules;
    rules.identifiers_max = 2;
    space_under_test space({.rules = rules});
    const auto done = space.run({call("identify", "1", R"("userId":"u","anonymousId":"a1")"),
                                 call("identify", "2", R"("userId":"u","anonymousId":"a2","traits":{"email":"e@x"})")});
    EXPECT_EQ(done.notes.at("mapping_limit"), 2U) << "one note each";
    EXPECT_EQ(segment_of(space, "identifies", "2"), made_by("1")) << "the call still resolves";
    EXPECT_EQ(space.current("user_identifiers").size(), 2U);
}

TEST(Merging, CurrentTablesMoveToTheSurvivor)
{
    space_under_test space;
    space.run({call("identify", "1", R"("anonymousId":"a","traits":{"plan":"free"})"),
               call("identify", "2", R"("userId":"u","traits":{"plan":"gold","age":30})"),
               call("track", "3", R"("event":"E","userId":"u","anonymousId":"a")")});
    const auto a = made_by("1");
    const auto traits = space.current("user_traits");
    ASSERT_EQ(traits.size(), 2U);
    EXPECT_EQ(text(traits.at(a + "|plan"), "value"), "gold");
    EXPECT_EQ(text(traits.at(a + "|age"), "value"), "30");
    const auto ids = space.current("user_identifiers");
    ASSERT_EQ(ids.size(), 2U);
    EXPECT_TRUE(ids.contains(a + "|user_id|u"));
    EXPECT_TRUE(ids.contains(a + "|anonymous_id|a"));
    const auto rows = space.rows("profile_traits_updates");
    ASSERT_EQ(rows.size(), 3U) << "the merge by a track writes a snapshot";
    EXPECT_EQ(text(rows[2], "segment_id"), a);
    EXPECT_EQ(text(rows[2], "triggering_event_type"), "track");
    EXPECT_EQ(text(rows[2], "plan"), "gold");
}

TEST(Merging, SegmentIdsOfEarlierCallsStay)
{
    space_under_test space;
    space.run({call("track", "1", R"("event":"E","anonymousId":"a")"), call("track", "2", R"("event":"E","userId":"u")"),
               call("identify", "3", R"("userId":"u","anonymousId":"a")")});
    EXPECT_EQ(segment_of(space, "tracks", "2"), made_by("2"));
}

TEST(Merging, TheStoryOfAMergeIsKept)
{
    space_under_test space;
    space.run({call("track", "1", R"("event":"E","anonymousId":"a")"), call("track", "2", R"("event":"E","userId":"u")"),
               call("identify", "3", R"("userId":"u","anonymousId":"a")")});
    const auto stories =
        read_stories(*space.in, space_under_test::number, core::digest128({"acme", "1"}));
    ASSERT_TRUE(stories);
    ASSERT_EQ(stories->size(), 1U);
    const auto story = json::parse(stories->front()).as_object();
    EXPECT_EQ(story.at("event").at("id"), "3");
    EXPECT_EQ(story.at("event").at("source"), "web");
    EXPECT_EQ(story.at("merged").as_array().at(0).as_string(), made_by("2"));
    EXPECT_EQ(story.at("met").as_array().size(), 2U);
}

TEST(SegmentIds, AreOpaqueAndNeverReused)
{
    core::identity_settings rules;
    rules.dedupe_days = 1;
    space_under_test space({.rules = rules});
    space.run({call("track", "same", R"("event":"E","anonymousId":"a")")}, "2026-02-01T00:00:00Z");
    space.run({call("track", "same", R"("event":"E","anonymousId":"b")")}, "2026-02-03T00:00:01Z");
    const auto rows = space.rows("tracks");
    ASSERT_EQ(rows.size(), 2U) << "forgotten ids are accepted again";
    EXPECT_TRUE(text(rows[0], "segment_id").starts_with("use_"));
    EXPECT_NE(text(rows[0], "segment_id"), text(rows[1], "segment_id"));
}

TEST(Rules, ChangedRulesDoNotTouchWhatIs)
{
    space_under_test space;
    space.run({call("track", "1", R"("event":"E","userId":"secret","anonymousId":"a")")});
    core::identity_settings rules;
    rules.blocked.emplace_back("secret");
    space.change_rules(rules);
    space.run({call("track", "2", R"("event":"E","userId":"secret","anonymousId":"b")")});
    EXPECT_EQ(segment_of(space, "tracks", "2"), made_by("2"));
    EXPECT_TRUE(space.current("user_identifiers").contains(made_by("1") + "|user_id|secret"));
}

}  // namespace
}  // namespace lakeferry::identity::test
