// Erasures: which rows are a person's, what the statements say (and never say), and what is kept of it.
#include "sync/profiles/erasure_record.hpp"
#include "sync/profiles/erasure_rows.hpp"
#include "sync/profiles/erasure_sql.hpp"
#include "sync/core/hash.hpp"
#include "tests/unit/profiles/outbox_fixture.hpp"
#include "tests/unit/profiles/sql_fixture.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::profiles;
using test::at;
using lakeferry::test::outbox_fixture;

namespace {

const core::people ada{.segments = {"use_a", "use_b"},
                       .identifiers = {{"user_id", "ada"}, {"anonymous_id", "dev \"1\""}, {"customer", "77"}}};

std::vector<std::string> columns(std::string_view type)
{
    if (type == "user_id") return {"user_id"};
    if (type == "anonymous_id") return {"anonymous_id", "previous_id"};
    if (type == "customer") return {"customer_id"};
    return {};
}

core::table tracks()
{
    return {.name = "tracks", .columns = {{"id"}, {"segment_id"}, {"user_id"}, {"original_timestamp"}}, .number = 8};
}

std::string lines_of(outbox_fixture& f, std::uint32_t number)
{
    std::string all;
    EXPECT_TRUE(f.store->scan(store::family::outbox, core::outbox_key(1, number, 0), core::outbox_key(1, number + 1, 0),
                              [&](std::string_view, std::string_view value) {
                                  all += core::decode_outbox_block(value).value().lines;
                                  return true;
                              }));
    return all;
}

}  // namespace

TEST(ErasureRows, KnowsWhoseARowIs)
{
    using v = row_matcher::verdict;
    const row_matcher who(ada, columns);
    struct {
        const char* line;
        bool events;
        v expected;
        const char* changed;
    } const cases[] = {
        {R"({"id":"1","segment_id":"use_a","user_id":"eve"})", true, v::remove, ""},
        {R"({"_op":"delete","canonical_segment_id":"use_b","seq":1})", false, v::remove, ""},
        {R"({"canonical_segment_id":"use_c","merged_to":"use_a"})", false, v::remove, ""},
        {R"({"id":"1","user_id":"ada"})", true, v::remove, ""},
        {R"({"id":"1","anonymous_id":"dev \"1\""})", true, v::remove, ""},
        {R"({"id":"1","previous_id":"dev \"1\""})", true, v::remove, ""},
        {R"({"id":"1","customer_id":77})", true, v::remove, ""},
        {R"({"id":"1","segment_id":"use_z","anonymous_id":"dev \"1\"","n":5})", true, v::blank,
         R"({"id":"1","segment_id":"use_z","n":5})"},
        {R"({"id":"1","segment_id":"use_z","context_external_ids":"[{\"id\":\"77\",\"type\":\"x\"},{\"id\":\"8\"}]"})", true,
         v::blank, R"({"id":"1","segment_id":"use_z","context_external_ids":"[{\"id\":\"8\"}]"})"},
        {R"({"id":"1","segment_id":"use_z","_rescued_data":"{\"customer_id\":77,\"n\":\"x\"}"})", true, v::blank,
         R"({"id":"1","segment_id":"use_z","_rescued_data":"{\"n\":\"x\"}"})"},
        {R"({"id":"1","segment_id":"use_z","friend":"ada","user_id":"adam"})", true, v::keep, ""},
        {R"({"segment_id":"use_z","user_id":"ada"})", false, v::keep, ""},
        {R"({"id":"1"})", true, v::keep, ""},
    };
    for (const auto& c : cases) {
        std::string changed;
        EXPECT_EQ(who.look(c.line, c.events, changed), c.expected) << c.line;
        if (c.expected == v::blank) EXPECT_EQ(changed, c.changed);
    }
}

TEST(ErasureRows, SweepsTheOutboxAndLeavesWhatIsUnderWay)
{
    outbox_fixture f;
    const auto t = tracks();
    const std::string hers = "{\"id\":\"1\",\"segment_id\":\"use_a\"}\n";
    const std::string his = "{\"id\":\"2\",\"segment_id\":\"use_z\"}\n";
    f.put(t, 1, hers + his, 2);
    f.put(t, 2, hers, 1);
    f.put(t, 3, hers + his, 2);  // after the cut: a new person's
    f.put(t, 4, his, 1);
    auto lane = t;
    lane.number |= core::fill_lane;
    f.put(lane, 9, hers + his, 2);
    const row_matcher who(ada, columns);
    const auto counted = sweep_outbox(*f.store, 1, {t}, who, 2, {}, {});
    ASSERT_TRUE(counted);
    EXPECT_EQ(counted->removed, 3U);
    EXPECT_EQ(lines_of(f, t.number), hers + his + hers + hers + his + his) << "counting changes nothing";

    load inside{.number = 1, .table = "tracks", .first_batch = 1, .last_batch = 1};
    std::uint64_t recorded = 0;
    const sweep_record record = [&](const outbox_sweep& so_far, store::batch&) { recorded = so_far.removed; };
    auto swept = sweep_outbox(*f.store, 1, {t}, who, 2, {inside}, record);
    ASSERT_TRUE(swept);
    EXPECT_EQ(swept->blocks_left, 1U) << "the statement of the load takes its rows from here";
    EXPECT_EQ(lines_of(f, t.number), hers + his + hers + his + his);
    EXPECT_EQ(lines_of(f, lane.number), his);
    swept = sweep_outbox(*f.store, 1, {t}, who, 2, {}, record);
    ASSERT_TRUE(swept);
    EXPECT_EQ(swept->removed, 1U);
    EXPECT_EQ(recorded, 1U);
    EXPECT_EQ(lines_of(f, t.number), his + hers + his + his);
}

