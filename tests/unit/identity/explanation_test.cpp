// What is remembered of refusals, and what `why` makes of it.
#include "tests/unit/identity/space_under_test.hpp"

#include "sync/core/ids.hpp"
#include "sync/identity/explanation.hpp"
#include "sync/identity/observations.hpp"

namespace lakeferry::identity::test {
namespace {

constexpr auto number = space_under_test::number;

json::object told(space_under_test& space, const core::identity_settings& rules, std::string_view a, std::string_view b = {})
{
    const auto by = *rules::compile(rules);
    auto answer = b.empty() ? explain(*space.in, number, *by, a) : explain_pair(*space.in, number, *by, a, b);
    if (answer.has_error()) {
        ADD_FAILURE() << answer.error().id << ": " << answer.error().detail;
        return {};
    }
    return std::move(*answer);
}

rt::failure refused(space_under_test& space, const core::identity_settings& rules, std::string_view a, std::string_view b = {})
{
    const auto by = *rules::compile(rules);
    const auto answer = b.empty() ? explain(*space.in, number, *by, a) : explain_pair(*space.in, number, *by, a, b);
    return answer.has_error() ? answer.error() : rt::failure{.id = "(it was told)"};
}

std::vector<json::object> last(space_under_test& space, std::size_t most = 100)
{
    std::vector<json::object> all;
    for (const auto& one : *last_observations(*space.in, number, most)) all.push_back(json::parse(one).as_object());
    return all;
}

// "created m1", "attached user_id:u m1", "merged m3", in the order of the story.
texts steps(const json::object& answer, const char* list = "story")
{
    texts all;
    for (const auto& one : answer.at(list).as_array()) {
        const auto& step = one.as_object();
        std::string line = text(step, "what");
        if (const auto* i = step.if_contains("identifier")) line += " " + text(i->as_object(), "type") + ":" + text(i->as_object(), "value");
        all.push_back(line + " " + text(step.at("event").as_object(), "id"));
    }
    return all;
}

texts notes_of(const json::array& observations)
{
    texts all;
    for (const auto& one : observations) all.push_back(text(one.as_object(), "note"));
    return all;
}

TEST(Observations, EachKindIsCountedAndKeptWithItsRule)
{
    core::identity_settings rules;
    rules.identifiers = {{.type = "user_id"}, {.type = "email", .blocked = {"no@x"}}, {.type = "anonymous_id", .limit = 1, .window_days = 30}};
    rules.identifiers_max = 3;
    space_under_test space({.rules = rules});
    space.run({call("identify", "m1", R"("userId":"u1","anonymousId":"a1","traits":{"email":"e1@x"})"),
               call("identify", "m2", R"("userId":"u2","traits":{"email":"e1@x"})"),                         // limit of user_id
               call("page", "m3", R"("userId":"u1","anonymousId":"a2")"),                                    // limit with a window
               call("identify", "m4", R"("userId":"u2","traits":{"email":"no@x"})"),                         // blocked
               call("page", "m5", R"("anonymousId":"anonymous")"),                                           // blocked, nobody
               call("page", "m6", R"("userId":"u1","context":{"externalIds":[{"id":"p","type":"phone","collection":"users","encoding":"none"}]})")});
    const auto notes = *read_notes(*space.in, number);
    EXPECT_EQ(notes, (std::map<std::string, std::uint64_t>{{"limit_exceeded", 1}, {"time_limit_exceeded", 1}, {"blocked", 2},
                                                           {"no_identifiers", 1}, {"mapping_limit", 1}}));
    texts kept;
    for (const auto& one : last(space)) {
        std::string line = text(one, "note") + " " + text(one.at("event").as_object(), "id");
        if (const auto* i = one.if_contains("identifier")) line += " " + text(i->as_object(), "type") + ":" + text(i->as_object(), "value");
        kept.push_back(line + " (" + text(one, "rule") + ")" + (one.contains("to") ? "" : " nobody"));
    }
    EXPECT_EQ(kept, (texts{"mapping_limit m6 phone:p (at most 3 identifiers on a profile)", "no_identifiers m5 () nobody",
                           "blocked m5 anonymous_id:anonymous (the value \"anonymous\" is blocked for all types) nobody",
                           "blocked m4 email:no@x (the value \"no@x\" is blocked for email)",
                           "time_limit_exceeded m3 anonymous_id:a2 (at most 1 anonymous_id on a profile in 30 days)",
                           "limit_exceeded m2 email:e1@x (at most 1 user_id on a profile)"}));
    for (const auto& one : last(space)) EXPECT_NE(violation_name(text(one, "note")), text(one, "note"));
    EXPECT_EQ(last(space, 2).size(), 2U);
}

TEST(Observations, TheLastOnesStayAndTheNumberOfRecordsIsBounded)
{
    space_under_test space;
    std::vector<std::string> calls{call("page", "first", R"("userId":"u1")")};
    for (unsigned i = 0; i < kept_per_space + 50; ++i)
        calls.push_back(call("page", "m" + std::to_string(i), R"("userId":"u1","context":{"externalIds":[{"id":"anonymous","type":"t)" +
                                                                   std::to_string(i % 200) + R"(","collection":"users","encoding":"none"}]})"));
    space.accept(calls);
    space.resolve(300);
    const auto all = last(space, 10'000);
    ASSERT_EQ(all.size(), kept_per_space);
    EXPECT_EQ(text(all.front().at("event").as_object(), "id"), "m" + std::to_string(kept_per_space + 49));
    EXPECT_EQ(text(all.back().at("event").as_object(), "id"), "m50");
    const auto about = *observations_about(*space.in, number, core::digest128({"acme", "first"}));
    EXPECT_LE(about.size(), kept_per_profile);
    EXPECT_GT(about.size(), kept_per_profile / 2);
    EXPECT_EQ(read_notes(*space.in, number)->at("blocked"), kept_per_space + 50);
}

