// Suppressed people: known by digests alone; their calls are answered and counted like any other, and kept nowhere.
#include "tests/unit/intake/intake_world.hpp"

#include "sync/intake/suppression.hpp"

#include <algorithm>

using namespace lakeferry;
using namespace lakeferry::test;

namespace {

using keys = std::vector<core::person_key>;
using texts = std::vector<std::string>;

const core::person_key ada{"user_id", "ada"};
const core::person_key bob{"user_id", "bob"};

std::vector<core::id128> digests(const keys& of)
{
    std::vector<core::id128> out;
    for (const auto& one : of) out.push_back(intake::suppression_digest(one));
    return out;
}

// Space 1 drops by user id, or else by anonymous id; space 2 suppresses nobody.
struct suppressing_world : intake_world {
    std::shared_ptr<intake::suppression_list> list = std::make_shared<intake::suppression_list>();
    std::shared_ptr<const intake::suppression> rule =
        std::make_shared<intake::suppression>(list, [](const core::call& call) -> keys {
            if (!call.user_id.blank()) return {{"user_id", std::string(call.user_id.view())}};
            return {{"anonymous_id", std::string(call.anonymous_id.view())}};
        });

    suppressing_world()
    {
        const auto acme = example_space("acme", "k-");
        const auto beta = example_space("beta", "b-");
        sources.swap(*intake::source_table::make({{1, &acme, rule}, {2, &beta}}));
    }
    void suppress(const keys& who) { list->add(digests(who)); }
    texts stored(std::uint32_t space = 1)
    {
        texts out;
        for (const auto& block : blocks(space)) out.insert(out.end(), block.texts.begin(), block.texts.end());
        return out;
    }
    rt::outcome<std::uint64_t> drop_queued()
    {
        store::batch changes;
        auto dropped = intake::drop_queued(*db, 1, *rule, changes);
        EXPECT_TRUE(db->write(std::move(changes), store::durable::yes));
        return dropped;
    }
};

std::string page(const std::string& user) { return R"({"type":"page","userId":")" + user + "\"}"; }

}  // namespace

TEST(SuppressionList, KnowsWhomItWasTold)
{
    intake::suppression_list list;
    const auto knows = [&](const core::person_key& who) { return list.contains(intake::suppression_digest(who)); };
    EXPECT_TRUE(list.empty());
    EXPECT_FALSE(knows(ada));
    list.remove(digests({ada}));
    EXPECT_TRUE(list.empty()) << "nobody was there";

    list.add(digests({bob, ada, bob}));
    list.add(digests({ada}));
    EXPECT_EQ(list.size(), 2U) << "each of them once";
    EXPECT_TRUE(knows(ada) && knows(bob));
    EXPECT_FALSE(knows({"email", "ada"})) << "a value of another type is somebody else";
    EXPECT_FALSE(knows({"user_i", "dada"})) << "type and value do not run together";
    EXPECT_FALSE(knows({"user_id", "Ada"}));

    list.remove(digests({ada, {"user_id", "cyd"}}));
    EXPECT_FALSE(knows(ada));
    EXPECT_TRUE(knows(bob));
    list.remove(digests({bob}));
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.dropped(), 0U) << "to look is not to drop";
}

TEST(SuppressionList, ManyStaySearchable)
{
    intake::suppression_list list;
    keys some;
    for (int i = 0; i < 400; i += 2) {
        some.push_back({"user_id", "u" + std::to_string(i)});
        if (some.size() < 50) continue;
        list.add(digests(some));
        some.clear();
    }
    EXPECT_EQ(list.size(), 200U);
    for (int i = 0; i < 400; ++i)
        EXPECT_EQ(list.contains(intake::suppression_digest({"user_id", "u" + std::to_string(i)})), i % 2 == 0) << i;
}

