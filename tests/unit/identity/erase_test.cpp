// People out of the graph: whole persons go, whatever they are asked for by, and nobody else is touched.
#include "sync/identity/erase.hpp"

#include "sync/identity/extract.hpp"
#include "tests/unit/identity/space_under_test.hpp"

using namespace lakeferry;
using namespace lakeferry::identity;
using namespace lakeferry::identity::test;

namespace {

std::vector<core::person_key> keys(const std::vector<std::string>& texts)
{
    std::vector<core::person_key> out;
    for (const auto& text : texts) out.push_back(*parse_person_key(text));
    return out;
}

removed_people erase(space_under_test& s, const std::vector<std::string>& texts, const core::identity_settings& rules = {})
{
    const auto found = find_people(*s.in, s.number, keys(texts), rules);
    EXPECT_TRUE(found);
    store::batch changes;
    const auto removed = remove_people(*s.in, s.number, *found, changes);
    EXPECT_TRUE(removed);
    EXPECT_TRUE(s.in->write(std::move(changes), store::durable::yes));
    s.reopen();
    return *removed;
}

// Everything in a family, keys and values.
std::string bytes_of(space_under_test& s, store::family where)
{
    std::string all;
    EXPECT_TRUE(s.in->scan(where, core::key32(0), core::key32(0xFFFF'FFFF), [&](std::string_view key, std::string_view value) {
        all.append(key).append(" ").append(value).append("\n");
        return true;
    }));
    return all;
}

std::string merged_ada()
{
    return call("identify", "m3", R"("userId":"ada","anonymousId":"dev-ada","traits":{"email":"ada@mail.example","name":"Ada"})");
}

}  // namespace

TEST(Erase, ReadsWhoIsMeant)
{
    EXPECT_EQ(*parse_person_key("email:ada@mail.example"), (core::person_key{"email", "ada@mail.example"}));
    EXPECT_EQ(*parse_person_key("user_id:a:b "), (core::person_key{"user_id", "a:b "})) << "the value is taken as it is";
    const auto id = made_by("m1");
    EXPECT_EQ(*parse_person_key(id), (core::person_key{"segment_id", id}));
    EXPECT_EQ(*parse_person_key("segment_id:" + id), (core::person_key{"segment_id", id}));
    for (const std::string wrong : {"", "ada", "email:", "email: \t", ":x", "E-mail:x", "9x:y", "segment_id:use_1", "use_short",
                                    "email:\xff", "a b:c"}) {
        const auto read = parse_person_key(wrong);
        ASSERT_TRUE(read.has_error()) << wrong;
        EXPECT_EQ(read.error().id, "erase.malformed");
        EXPECT_TRUE(wrong.size() < 4 || read.error().detail.find(wrong) == std::string::npos) << "personal text is not repeated";
    }
    EXPECT_TRUE(parse_person_key(std::string("email:a\0b", 9)).has_error());
    EXPECT_TRUE(parse_person_key("email:" + std::string(5000, 'x')).has_error());
}

TEST(Erase, TakesEverythingOfAPersonAndOfWhatWasMergedIntoThem)
{
    for (const std::string by : {"email:ada@mail.example", "user_id:ada", "anonymous_id:dev-ada", "first", "second"}) {
        space_under_test s;
        s.run({call("track", "m1", R"("anonymousId":"dev-ada","event":"Seen")"),
               call("identify", "m2", R"("userId":"ada","traits":{"email":"ada@mail.example"})"), merged_ada(),
               call("identify", "m4", R"("userId":"bob","traits":{"email":"bob@mail.example"})")});
        const std::string who = by == "first" ? made_by("m1") : by == "second" ? made_by("m2") : by;
        const auto found = find_people(*s.in, s.number, keys({who}), {});
        ASSERT_TRUE(found);
        EXPECT_EQ(found->live, 1U) << by;
        EXPECT_EQ(found->names.segments, (std::vector<std::string>{made_by("m1"), made_by("m2")}));
        EXPECT_EQ(found->names.identifiers.size(), 3U);
        const auto removed = erase(s, {who, who});
        EXPECT_EQ(removed.profiles, 2U);
        EXPECT_EQ(removed.identifiers, 3U);
        EXPECT_EQ(removed.traits, 1U);
        EXPECT_GE(removed.stories, 1U);
        const auto left = bytes_of(s, store::family::identity);
        for (const std::string gone : {"ada", "Ada", "dev-ada"}) EXPECT_EQ(left.find(gone), std::string::npos) << by << gone;
        EXPECT_NE(left.find("bob@mail.example"), std::string::npos);
        EXPECT_EQ(erase(s, {who}).profiles, 0U) << "a second time there is nothing";
    }
}

TEST(Erase, AReturningPersonIsSomebodyNew)
{
    space_under_test s;
    s.run({merged_ada()});
    erase(s, {"user_id:ada"});
    const auto done = s.run({call("track", "m9", R"("userId":"ada","event":"Seen")")});
    EXPECT_EQ(done.profiles_created, 1U);
    EXPECT_EQ(text(s.rows("tracks").back(), "segment_id"), made_by("m9"));
    EXPECT_EQ(s.run({merged_ada()}).duplicates, 1U) << "what was seen before the erasure stays a duplicate";
}

TEST(Erase, OthersForgetThemToo)
{
    // Bob uses Ada's device: the identifier is beyond his limit, and what is remembered of that names both.
    space_under_test s;
    s.run({merged_ada(), call("identify", "m5", R"("userId":"bob","anonymousId":"dev-ada","traits":{"plan":"x"})")});
    ASSERT_NE(bytes_of(s, store::family::identity).find("dev-ada"), std::string::npos);
    erase(s, {"email:ada@mail.example"});
    const auto left = bytes_of(s, store::family::identity);
    for (const std::string gone : {"\"ada\"", "ada@mail", "dev-ada"}) EXPECT_EQ(left.find(gone), std::string::npos) << gone;
    EXPECT_EQ(find_people(*s.in, s.number, keys({"user_id:bob"}), {})->live, 1U);
}

TEST(Erase, SomebodyUnknownIsStillLookedForByName)
{
    space_under_test s;
    s.run({merged_ada()});
    const auto unknown = made_by("nobody");
    const auto found = find_people(*s.in, s.number, keys({"email:eve@mail.example", unknown}), {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->live, 0U);
    EXPECT_EQ(found->known, (std::vector<bool>{false, false}));
    EXPECT_EQ(found->names.segments, std::vector<std::string>{unknown});
    EXPECT_EQ(found->names.identifiers, keys({"email:eve@mail.example"}));
    EXPECT_EQ(erase(s, {"email:eve@mail.example"}).profiles, 0U);
    EXPECT_EQ(find_people(*s.in, s.number, keys({"user_id:ada"}), {})->live, 1U);
}

TEST(Erase, KnowsTheColumnsOfEveryIdentifier)
{
    core::identity_settings rules;
    rules.identifiers.push_back({.type = "customer", .keys = {"customerId"}});
    using list = std::vector<std::string>;
    EXPECT_EQ(identifier_columns("user_id", rules), list{"user_id"});
    EXPECT_EQ(identifier_columns("anonymous_id", rules), (list{"anonymous_id", "previous_id"}));
    EXPECT_EQ(identifier_columns("email", rules), (list{"email", "context_traits_email"}));
    EXPECT_EQ(identifier_columns("ios.idfa", rules), list{"context_device_advertising_id"});
    EXPECT_EQ(identifier_columns("customer", rules), (list{"customer_id", "context_traits_customer_id"}));
    EXPECT_EQ(identifier_columns("group_id", rules), list{}) << "an account is not a person";
}
