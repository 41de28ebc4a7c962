// Two daemons on one schema: one lands, the other says who it is and waits; whoever was taken over from changes
// nothing.
#include "tests/sim/landing/rows.hpp"
#include "tests/support/landing_model/landing_model.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

std::map<std::string, std::string> owner(const landing_world& w)
{
    const auto* t = w.workspace.tables.find("main.acme._lakeferry_loads");
    return t == nullptr ? std::map<std::string, std::string>() : t->properties;
}

}  // namespace

TEST(Lease, TheSecondDaemonStopsNamesTheFirstAndKeepsItsRows)
{
    landing_world w;
    w.put_append(1, tracks_table(), {track("one")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    fake_disk disk;
    auto other = w.another(disk, "h2");
    w.put(*other, 1, tracks_table(), {track("two")});
    w.texts.clear();
    const auto refused = w.sync(*other);
    EXPECT_EQ(refused.status, profiles::run_status::failed);
    EXPECT_EQ(refused.error_id, "lease.held");
    const std::string first = owner(w).at("lakeferry.owner");
    for (const std::string& part :
         {std::string("space acme on host h1"), "state directory " + first, std::string("since 20"),
          std::string("(host h2"), std::string("lakeferry takeover acme")})
        EXPECT_NE(refused.error.find(part), std::string::npos) << part << " is not in: " << refused.error;
    EXPECT_TRUE(w.texts.empty()) << "no statement, so nothing is woken";
    EXPECT_EQ(w.rows_in("tracks"), 1U);
    EXPECT_TRUE(w.get(other->sync->due()).value());
    w.put_append(2, tracks_table(), {track("three")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << "the first one goes on";
    w.end(std::move(other));
}

TEST(Lease, ATakeOverMovesTheLeaseAndStopsTheOtherDaemon)
{
    landing_world w;
    w.put_append(1, traits_table(), {trait("p1", "old", 1)});
    w.sync();
    fake_disk disk;
    auto other = w.another(disk, "h2");
    w.put(*other, 1, traits_table(), {trait("p1", "new", 10)});
    other->sync->take_over();
    const auto taken = w.sync(*other);
    EXPECT_EQ(taken.status, profiles::run_status::success) << taken.error << w.log.text();
    EXPECT_EQ(owner(w).at("lakeferry.host"), "h2");
    EXPECT_EQ(owner(w).at("lakeferry.term"), "2");
    EXPECT_EQ(w.log.count("lease.taken"), 1U);
    EXPECT_NE(w.landed("user_traits").front().find("value=new"), std::string::npos);
    w.put_append(2, traits_table(), {trait("p1", "late", 20)});
    EXPECT_EQ(w.sync().error_id, "lease.held");
    EXPECT_NE(w.landed("user_traits").front().find("value=new"), std::string::npos);
    // And back, with the rows that it kept.
    w.process().sync->take_over();
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_NE(w.landed("user_traits").front().find("value=late"), std::string::npos);
    EXPECT_EQ(owner(w).at("lakeferry.term"), "3");
    w.end(std::move(other));
}

TEST(Lease, ASchemaOfAnOlderVersionIsClaimedWithOneStatement)
{
    landing_world w;
    w.put_append(1, tracks_table(), {track("one")});
    w.sync();
    w.workspace.tables.find("main.acme._lakeferry_loads")->properties.clear();
    w.texts.clear();
    w.put_append(2, tracks_table(), {track("two")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.statements_with("SET TBLPROPERTIES"), 1U);
    EXPECT_EQ(owner(w).at("lakeferry.host"), "h1");
    w.texts.clear();
    w.put_append(3, tracks_table(), {track("three")});
    w.sync();
    EXPECT_EQ(w.statements_with("TBLPROPERTIES"), 0U);
}

// Its statement runs after the other daemon took over: the fence stops it, and it does not take that for success.
TEST(Lease, AZombieOwnerChangesNothingAndKeepsItsRows)
{
    landing_world w;
    w.put_append(1, traits_table(), {trait("p1", "old", 1)});
    w.sync();
    w.put_append(2, traits_table(), {trait("p1", "zombie", 99)});
    // Stopped right before its statement is sent; when it goes on, the schema is another's.
    bool done = false;
    w.workspace.execute_with([&, model = landing_executor(w.workspace)](const fake_databricks::statement_call& call) {
        const bool its = call.what.text.find("MERGE INTO `main`.`acme`.`user_traits`") != std::string::npos;
        if (its && !done) {
            done = true;
            w.workspace.tables.find("main.acme._lakeferry_loads")->properties["lakeferry.owner"] = "another";
            (void)w.workspace.tables.move_fence("main.acme._lakeferry_loads", "*", 1'000'000'000);
        }
        return model(call);
    });
    const auto report = w.sync();
    EXPECT_EQ(report.error_id, "lease.fenced") << report.error << w.log.text();
    EXPECT_NE(w.landed("user_traits").front().find("value=old"), std::string::npos);
    EXPECT_TRUE(w.get(w.process().sync->due()).value());
    EXPECT_EQ(w.sync().error_id, "lease.held");
}

// Both crash, come back and take over from each other, in bad weather: every row of a log once, and the current table
// is what the last owner's rows say on top of the others'.
TEST(Lease, TwoDaemonsInTurnLoseAndDoubleNothing)
{
    for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        landing_world w(seed);
        fake_disk disk;
        auto other = w.another(disk, "h2");
        auto bad = rough_weather();
        bad.revoked = 0;
        bad.statement_closed = 0;
        std::set<std::string> ids;
        std::uint64_t seq = 0;
        std::string newest;
        for (std::uint64_t batch = 1; batch <= 6; ++batch) {
            for (const bool first : {true, false}) {
                auto& daemon = first ? w.process() : *other;
                const std::string id = (first ? "a" : "b") + std::to_string(batch);
                ids.insert(id);
                w.put(daemon, batch, tracks_table(), {track(id)});
                newest = id;
                w.put(daemon, batch, traits_table(), {trait("p1", id, ++seq)});
            }
            w.workspace.set_weather(bad);
            auto& runs = w.rng() % 2 == 0 ? w.process() : *other;
            if (w.rng() % 2 == 0) runs.sync->take_over();
            auto ended = w.get(runs.sync->run("manual"));
            ASSERT_TRUE(ended.has_value());
            if (w.rng() % 3 == 0) w.crash();
        }
        w.workspace.set_weather({});
        for (int turn = 0; turn < 2; ++turn) {
            w.process().sync->take_over();
            EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
            other->sync->take_over();
            const auto last = w.sync(*other);
            EXPECT_EQ(last.status, profiles::run_status::success) << last.error << w.log.text();
        }
        w.pass(10min);  // zombies have their chance
        const auto rows = w.landed("tracks");
        EXPECT_EQ(rows.size(), ids.size());
        EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), ids.size()) << "a row is doubled";
        ASSERT_EQ(w.rows_in("user_traits"), 1U);
        EXPECT_NE(w.landed("user_traits").front().find("value=" + newest + "|"), std::string::npos)
            << w.landed("user_traits").front();
        w.end(std::move(other));
    }
}