TEST(SuppressionList, TheStoreKeepsDigestsOfEachSpaceAndNoNames)
{
    suppressing_world w;
    const core::person_key email{"email", "ada@mail.example"};
    store::batch changes;
    intake::write_suppressed(changes, 1, digests({ada, email}));
    intake::write_suppressed(changes, 2, digests({bob}));
    ASSERT_TRUE(w.db->write(std::move(changes), store::durable::yes));
    std::string all;
    ASSERT_TRUE(w.db->scan(store::family::meta, "", "\xFF", [&](std::string_view key, std::string_view value) {
        all.append(key).append(value);
        return true;
    }));
    EXPECT_NE(all.find("suppressed/"), std::string::npos) << "it was written there";
    EXPECT_EQ(all.find(email.value), std::string::npos);

    w.restart();
    const auto read = [&](std::uint32_t space) {
        intake::suppression_list fresh;
        const auto found = intake::read_suppressed(*w.db, space);
        EXPECT_TRUE(found.has_value());
        if (found) fresh.add(*found);
        std::string out = std::to_string(fresh.size());
        for (const auto& one : {ada, bob, email})
            if (fresh.contains(intake::suppression_digest(one))) out += " " + one.value;
        return out;
    };
    EXPECT_EQ(read(1), "2 ada ada@mail.example");
    EXPECT_EQ(read(2), "1 bob");
    EXPECT_EQ(read(3), "0");

    store::batch lifted;
    intake::lift_suppressed(lifted, 1, digests({ada, bob}));
    ASSERT_TRUE(w.db->write(std::move(lifted), store::durable::yes));
    EXPECT_EQ(read(1), "1 ada@mail.example");
    EXPECT_EQ(read(2), "1 bob") << "another space's";
}

TEST(Suppression, ACallIsAnsweredAndCountedAndNotStored)
{
    suppressing_world w;
    w.suppress({ada, {"anonymous_id", "device"}});
    const int writes = w.db->durable_writes;
    for (const auto* body : {R"({"userId":"ada"})", R"({"userId":"ada","anonymousId":"other"})",
                             R"({"anonymousId":"device"})"}) {
        const auto answer = w.post("/v1/page", body);
        EXPECT_EQ(answer.status, 200U) << body;
        EXPECT_EQ(answer.body, R"({"success":true})") << "nobody can tell from the answer";
    }
    EXPECT_EQ(w.list->dropped(), 3U);
    EXPECT_TRUE(w.stored().empty());
    EXPECT_EQ(w.db->durable_writes, writes) << "nothing came to the disk";
    EXPECT_TRUE(w.woken.empty()) << "and there is nothing to resolve";
    EXPECT_EQ(w.metrics.value("lakeferry_intake_calls_total", {{"space", "acme"}}), 0);

    // Others are kept: bob, whoever is logged in on her device, and the same id in another space.
    EXPECT_EQ(w.post("/v1/page", page("bob")).status, 200U);
    EXPECT_EQ(w.post("/v1/page", R"({"userId":"bob","anonymousId":"device"})").status, 200U);
    EXPECT_EQ(w.post("/v1/page", page("ada"), "b-web:").status, 200U);
    EXPECT_EQ(w.stored().size(), 2U);
    EXPECT_EQ(w.stored(2), texts{page("ada")});
    EXPECT_EQ(w.list->dropped(), 3U);

    w.list->remove(digests({ada}));
    EXPECT_EQ(w.post("/v1/page", page("ada")).status, 200U);
    EXPECT_EQ(w.stored().size(), 3U) << "kept again";
}

TEST(Suppression, ABatchKeepsTheOthersAndCountsAll)
{
    suppressing_world w;
    w.suppress({ada});
    const auto mixed = w.post("/v1/batch", R"({"batch":[)" + page("ada") + "," + page("bob") +
                                               R"(,{"type":"page"},)" + page("ada") + "]}");
    EXPECT_EQ(mixed.status, 200U);
    EXPECT_EQ(field_of(mixed, "accepted"), "3") << "a dropped call was accepted";
    EXPECT_EQ(w.stored(), texts{page("bob")});
    EXPECT_EQ(w.list->dropped(), 2U);

    const auto only = w.post("/v1/batch", R"({"batch":[)" + page("ada") + "]}");
    EXPECT_EQ(only.status, 200U);
    EXPECT_EQ(only.body, R"({"success":true})");
    EXPECT_EQ(w.stored(), texts{page("bob")});
    EXPECT_EQ(w.list->dropped(), 3U);
}

TEST(Suppression, AWrongCallIsStillRefused)
{
    suppressing_world w;
    w.suppress({ada});
    EXPECT_EQ(w.post("/v1/track", R"({"userId":"ada"})").status, 400U) << "no event";
    EXPECT_EQ(w.post("/v1/page", page("ada"), "nobody:").status, 401U);
    EXPECT_EQ(w.list->dropped(), 0U);
}

