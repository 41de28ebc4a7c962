// Forgetting people over time and through faults: whatever happens in between, in the end nothing that names them is left
// anywhere, nobody else has lost a row, and the receipt counts what was there.
#include "sync/core/outbox_block.hpp"
#include "sync/identity/erase.hpp"
#include "tests/sim/daemon_world.hpp"
#include "tests/support/world/seeds.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>
#include <rocksdb/env.h>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> needles{"ada@mail.example", "ada-the-user", "device-of-ada"};

void send(daemon_world& w, const std::vector<std::string>& calls)
{
    std::string body = R"({"writeKey":"wk-space0","batch":[)";
    for (const auto& one : calls) body += (body.back() == '[' ? "" : ",") + one;
    EXPECT_EQ(w.post("/v1/batch", "space0", body + "]}").status, 200U);
}

std::string call(const std::string& type, const std::string& id, const std::string& rest)
{
    return R"({"type":")" + type + R"(","messageId":")" + id + "\"," + rest + "}";
}

// Ada on her device, then by name, then both: one profile merged into the other. Bob used her device once.
std::vector<std::string> first_calls()
{
    return {call("track", "a1", R"("anonymousId":"device-of-ada","event":"Seen","properties":{"n":1})"),
            call("identify", "a2", R"("userId":"ada-the-user","traits":{"email":"ada@mail.example","plan":"gold"})"),
            call("identify", "a3", R"("userId":"ada-the-user","anonymousId":"device-of-ada","traits":{"city":"Rome"})"),
            call("identify", "b1", R"("userId":"bob","traits":{"email":"bob@mail.example"})"),
            call("track", "b2", R"("userId":"bob","anonymousId":"device-of-ada","event":"Seen","properties":{"n":2})"),
            call("track", "c1", R"("userId":"cyd","event":"Left","properties":{"n":3})")};
}

std::vector<std::string> later_calls(const std::string& stem)
{
    return {call("track", stem + "1", R"("userId":"ada-the-user","event":"Bought","properties":{"n":4})"),
            call("track", stem + "2", R"("userId":"cyd","event":"Bought","properties":{"n":5})"),
            call("identify", stem + "3", R"("userId":"ada-the-user","traits":{"email":"ada@mail.example","plan":"none"})")};
}

std::uint64_t ask(daemon_world& w, const std::vector<std::string>& who, bool suppress = false)
{
    daemon::erase_request what{.suppress = suppress};
    for (const auto& one : who) what.people.push_back(*identity::parse_person_key(one));
    auto* runner = w.core().space("space0");
    auto begun = w.get(runner->erasures()->ask(std::move(what)));
    EXPECT_TRUE(begun);
    runner->wake_erasures();
    return begun ? begun->number : 0;
}

profiles::erasure receipt(daemon_world& w, std::uint64_t number)
{
    auto all = w.get(w.core().space("space0")->erasures()->all());
    for (const auto& one : *all)
        if (one.number == number) return one;
    ADD_FAILURE() << "no receipt " << number;
    return {};
}

profiles::erasure wait_for(daemon_world& w, std::uint64_t number)
{
    for (int i = 0; i < 600; ++i) {
        const auto now = receipt(w, number);
        if (!now.open()) return now;
        w.pass(5s);
    }
    const auto last = receipt(w, number);
    ADD_FAILURE() << "never done: " << profiles::to_json(last) << "\n" << w.log.text();
    return last;
}

std::vector<std::string> ids_of_ada(daemon_world& w)
{
    auto& in = w.core().inside().store;
    const std::vector<core::person_key> who{{"user_id", "ada-the-user"}};
    return identity::find_people(in, w.core().space("space0")->number(), who, {})->names.segments;
}

// The bytes on disk: the log and the files of the store, with all that they still hold of removed values.
std::string bytes_on_disk(daemon_world& w)
{
    std::string all;
    std::vector<std::string> names;
    EXPECT_TRUE(w.disk.env()->GetChildren("/state/store", &names).ok());
    for (const auto& name : names) all += w.disk.read("/state/store/" + name);
    return all;
}

