// A profile table that was left out for a while is filled again from the store, through crashes.
#include "tests/support/landing_model/landing_world.hpp"

#include "sync/core/event_block.hpp"
#include "sync/core/keys.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/profiles/table_job.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

class shop {
public:
    explicit shop(std::uint64_t seed) : world(seed) {}

    // The calls go the whole way to the outbox.
    void accept(const std::vector<std::string>& calls)
    {
        core::event_block block{.sources = {"web"}};
        for (const auto& one : calls) block.calls.push_back({.text = one, .received_us = world.wall.now_us()});
        store::batch changes;
        changes.put(store::family::events, core::event_key(landing_world::space, ++arrival_), core::encode_event_block(block));
        for (const auto& t : identity::fixed_tables())
            if (t.name != "profile_traits")
                changes.put(store::family::schema, identity::table_key(landing_world::space, t.name), core::encode_table(t));
        rt::check(world.process().store->write(std::move(changes), store::durable::yes).has_value(), "the store takes it");
        identity::resolver resolver(*world.process().store,
                                    {.space_id = "acme", .space = landing_world::space, .select = world.config.profiles_sync.select},
                                    world.wall);
        rt::check(resolver.step({.two_threads = false}).has_value(), "the calls are resolved");
    }

    std::map<std::string, std::string> identifiers() const
    {
        std::map<std::string, std::string> holders;
        for (const auto& r : world.workspace.tables.find("main.acme.user_identifiers")->rows) {
            const bool first = holders.emplace(*r.at("type") + ":" + *r.at("value"), *r.at("canonical_segment_id")).second;
            EXPECT_TRUE(first) << "an identifier with two profiles";
        }
        return holders;
    }

    landing_world world;

private:
    std::uint64_t arrival_ = 0;
};

std::string identify(int n, const std::string& user, const std::string& anonymous)
{
    return R"({"type":"identify","messageId":"m)" + std::to_string(n) + R"(","userId":")" + user + R"(","anonymousId":")" + anonymous + "\"}";
}

}  // namespace

TEST(Backfill, ACrashAtAnyMomentEndsInWholeTables)
{
    for (int ms = 0; ms < 40'000; ms += 2'500) {
        shop s(static_cast<std::uint64_t>(ms) + 1);
        auto& w = s.world;
        s.accept({identify(1, "u1", "a1"), R"({"type":"identify","messageId":"m2","anonymousId":"a2"})"});
        ASSERT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
        ASSERT_EQ(s.identifiers().size(), 3U);
        w.config.profiles_sync.select.tables = {"!user_identifiers", "!id_graph_updates"};
        w.crash();
        s.accept({identify(3, "u1", "a2"), identify(4, "u9", "a9")});  // a merge that the table does not see
        ASSERT_EQ(w.sync().status, profiles::run_status::success);
        ASSERT_EQ(s.identifiers().size(), 3U);
        w.config.profiles_sync.select.tables.clear();
        w.crash();
        profiles::table_job job;
        job.tables = {"user_identifiers", "id_graph_updates", "external_id_mapping_updates"};
        const auto number = profiles::add_job(*w.process().store, landing_world::space, job).value().number;
        w.run_and_crash(std::chrono::milliseconds(ms));
        for (int i = 0; i < 3; ++i) w.sync();
        const auto jobs = profiles::all_jobs(*w.process().store, landing_world::space).value();
        ASSERT_EQ(jobs.back().number, number);
        ASSERT_EQ(jobs.back().step, profiles::job_step::done) << ms << " ms: " << jobs.back().error << w.log.text();
        const auto now = s.identifiers();
        ASSERT_EQ(now.size(), 5U) << "crash after " << ms << " ms";
        EXPECT_EQ(now.at("anonymous_id:a2"), now.at("user_id:u1")) << "the row under the old profile is gone";
        std::set<std::pair<std::string, std::string>> pairs;
        for (const auto& r : w.workspace.tables.find("main.acme.id_graph_updates")->rows)
            EXPECT_TRUE(pairs.emplace(*r.at("segment_id"), *r.at("canonical_segment_id")).second) << "a pair came twice";
        EXPECT_EQ(pairs.size(), 4U) << "two creations landed before; the merge and the third creation were filled";
        EXPECT_FALSE(w.get(w.process().sync->due()).value());
    }
}