TEST(Suppression, HoldsForImportedLines)
{
    suppressing_world w;
    w.suppress({ada});
    const auto begun = w.get(w.importer->begin(1, {"week.ndjson", 1000, "f1", "src-web"}));
    ASSERT_TRUE(begun.has_value());
    const std::string lines = page("ada") + "\n" + page("bob") + "\n" + page("ada") + "\n";
    const auto got = w.get(w.importer->chunk(1, {begun->id, 0, lines, true}));
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->accepted, 3U);
    EXPECT_EQ(got->refused, 0U);
    EXPECT_TRUE(got->position.finished);
    EXPECT_EQ(w.stored(), texts{page("bob")});
    EXPECT_EQ(w.list->dropped(), 2U);
}

TEST(Suppression, TakesWhatWaitsOutOfTheQueue)
{
    suppressing_world w;
    EXPECT_EQ(w.post("/v1/page", page("ada")).status, 200U);
    const std::string batch = R"({"context":{"ip":"1"},"batch":[)" + page("bob") + "," + page("ada") + "]}";
    EXPECT_EQ(w.post("/v1/batch", batch).status, 200U);
    EXPECT_EQ(w.post("/v1/page", page("ada"), "b-web:").status, 200U);
    EXPECT_EQ(w.drop_queued().value(), 0U) << "nobody is suppressed yet";

    w.suppress({ada});
    EXPECT_EQ(w.drop_queued().value(), 2U);
    const auto left = w.blocks();
    ASSERT_EQ(left.size(), 2U) << "an empty block keeps its arrival number";
    EXPECT_TRUE(left[0].texts.empty());
    EXPECT_EQ(left[1].texts, texts{page("bob")});
    EXPECT_EQ(left[1].envelope, R"({"context":{"ip":"1"}})");
    EXPECT_EQ(w.stored(2), texts{page("ada")}) << "another space";
    EXPECT_EQ(w.drop_queued().value(), 0U) << "a second time finds nothing";

    store::batch broken;
    broken.put(store::family::events, core::key32_64(1, 2), "no block");
    ASSERT_TRUE(w.db->write(std::move(broken), store::durable::yes));
    const auto damaged = w.drop_queued();
    ASSERT_TRUE(damaged.has_error());
    EXPECT_EQ(damaged.error().id, "events.damaged");
}

TEST(Suppression, KeptCopiesOfRefusedCallsGoWithThePerson)
{
    suppressing_world w;
    const core::people who{.segments = {"use_1"}, .identifiers = {{"email", "ada@mail.example"}, {"user_id", "7"}}};
    const struct {
        const char* text;
        bool theirs;
    } cases[] = {{R"({"type":"track","context":{"traits":{"email":"ada@mail.example"}}})", true},
                 {R"({"userId":"7"})", true},
                 {R"({"type":"track","userId":"ada@mail.exam)", false},
                 {R"(not JSON, and ada@mail.example in it)", true},
                 {R"({"userId":7})", false},  // a short number would be found in every timestamp
                 {R"({"userId":"bob","n":"77"})", false}};
    store::batch changes;
    std::uint64_t number = 0;
    for (const auto& c : cases)
        changes.put(store::family::refusals, core::key32_64(1, ++number),
                    intake::encode_refused({.at_us = 1, .reason = "bad_request", .text = c.text}));
    changes.put(store::family::refusals, core::key32_64(2, 1),
                intake::encode_refused({.at_us = 1, .text = cases[0].text}));
    ASSERT_TRUE(w.db->write(std::move(changes), store::durable::yes));

    store::batch removal;
    EXPECT_EQ(intake::erase_refusals(*w.db, 1, who, removal).value(), 3U);
    ASSERT_TRUE(w.db->write(std::move(removal), store::durable::yes));
    texts left;
    for (const auto& one : intake::list_refusals(*w.db, 1, 100).value()) left.insert(left.begin(), one.text);
    texts expected;
    for (const auto& c : cases)
        if (!c.theirs) expected.emplace_back(c.text);
    std::sort(left.begin(), left.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(left, expected);
    EXPECT_EQ(intake::list_refusals(*w.db, 2, 100)->size(), 1U) << "another space";
}