void expect_nowhere(daemon_world& w, const std::vector<std::string>& words, bool files = true)
{
    for (unsigned f = 0; f < store::family_count; ++f) {
        auto read = w.core().inside().store.scan(
            static_cast<store::family>(f), "", "\xff\xff\xff\xff\xff", [&](std::string_view key, std::string_view value) {
                std::string text(value);
                if (static_cast<store::family>(f) == store::family::outbox)
                    if (auto block = core::decode_outbox_block(value)) text = block->lines;
                for (const auto& word : words)
                    EXPECT_TRUE(key.find(word) == std::string_view::npos && text.find(word) == std::string::npos)
                        << word << " in family " << f << ": " << text;
                return true;
            });
        EXPECT_TRUE(read);
    }
    for (const auto& name : w.workspace.tables.names())
        for (const auto& row : w.workspace.tables.dump(name))
            for (const auto& word : words) EXPECT_EQ(row.find(word), std::string::npos) << word << " in " << name << ": " << row;
    EXPECT_TRUE(w.workspace.files.empty()) << w.workspace.files.begin()->first;
    for (const auto& text : w.statements)
        for (const auto& word : needles) EXPECT_EQ(text.find(word), std::string::npos) << word << " was sent: " << text;
    if (!files) return;
    const auto bytes = bytes_on_disk(w);
    for (const auto& word : needles) EXPECT_EQ(bytes.find(word), std::string::npos) << word << " in the bytes of the store";
}

// Rows of the others, by what they are about.
std::map<std::string, std::vector<std::string>> rows_of_others(daemon_world& w, const std::vector<std::string>& ada)
{
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& name : w.workspace.tables.names())
        for (const auto& row : w.workspace.tables.dump(name, {"anonymous_id", "uuid_ts"})) {
            const bool hers = std::any_of(ada.begin(), ada.end(), [&](const auto& id) { return row.find(id) != std::string::npos; });
            if (!hers && name.find("_lakeferry") == std::string::npos) out[name].push_back(row);
        }
    return out;
}

}  // namespace

TEST(Erasure, RemovesAMergedPersonEverywhereAndNobodyElse)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    const auto ada = ids_of_ada(w);
    ASSERT_EQ(ada.size(), 2U);
    const auto others = rows_of_others(w, ada);
    send(w, later_calls("x"));  // resolved, not landed
    w.pass(1s);
    auto gone = needles;
    gone.insert(gone.end(), ada.begin(), ada.end());
    for (const auto& word : needles) ASSERT_NE(bytes_on_disk(w).find(word), std::string::npos) << "there is something to remove";

    const auto done = wait_for(w, ask(w, {"email:ada@mail.example"}));
    EXPECT_EQ(done.state, profiles::erasure_state::complete) << done.error;
    EXPECT_EQ(done.people, 1U);
    EXPECT_EQ(done.segment_ids, 2U);
    EXPECT_EQ(done.identifiers, 3U);
    EXPECT_GT(done.local.at("outbox_rows"), 0U);
    EXPECT_GT(done.rows_removed(), 5U);
    EXPECT_EQ(done.tables.at("tracks").removed, 1U);
    EXPECT_EQ(done.tables.at("tracks").blanked, 1U) << "the row of Bob, who used her device";
    EXPECT_FALSE(done.tables.at("tracks").statements.empty());
    expect_nowhere(w, gone);
    EXPECT_EQ(rows_of_others(w, ada), others);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    expect_nowhere(w, gone, false);

    // Back again: somebody new.
    send(w, later_calls("y"));
    ASSERT_TRUE(w.sync("space0"));
    const auto again = ids_of_ada(w);
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(std::find(ada.begin(), ada.end(), again[0]), ada.end()) << "ids are not used again";
}

// With many tables of events, tracks is asked which of them can hold the person.
TEST(Erasure, FindsHerTablesAmongMany)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    std::vector<std::string> many;
    for (int i = 0; i < 14; ++i)
        many.push_back(call("track", "m" + std::to_string(i),
                            (i == 5 ? R"("userId":"ada-the-user")" : R"("userId":"cyd")") + std::string(R"(,"event":"Step )") +
                                std::to_string(i) + "\""));
    send(w, many);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    const auto others = rows_of_others(w, ids_of_ada(w));
    const auto done = wait_for(w, ask(w, {"user_id:ada-the-user"}));
    EXPECT_EQ(done.state, profiles::erasure_state::complete) << done.error;
    EXPECT_EQ(done.tables.at("step_5").removed, 1U);
    EXPECT_TRUE(std::any_of(w.statements.begin(), w.statements.end(),
                            [](const auto& text) { return text.find("SELECT DISTINCT `event`") != std::string::npos; }));
    EXPECT_TRUE(std::none_of(w.statements.begin(), w.statements.end(), [](const auto& text) {
        return text.find("DELETE FROM") != std::string::npos && text.find("`step_6`") != std::string::npos;
    })) << "a table without a row of hers is left alone";
    expect_nowhere(w, needles);
    EXPECT_EQ(rows_of_others(w, {}), others);
}