TEST(Why, TellsCreationAttachmentsAndMergesInOrder)
{
    space_under_test space;
    space.run({call("page", "m1", R"("anonymousId":"a1")"), call("identify", "m2", R"("userId":"u","anonymousId":"a2")"),
               call("identify", "m3", R"("userId":"u","anonymousId":"a1","traits":{"email":"e@x"})"),
               call("track", "m4", R"("userId":"u","event":"E","context":{"device":{"type":"ios","id":"d"}})")});
    const auto answer = told(space, {}, "email:e@x");
    EXPECT_EQ(text(answer, "segment_id"), made_by("m1"));
    EXPECT_EQ(steps(answer), (texts{"created m1", "attached anonymous_id:a1 m1", "created m2", "attached user_id:u m2",
                                    "attached anonymous_id:a2 m2", "merged m3", "attached email:e@x m3", "attached ios.id:d m4"}));
    EXPECT_EQ(answer.at("ids").as_array().size(), 2U);
    const auto& merge = answer.at("story").at(5).as_object();
    EXPECT_EQ(text(merge, "segment_id"), made_by("m1")) << "the oldest survives";
    EXPECT_EQ(merge.at("merged").at(0).as_string(), made_by("m2"));
    EXPECT_EQ(merge.at("met").as_array().size(), 2U);
    const auto& attached = answer.at("story").at(7).at("event").as_object();
    EXPECT_EQ(text(attached, "type"), "track");
    EXPECT_EQ(text(attached, "source"), "web");
    EXPECT_EQ(text(told(space, {}, made_by("m2")), "segment_id"), text(answer, "segment_id")) << "an id that was merged away leads on";
    EXPECT_TRUE(answer.at("refused").as_array().empty());
}