TEST(ErasureSql, NeverSaysWhoItIsAbout)
{
    const auto slices = slices_of(ada, columns, "salt", "2026-01-01T00:00:00.000000Z");
    ASSERT_EQ(slices.size(), 1U);
    const erasure_target t{.name = "tracks", .events = true, .profile = {"segment_id"}, .identifiers = {"user_id", "anonymous_id"},
                           .external_ids = true, .rescued = true, .processed = true};
    const std::vector<erasure_target> all{t, {.name = "user_traits", .profile = {"canonical_segment_id"}}};
    for (const auto& sql : {census(at, all, slices[0], {"acme", 3, 0}), delete_rows(at, t, slices[0], {"acme", 3, 0}),
                            blank_rows(at, t, slices[0], {"acme", 3, 0}), event_tables_of(at, t, slices[0], {"acme", 3, 0})}) {
        for (const char* personal : {"'ada'", "dev ", "'77'"}) EXPECT_EQ(sql.find(personal), std::string::npos) << sql;
        EXPECT_NE(sql.find("use_a"), std::string::npos);
        EXPECT_NE(sql.find(core::sha256_hex("saltada")), std::string::npos);
    }
    // Who has no identifier columns is asked for profiles only, and nobody's rows are everybody's.
    EXPECT_EQ(delete_rows(at, all[1], slices[0], {"acme", 3, 0}),
              "/* lakeferry space=acme run=erasure-3 load=delete-user_traits */\nDELETE FROM `main`.`acme`.`user_traits` WHERE "
              "`canonical_segment_id` IN ('use_a', 'use_b')");
    const auto nobody = slices_of({}, columns, "salt", "");
    EXPECT_NE(delete_rows(at, t, nobody[0], {"acme", 3, 0}).find("WHERE false"), std::string::npos);
}

TEST(ErasureSql, LongListsTravelInBoundedStatements)
{
    core::people many;
    for (int i = 0; i < 450; ++i) {
        many.segments.push_back("use_" + std::to_string(i));
        many.identifiers.push_back({"user_id", std::to_string(i)});
    }
    const auto slices = slices_of(many, columns, "s", "");
    ASSERT_EQ(slices.size(), 3U);
    std::size_t segments = 0;
    std::size_t hashes = 0;
    for (const auto& one : slices) {
        EXPECT_LE(one.segments.size(), erasure_slice_max);
        segments += one.segments.size();
        hashes += one.by_column.at("user_id").size();
    }
    EXPECT_EQ(segments, 450U);
    EXPECT_EQ(hashes, 450U);
}

TEST(ErasureRecord, TheReceiptStaysAndWhomItWasAboutGoes)
{
    outbox_fixture f;
    erasure_book book(*f.store, 1);
    erasure e{.request = "ticket 7", .suppress = true, .salt = "abc", .asked = {receipt_hash("abc", {"email", "ada@mail.example"})}};
    e.local["profiles"] = 2;
    e.tables["tracks"] = {.removed = 3, .blanked = 1, .pending_removed = 4, .statements = {"s1"}, .error_id = "x", .error = "y"};
    erasure_work whom{.asked = {{"email", "ada@mail.example"}}, .barrier = 9, .cut_batch = 8, .who = ada};
    ASSERT_TRUE(book.begin(e, whom));
    EXPECT_EQ(e.number, 1U);
    erasure second;
    ASSERT_TRUE(book.begin(second, {}));
    EXPECT_EQ(second.number, 2U);

    const auto read = book.work(1);
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->asked, whom.asked);
    EXPECT_EQ((*read)->barrier, 9U);
    EXPECT_EQ((*read)->cut_batch, 8U);
    EXPECT_EQ((*read)->who.segments, ada.segments);
    EXPECT_EQ((*read)->who.identifiers, ada.identifiers);
    const auto found = book.find(1);
    ASSERT_TRUE(found && *found);
    EXPECT_EQ(to_json(**found), to_json(e));
    EXPECT_EQ(to_json(**found).find("ada"), std::string::npos);

    store::batch changes;
    book.forget_work(changes, 1);
    ASSERT_TRUE(f.store->write(std::move(changes), store::durable::yes));
    EXPECT_FALSE(book.work(1)->has_value());
    EXPECT_EQ(book.all()->size(), 2U);
    EXPECT_TRUE(erasure_from_json("{}").has_error());
    EXPECT_EQ(erasure_from_json("[").error().id, "erasures.damaged");
}