TEST(Erasure, SuppressedCallsAreAcceptedAndDropped)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    const auto done = wait_for(w, ask(w, {"anonymous_id:device-of-ada"}, true));
    EXPECT_EQ(done.state, profiles::erasure_state::complete) << done.error;
    w.crash();
    w.start();
    send(w, later_calls("x"));
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    expect_nowhere(w, needles);
    EXPECT_EQ(w.core().view().spaces.at(0).suppressed_calls, 2U);
    const auto landed = w.landed_ids("space0", "tracks");
    EXPECT_NE(std::find(landed.begin(), landed.end(), "x2"), landed.end()) << "others are kept";
    // Bob on her device is Bob.
    send(w, {call("track", "b9", R"("userId":"bob","anonymousId":"device-of-ada","event":"Seen")")});
    EXPECT_EQ(w.core().view().spaces.at(0).suppressed_calls, 2U);

    const std::vector<core::person_key> ada{{"user_id", "ada-the-user"}, {"email", "ada@mail.example"}};
    ASSERT_TRUE(w.get(w.core().space("space0")->erasures()->suppress(ada, true)));
    send(w, {call("track", "z1", R"("userId":"ada-the-user","event":"Seen")")});
    ASSERT_TRUE(w.sync("space0"));
    EXPECT_EQ(ids_of_ada(w).size(), 1U);
}

TEST(Erasure, CrashesAtAnyPointChangeNothing)
{
    for (std::uint64_t seed = 1; seed <= seeds(6); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        daemon_world w(seed);
        w.start();
        send(w, first_calls());
        ASSERT_TRUE(w.sync("space0")) << w.log.text();
        const auto ada = ids_of_ada(w);
        const auto others = rows_of_others(w, ada);
        send(w, later_calls("x"));
        // A load of hers may be under way when she asks.
        if (seed % 2 == 0) w.core().space("space0")->request_sync();
        w.pass(std::chrono::milliseconds(w.rng() % 2000));
        const auto number = ask(w, {"user_id:ada-the-user", "email:nobody@mail.example"}, seed % 3 == 0);
        for (int i = 0; i < 3; ++i) {
            w.pass(std::chrono::milliseconds(w.rng() % 4000));
            w.crash();
            w.start();
            ASSERT_TRUE(w.core().ready()) << w.log.text();
        }
        const auto done = wait_for(w, number);
        EXPECT_EQ(done.people, 1U);
        EXPECT_EQ(done.unknown, 1U);
        EXPECT_GE(done.tables.at("identifies").removed, 2U);
        EXPECT_LE(done.tables.at("identifies").removed, 3U) << "each row is counted once, whatever was cut off";
        auto gone = needles;
        gone.insert(gone.end(), ada.begin(), ada.end());
        expect_nowhere(w, gone);
        ASSERT_TRUE(w.sync("space0")) << w.log.text();
        expect_nowhere(w, gone, false);
        for (const auto& [table, rows] : others) {
            auto now = rows_of_others(w, ada)[table];
            for (const auto& row : rows) EXPECT_EQ(std::count(now.begin(), now.end(), row), 1) << table << ": " << row;
        }
    }
}