TEST(Why, WhatJoinedTwoPersonsIsTheWayBetweenThem)
{
    space_under_test space;
    const auto alias = [](std::string id, std::string a, std::string b) {
        return call("page", id, R"("anonymousId":")" + a + R"(","context":{"externalIds":[{"id":")" + b +
                                    R"(","type":"anonymous_id","collection":"users","encoding":"none"}]})");
    };
    space.run({call("page", "m1", R"("anonymousId":"a1")"), call("page", "m2", R"("anonymousId":"a2")"),
               call("page", "m3", R"("anonymousId":"a3")"), call("page", "m4", R"("anonymousId":"a4")"), alias("m5", "a3", "a4"),
               alias("m6", "a2", "a3"), alias("m7", "a1", "a2"), call("page", "m8", R"("anonymousId":"a1","userId":"u")")});
    const auto joined = [&](std::string_view a, std::string_view b) { return told(space, {}, a, b); };
    EXPECT_TRUE(joined("anonymous_id:a3", "anonymous_id:a4").at("together").as_bool());
    EXPECT_EQ(steps(joined("anonymous_id:a3", "anonymous_id:a4"), "merges"), (texts{"merged m5"}));
    EXPECT_EQ(steps(joined("anonymous_id:a4", "anonymous_id:a2"), "merges"), (texts{"merged m5", "merged m6"}));
    EXPECT_EQ(steps(joined("anonymous_id:a1", "anonymous_id:a4"), "merges"), (texts{"merged m5", "merged m6", "merged m7"}));
    EXPECT_EQ(steps(joined(made_by("m4"), made_by("m2")), "merges"), (texts{"merged m5", "merged m6"}));
    const auto never_two = joined("anonymous_id:a1", "user_id:u");
    EXPECT_TRUE(never_two.at("merges").as_array().empty());
    EXPECT_EQ(steps(never_two, "attached"), (texts{"attached anonymous_id:a1 m1", "attached user_id:u m8"}));
}

TEST(Why, WhatKeptTwoPersonsApart)
{
    core::identity_settings rules;
    rules.identifiers = {{.type = "user_id", .limit = 2}, {.type = "email"}};
    rules.merges_max = 1;
    space_under_test space({.rules = rules});
    space.run({call("identify", "m1", R"("userId":"u1","traits":{"email":"one@x"})"), call("identify", "m2", R"("userId":"u2","traits":{"email":"two@x"})"),
               call("identify", "m3", R"("userId":"u3","traits":{"email":"three@x"})"),
               call("identify", "m4", R"("userId":"u1","traits":{"email":"two@x"})"),       // joins m1 and m2
               call("identify", "m5", R"("userId":"u3","traits":{"email":"one@x"})"),       // a third user: the limit
               call("page", "m6", R"("anonymousId":"lone")"), call("page", "m7", R"("anonymousId":"a8")"),
               call("page", "m8", R"("userId":"u1","anonymousId":"lone")"),                 // one merge only
               call("identify", "m9", R"("anonymousId":"lone","traits":{"email":"null"})"),
               call("identify", "m10", R"("anonymousId":"a8","traits":{"email":"null"})")});
    const auto reasons = [&](std::string_view a, std::string_view b) { return notes_of(told(space, rules, a, b).at("reasons").as_array()); };
    EXPECT_EQ(reasons("user_id:u1", "user_id:u3"), (texts{"limit_exceeded"}));
    EXPECT_EQ(reasons("user_id:u3", "email:two@x"), (texts{"limit_exceeded"})) << "also by what was merged since";
    EXPECT_EQ(reasons("user_id:u1", "anonymous_id:lone"), (texts{"merge_limit"}));
    EXPECT_EQ(reasons("anonymous_id:lone", "anonymous_id:a8"), (texts{"blocked", "blocked"})) << "both carried a blocked value";
    const auto unlinked = told(space, rules, "user_id:u3", "anonymous_id:a8");
    EXPECT_FALSE(unlinked.at("together").as_bool());
    EXPECT_TRUE(unlinked.at("reasons").as_array().empty());
    EXPECT_TRUE(unlinked.at("limits").as_array().empty());
    const auto now = told(space, rules, "user_id:u1", "user_id:u3").at("limits").as_array();
    ASSERT_EQ(now.size(), 2U);
    EXPECT_EQ(now.at(0).at("type"), "user_id");
    EXPECT_EQ(now.at(1).at("cap"), "merges_max");
}

