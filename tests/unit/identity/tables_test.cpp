// Event tables, columns and types, duplicates: sections 2.1, 8.3 and 9 of the identity rules.
#include "tests/unit/identity/space_under_test.hpp"

#include "sync/core/names.hpp"
#include "sync/identity/progress.hpp"

namespace lakeferry::identity::test {
namespace {

TEST(EventTables, ATrackGivesTwoRows)
{
    space_under_test space;
    space.run({call("track", "m1", R"("event":"Order Completed","userId":"u","timestamp":"2026-01-15T10:00:00Z",
        "sentAt":"2026-01-15T10:00:05Z","properties":{"total":9.5,"items":[{"sku":1}],"shop":{"city":"Bonn"},"no":null,"none":{}},
        "context":{"app":{"version":"1.2"}},"integrations":{"All":true},"writeKey":"w","channel":"c")")},
              "2026-01-15T10:00:10Z");
    const auto tracks = space.rows("tracks");
    ASSERT_EQ(tracks.size(), 1U);
    EXPECT_EQ(json::serialize(tracks[0]).find("total"), std::string::npos) << "no properties in tracks";
    const auto rows = space.rows("order_completed");
    ASSERT_EQ(rows.size(), 1U);
    auto row = rows[0];
    EXPECT_EQ(text(row, "id"), "m1");
    EXPECT_EQ(text(row, "event"), "order_completed");
    EXPECT_EQ(text(row, "event_text"), "Order Completed");
    EXPECT_EQ(text(row, "user_id"), "u");
    EXPECT_FALSE(row.contains("anonymous_id"));
    EXPECT_EQ(text(row, "received_at"), "2026-01-15T10:00:10.000000Z");
    EXPECT_EQ(text(row, "sent_at"), "2026-01-15T10:00:05.000000Z");
    EXPECT_EQ(text(row, "original_timestamp"), "2026-01-15T10:00:00.000000Z");
    EXPECT_EQ(text(row, "timestamp"), "2026-01-15T10:00:05.000000Z");
    EXPECT_EQ(text(row, "event_source_id"), "web");
    EXPECT_EQ(text(row, "segment_id"), made_by("m1"));
    EXPECT_EQ(text(row, "total"), "9.5");
    EXPECT_EQ(text(row, "items"), R"([{"sku":1}])");
    EXPECT_EQ(text(row, "shop_city"), "Bonn");
    EXPECT_EQ(text(row, "context_app_version"), "1.2");
    EXPECT_EQ(row.size(), 14U) << json::serialize(row);
    EXPECT_EQ(space.type_of("order_completed", "total"), core::column_type::double_);
    EXPECT_EQ(space.type_of("order_completed", "items"), core::column_type::string);
}

TEST(EventTables, EveryTypeHasItsTableAndColumns)
{
    space_under_test space;
    space.run({call("identify", "1", R"("userId":"u","traits":{"plan":"p"})"),
               call("page", "2", R"("userId":"u","name":"Home","properties":{"name":"ignored","category":"c","url":"x"})"),
               call("screen", "3", R"("userId":"u","category":"top","properties":{"name":"from properties"})"),
               call("group", "4", R"("userId":"u","groupId":9,"traits":{"plan":"g"})"),
               call("alias", "5", R"("userId":"u","previousId":"old")")});
    EXPECT_EQ(text(space.rows("identifies").at(0), "plan"), "p");
    const auto page = space.rows("pages").at(0);
    EXPECT_EQ(text(page, "name"), "Home");
    EXPECT_EQ(text(page, "category"), "c");
    EXPECT_EQ(text(page, "url"), "x");
    const auto screen = space.rows("screens").at(0);
    EXPECT_EQ(text(screen, "name"), "from properties");
    EXPECT_EQ(text(screen, "category"), "top");
    EXPECT_EQ(text(space.rows("groups").at(0), "group_id"), "9");
    EXPECT_EQ(text(space.rows("groups").at(0), "plan"), "g");
    EXPECT_EQ(text(space.rows("aliases").at(0), "previous_id"), "old");
    EXPECT_EQ(text(space.rows("external_id_mapping_updates").at(1), "triggering_event_id"), "5");
}

TEST(EventTables, EventsWithOneTableNameShareItAndOwnNamesAreAvoided)
{
    space_under_test space;
    space.run({call("track", "1", R"("userId":"u","event":"Sign Up")"), call("track", "2", R"("userId":"u","event":"signUp")"),
               call("track", "3", R"("userId":"u","event":"Tracks")"), call("track", "4", R"("userId":"u","event":"Users")")});
    EXPECT_EQ(space.rows("sign_up").size(), 2U);
    EXPECT_EQ(space.rows("_tracks").size(), 1U);
    EXPECT_EQ(space.rows("_users").size(), 1U);
    EXPECT_EQ(space.find("sign_up")->number, first_event_table);
    EXPECT_EQ(space.find("_users")->number, first_event_table + 2);
}

TEST(EventTables, TwoValuesOfOneColumnTheLaterOneStands)
{
    space_under_test space;
    space.run({call("track", "1", R"("userId":"u","event":"E","properties":{"aB":1,"a_b":2,"a":{"b":null}})")});
    EXPECT_EQ(text(space.rows("e").at(0), "a_b"), "2");
}

TEST(EventTables, ABatchesContextIsMergedIn)
{
    space_under_test space;
    space.accept({R"({"type":"track","messageId":"1","userId":"u","event":"E","context":{"ip":"own"}})"}, noon, {},
                 R"({"context":{"ip":"batch","locale":"de"},"sentAt":"2026-02-01T11:59:59Z"})");
    space.resolve();
    const auto row = space.rows("tracks").at(0);
    EXPECT_EQ(text(row, "context_ip"), "own");
    EXPECT_EQ(text(row, "context_locale"), "de");
    EXPECT_EQ(text(row, "sent_at"), "2026-02-01T11:59:59.000000Z");
}

TEST(EventTables, ThePathGivesTheType)
{
    space_under_test space;
    space.accept({R"({"messageId":"1","userId":"u"})"}, noon, "page");
    space.resolve();
    EXPECT_EQ(space.rows("pages").size(), 1U);
}

TEST(Types, TheFirstNonNullValueDecides)
{
    space_under_test space;
    space.run({call("track", "1", R"("userId":"u","event":"E","properties":{"later":null,"b":true,"i":5,"d":5.5,
        "t":"2026-01-01T10:00:00.5Z","date":"2026-01-01","s":"x","a":[]})"),
               call("track", "2", R"("userId":"u","event":"E","properties":{"later":1})")});
    using enum core::column_type;
    EXPECT_EQ(space.type_of("e", "later"), bigint);
    EXPECT_EQ(space.type_of("e", "b"), boolean);
    EXPECT_EQ(space.type_of("e", "i"), bigint);
    EXPECT_EQ(space.type_of("e", "d"), double_);
    EXPECT_EQ(space.type_of("e", "t"), timestamp);
    EXPECT_EQ(space.type_of("e", "date"), string) << "a date alone is text";
    EXPECT_EQ(space.type_of("e", "s"), string);
    EXPECT_EQ(space.type_of("e", "a"), string);
    EXPECT_EQ(text(space.rows("e").at(0), "t"), "2026-01-01T10:00:00.500000Z");
}

TEST(Types, ALaterValueThatDoesNotFitIsRescuedAndTheRowLands)
{
    space_under_test space;
    space.run({call("track", "1", R"("userId":"u","event":"E","properties":{"n":5,"ok":1})")});
    const auto done = space.run({call("track", "2", R"("userId":"u","event":"E","properties":{"n":"five","ok":2})")});
    EXPECT_EQ(done.rescued, 1U);
    EXPECT_EQ(done.tables.at("e").rescued, 1U);
    const auto row = space.rows("e").at(1);
    EXPECT_FALSE(row.contains("n"));
    EXPECT_EQ(text(row, "ok"), "2");
    EXPECT_EQ(text(row, "_rescued_data"), R"({"n":"five"})");
    EXPECT_EQ(space.type_of("e", "n"), core::column_type::bigint);
}

TEST(Types, ColumnsOverTheLimitAreRescuedAndCounted)
{
    space_under_test space;
    // Few top-level keys, many columns.
    const auto wide = [](int from, int to) {
        std::string object = R"("userId":"u","event":"E","properties":{"o":{)";
        for (int i = from; i < to; ++i) object += (i == from ? "\"c" : ",\"c") + std::to_string(i) + "\":1";
        return object + "}}";
    };
    space.run({call("track", "1", wide(0, 1000))});
    const auto done = space.run({call("track", "2", wide(1000, 2000))});
    EXPECT_GT(done.notes.at("column_limit"), 400U);
    EXPECT_EQ(space.find("e")->columns.size(), columns_max);
    EXPECT_EQ(done.tables.at("e").rescued, 1U);
    const auto rescued = json::parse(text(space.rows("e").at(1), "_rescued_data")).as_object();
    EXPECT_EQ(rescued.at("o_c1999"), 1);
}

TEST(Duplicates, TheFirstAcceptedWins)
{
    space_under_test space;
    auto done = space.run({call("identify", "m", R"("userId":"u","traits":{"a":1})"),
                           call("identify", "m", R"("userId":"other","traits":{"a":2})")});
    EXPECT_EQ(done.duplicates, 1U);
    done = space.run({call("track", "m", R"("event":"E","userId":"u")")});
    EXPECT_EQ(done.duplicates, 1U) << "in a later step too";
    EXPECT_EQ(space.rows("identifies").size(), 1U);
    EXPECT_TRUE(space.rows("tracks").empty());
    EXPECT_EQ(space.rows("id_graph_updates").size(), 1U);
}

TEST(Duplicates, ABlankMessageIdIsNeverOne)
{
    space_under_test space;
    const auto done = space.run({R"({"type":"page","userId":"u"})", R"({"type":"page","userId":"u","messageId":""})",
                                 R"({"type":"page","userId":"u","messageId":null})"});
    EXPECT_EQ(done.duplicates, 0U);
    const auto ids = column(space.rows("pages"), "id");
    ASSERT_EQ(ids.size(), 3U);
    EXPECT_NE(ids[0], ids[1]);
    EXPECT_NE(ids[1], ids[2]);
    EXPECT_FALSE(ids[0].empty());
}

// A daemon that starts with an empty state directory counts from the start, and fills the same tables.
TEST(Duplicates, MadeUpIdsDifferBetweenStoresButNotBetweenReplays)
{
    const std::vector<std::string> calls{R"({"type":"page","userId":"u"})", R"({"type":"page","userId":"v"})"};
    const auto ids_at = [&](std::string_view received, const std::vector<std::string>& what) {
        space_under_test space;
        space.run(what, received);
        return column(space.rows("pages"), "id");
    };
    const auto first = ids_at(noon, calls);
    EXPECT_EQ(first, ids_at(noon, calls));
    const auto later = ids_at("2026-02-01T12:00:00.000001Z", calls);
    EXPECT_NE(first[0], later[0]) << "another time";
    EXPECT_NE(first[0], ids_at(noon, {calls[1], calls[0]})[0]) << "another call";
    EXPECT_NE(first[0], first[1]);
}

TEST(Seq, BeginsAboveWhatAnotherStateDirectoryWroteEarlier)
{
    space_under_test space;
    const auto graph_seq = [&] { return space.rows("id_graph_updates").back()["seq"].as_int64(); };
    space.run({call("page", "m1", R"("userId":"u1")")});
    const auto before = graph_seq();
    ASSERT_TRUE(raise_seq(*space.in, space.number, 1'800'000'000'000'000));
    space.reopen();
    space.run({call("page", "m2", R"("userId":"u2")")});
    EXPECT_GT(graph_seq(), 1'001'800'000'000'000'000) << before;
    // The clock was put back: seq goes on from where it was.
    const auto high = graph_seq();
    ASSERT_TRUE(raise_seq(*space.in, space.number, 1'700'000'000'000'000));
    ASSERT_TRUE(raise_seq(*space.in, space.number, -5));
    space.reopen();
    space.run({call("page", "m3", R"("userId":"u3")")});
    EXPECT_GT(graph_seq(), high);
    EXPECT_LT(graph_seq(), high + 100);
}

TEST(Duplicates, IdsAreForgottenAfterTheWindowOfReceiveTime)
{
    core::identity_settings rules;
    rules.dedupe_days = 2;
    space_under_test space({.rules = rules});
    space.run({call("page", "m", R"("userId":"u")")}, "2026-01-01T00:00:00Z");
    EXPECT_EQ(space.run({call("page", "m", R"("userId":"u")")}, "2026-01-03T00:00:00Z").duplicates, 1U);
    EXPECT_EQ(space.run({call("page", "m", R"("userId":"u")")}, "2026-01-03T00:00:00.000001Z").duplicates, 0U);
}

TEST(Catalog, FixedTablesExistFromTheStartWithWordsForEveryColumn)
{
    space_under_test space;
    const auto tables = known_tables(*space.in, 99);
    ASSERT_TRUE(tables);
    ASSERT_EQ(tables->size(), 13U);
    for (const auto& table : *tables) {
        EXPECT_FALSE(table.comment.empty()) << table.name;
        EXPECT_TRUE(core::is_reserved_table(table.name)) << table.name;
        EXPECT_NE(table.find("uuid_ts"), nullptr) << table.name;
        EXPECT_LE(table.cluster_by.size(), 4U);
        for (const auto& name : table.cluster_by) EXPECT_NE(table.find(name), nullptr) << table.name << "." << name;
        for (const auto& name : table.key) EXPECT_NE(table.find(name), nullptr) << table.name << "." << name;
        EXPECT_EQ(table.kind == core::table_kind::keyed, !table.key.empty());
        for (const auto& column : table.columns) EXPECT_FALSE(column.comment.empty()) << table.name << "." << column.name;
    }
}

TEST(Catalog, DynamicColumnsAndEventTablesAreKnownAfterwards)
{
    space_under_test space;
    space.run({call("identify", "1", R"("userId":"u","traits":{"plan":"p"},"context":{"ip":"1"})"),
               call("track", "2", R"("userId":"u","event":"Sign Up","properties":{"n":1})")});
    space.reopen();
    EXPECT_EQ(space.find("profile_traits_updates")->find("plan")->comment, "Trait of the profile; NULL if it is not set.");
    ASSERT_NE(space.find("profile_traits")->find("plan"), nullptr) << "profile_traits shows what its log has";
    EXPECT_EQ(space.find("profile_traits")->find("triggering_event_id"), nullptr);
    EXPECT_NE(space.find("identifies")->find("context_ip"), nullptr);
    EXPECT_NE(space.find("sign_up")->find("n"), nullptr);
    EXPECT_NE(space.find("sign_up")->comment.find("Sign Up"), std::string::npos);
    EXPECT_EQ(known_tables(*space.in, space_under_test::number)->size(), 14U);
}

TEST(Steps, NothingToDoWritesNothing)
{
    space_under_test space;
    const auto done = space.resolve();
    EXPECT_EQ(done.batch, 0U);
    EXPECT_EQ(done.blocks, 0U);
}

TEST(Steps, DamagedEventsAreSaidAndStay)
{
    space_under_test space;
    store::batch changes;
    changes.put(store::family::events, core::event_key(space_under_test::number, 1), "garbage");
    ASSERT_TRUE(space.in->write(std::move(changes), store::durable::yes));
    const auto done = space.get_resolver().step({});
    ASSERT_TRUE(done.has_error());
    EXPECT_EQ(done.error().id, "events.damaged");
    EXPECT_TRUE(space.in->get(store::family::events, core::event_key(space_under_test::number, 1))->has_value());
}

TEST(Steps, EventsAreRemovedOnceResolved)
{
    space_under_test space;
    for (int i = 0; i < 300; ++i) space.accept({call("page", std::to_string(i), R"("userId":"u")")});
    EXPECT_EQ(space.resolve().blocks, 300U);
    auto left = space.in->last(store::family::events, core::key32(space_under_test::number),
                               core::key32(space_under_test::number + 1));
    ASSERT_TRUE(left);
    EXPECT_FALSE(left->has_value());
}

TEST(Steps, NotesAddUpOverRestarts)
{
    space_under_test space;
    space.run({call("page", "1", R"("userId":"-1")")});
    space.reopen();
    space.run({call("page", "2", R"("userId":"-1")")});
    const auto notes = read_notes(*space.in, space_under_test::number);
    ASSERT_TRUE(notes);
    EXPECT_EQ(notes->at("no_identifiers"), 2U);
    EXPECT_EQ(notes->at("blocked"), 2U);
}

TEST(Steps, AFullDiskLeavesEverythingForTheNextStep)
{
    space_under_test space;
    space.accept({call("identify", "1", R"("userId":"u","traits":{"a":1})")});
    space.disk.fail_with(lakeferry::test::disk_fault::no_space);
    const auto refused = space.get_resolver().step({});
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().id, "store.disk_full");
    EXPECT_EQ(space.cache->entries(), 0U) << "nobody knows what was written";
    space.disk.fail_with(lakeferry::test::disk_fault::none);
    EXPECT_EQ(space.resolve().duplicates, 0U);
    EXPECT_EQ(space.rows("identifies").size(), 1U);
    EXPECT_EQ(space.rows("profile_traits_updates").size(), 1U);
}

}  // namespace
}  // namespace lakeferry::identity::test