TEST(Erasure, StaysOpenWhileTheWorkspaceRefusesAndSaysWhy)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    ASSERT_TRUE(w.sync("space0"));
    const auto ada = ids_of_ada(w);
    w.workspace.inject(fake_databricks::statement_fault{
        .kind = fake_databricks::statement_fault_kind::fails,
        .text = "DELETE FROM `main`.`space0`.`tracks`",
        .error = {{}, "42501", "BAD_REQUEST",
                  "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have MODIFY on Table 'main.space0.tracks'. SQLSTATE: 42501"}});
    const auto number = ask(w, {"user_id:ada-the-user"});
    w.pass(2min);
    const auto open = receipt(w, number);
    EXPECT_TRUE(open.open());
    EXPECT_EQ(open.error_id, "permission.missing") << open.error;
    EXPECT_NE(open.error.find("GRANT MODIFY"), std::string::npos) << open.error;
    EXPECT_EQ(open.tables.at("tracks").removed, 0U);
    EXPECT_GT(open.tables.at("identifies").removed, 0U) << "the other tables do not wait";
    EXPECT_EQ(w.core().view().spaces.at(0).erasures_open, 1U);
    EXPECT_TRUE(ids_of_ada(w).empty()) << "what is here is gone at once";
    w.pass(11min);  // the next run
    EXPECT_FALSE(receipt(w, number).open()) << receipt(w, number).error;
    EXPECT_EQ(w.core().view().spaces.at(0).erasures_open, 0U);
    auto gone = needles;
    gone.insert(gone.end(), ada.begin(), ada.end());
    expect_nowhere(w, gone);
}

TEST(Erasure, OfSomebodyUnknownIsAReceiptWithZeros)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    ASSERT_TRUE(w.sync("space0"));
    const auto before = w.workspace.tables.dump("main.space0.tracks");
    const auto done = wait_for(w, ask(w, {"email:eve@mail.example"}));
    EXPECT_EQ(done.state, profiles::erasure_state::complete) << done.error;
    EXPECT_EQ(done.people, 0U);
    EXPECT_EQ(done.unknown, 1U);
    EXPECT_EQ(done.rows_removed(), 0U);
    EXPECT_TRUE(done.tables.empty());
    EXPECT_EQ(w.workspace.tables.dump("main.space0.tracks"), before);
    auto refused = w.get(w.core().space("space0")->erasures()->ask({}));
    ASSERT_TRUE(refused.has_error());
    EXPECT_EQ(refused.error().id, "erase.nobody");
}

TEST(Erasure, CountsWithoutRemoving)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    ASSERT_TRUE(w.sync("space0"));
    const auto before = w.workspace.tables.dump("main.space0.identifies");
    const auto counted = w.get(w.core().space("space0")->count_erasure({.people = {{"user_id", "ada-the-user"}}}));
    ASSERT_TRUE(counted) << counted.error().detail;
    EXPECT_EQ(counted->tables.at("identifies").removed, 2U);
    EXPECT_EQ(counted->local.at("profiles"), 2U);
    EXPECT_EQ(w.workspace.tables.dump("main.space0.identifies"), before);
    EXPECT_EQ(ids_of_ada(w).size(), 2U);
    EXPECT_TRUE(w.get(w.core().space("space0")->erasures()->all())->empty());
    const auto done = wait_for(w, ask(w, {"user_id:ada-the-user"}));
    EXPECT_EQ(done.tables.at("identifies").removed, counted->tables.at("identifies").removed);
    EXPECT_EQ(done.rows_removed(), counted->rows_removed());
}

TEST(Erasure, VacuumFollowsWhenTheRetentionHasPassed)
{
    daemon_world w;
    w.start();
    send(w, first_calls());
    ASSERT_TRUE(w.sync("space0"));
    daemon::erase_request what{.people = {{"user_id", "ada-the-user"}}, .vacuum = true};
    auto* runner = w.core().space("space0");
    const auto begun = w.get(runner->erasures()->ask(std::move(what)));
    runner->wake_erasures();
    const auto waiting = wait_for(w, begun->number);
    EXPECT_EQ(waiting.state, profiles::erasure_state::vacuum_due);
    const auto sent = [&w](std::string_view text) {
        return std::count_if(w.statements.begin(), w.statements.end(),
                             [&](const auto& s) { return s.find(text) != std::string::npos; });
    };
    EXPECT_EQ(sent("REORG TABLE"), static_cast<std::ptrdiff_t>(waiting.tables.size()));
    EXPECT_EQ(sent("VACUUM"), 0);
    w.pass(15min);
    EXPECT_EQ(receipt(w, begun->number).state, profiles::erasure_state::vacuum_due);
    w.wall.step(7LL * 24 * 3600 * 1'000'000);
    w.pass(15min);
    EXPECT_EQ(receipt(w, begun->number).state, profiles::erasure_state::complete);
    EXPECT_EQ(sent("VACUUM"), static_cast<std::ptrdiff_t>(waiting.tables.size()));
}