TEST(Why, AFullProfileKeepsOthersApart)
{
    core::identity_settings rules;
    rules.identifiers_max = 2;
    space_under_test space({.rules = rules});
    space.run({call("identify", "m1", R"("userId":"u1","traits":{"email":"e@x"})"), call("page", "m2", R"("anonymousId":"a")"),
               call("page", "m3", R"("userId":"u1","anonymousId":"a")")});
    EXPECT_EQ(notes_of(told(space, rules, "user_id:u1", "anonymous_id:a").at("reasons").as_array()), (texts{"mapping_limit"}));
}

TEST(Why, UnknownAndMalformedPersonsAreToldApart)
{
    core::identity_settings rules;
    rules.fold_email_case = true;
    space_under_test space({.rules = rules});
    space.run({call("identify", "m1", R"("userId":"u1","traits":{"email":"Ada@X"})"), call("identify", "m2", R"("userId":"u2","traits":{"email":"ada@x"})")});
    EXPECT_EQ(text(told(space, rules, "email:ADA@x"), "segment_id"), made_by("m1")) << "found in any case";
    for (const char* malformed : {"", "ada", "email:", ":x", "Email:x", "use_short", "use_!!!!!!!!!!!!!!!!!!!!!!", "use_zzzzzzzzzzzzzzzzzzzzzz", "e\xff:x"}) {
        EXPECT_EQ(refused(space, rules, malformed).id, "identity.malformed_person") << malformed;
        EXPECT_FALSE(parse_person(malformed));
    }
    EXPECT_EQ(refused(space, rules, "user_id:nobody").id, "identity.unknown_person");
    EXPECT_EQ(refused(space, rules, made_by("other")).id, "identity.unknown_person");
    EXPECT_EQ(refused(space, rules, "user_id:u1", "user_id:nobody").id, "identity.unknown_person");
    EXPECT_NE(refused(space, rules, "user_id:null").detail.find("the value \"null\" is blocked for all types"), std::string::npos);
    space.run({call("identify", "m3", R"("userId":"u1","context":{"externalIds":[{"id":"u9","type":"user_id","collection":"users","encoding":"none"}]})")});
    const auto taken_off = refused(space, rules, "user_id:u9");
    EXPECT_NE(taken_off.detail.find("m3"), std::string::npos) << taken_off.detail;
    EXPECT_NE(taken_off.detail.find("Identifier value limit exceeded"), std::string::npos) << taken_off.detail;
}

TEST(Records, OnesOfTheFirstVersionAreRead)
{
    // 1, created 5, times 0, by "m", track, not merged, no members, one identifier: "t" "v" 0 0 "m".
    const std::string stored("\x01\x05\x00\x00\x01m\x01\x00\x00\x01\x01t\x01v\x00\x00\x01m", 18);
    const auto read = decode_profile({}, stored);
    ASSERT_TRUE(read) << read.error().detail;
    ASSERT_EQ(read->identifiers.size(), 1U);
    EXPECT_FALSE(read->identifiers[0].call);
    EXPECT_EQ(read->created_by, "m");
    const auto again = decode_profile({}, encode_profile(*read));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, *read);
    for (std::size_t cut = 0; cut < stored.size(); ++cut) EXPECT_FALSE(decode_profile({}, stored.substr(0, cut)));
}

TEST(Records, SegmentIdsReadBack)
{
    for (const char* seed : {"a", "b", "c", "d"}) {
        const auto id = core::digest128({seed});
        EXPECT_EQ(profile_of(segment_id(id)), id);
    }
    profile_id most{};
    most.fill(0xFF);
    EXPECT_EQ(profile_of(segment_id(most)), most);
    EXPECT_EQ(core::opaque_value("use_", segment_id(most).substr(0, 25)), std::nullopt);
    EXPECT_EQ(core::opaque_value("x_", segment_id(most)), std::nullopt);
}

}  // namespace
}  // namespace lakeferry::identity::test
