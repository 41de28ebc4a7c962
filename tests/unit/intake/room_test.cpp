// When the disk or the backlog is full: said before bodies are read, nothing lost, taken up again by itself.
#include "tests/support/noise.hpp"
#include "tests/unit/intake/intake_world.hpp"

#include <set>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

TEST(Room, AFullDiskIsSaidBeforeTheBodyIsReadUntilItTakesCallsAgain)
{
    intake_world w;
    w.db->fail_with = failure_of("store.disk_full");
    const auto first = w.post("/v1/page", page(1));
    EXPECT_EQ(first.status, 503U);
    EXPECT_EQ(field_of(first, "code"), "disk_full");
    EXPECT_EQ(first.fields.find("Retry-After"), "5");
    const int writes = w.db->writes;
    http::headers fields = intake_world::json_fields("k-web:");
    http::request_head head{"POST", "/v1/page", &fields, 100};
    const auto early = w.service->admit(head);
    ASSERT_TRUE(early);
    EXPECT_EQ(early->status, 503U);
    EXPECT_EQ(w.db->writes, writes);

    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 503U) << "one may try";
    EXPECT_EQ(w.log.count("intake.disk_full"), 1U) << "said once";
    w.db->fail_with.reset();
    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U);
    EXPECT_EQ(w.post("/v1/page", page(2)).status, 200U);
    EXPECT_EQ(w.log.count("intake.disk_recovered"), 1U);
    EXPECT_EQ(w.calls(), 2U);
}

TEST(Room, TheRealStoreOnAFullDiskRefusesAndRecovers)
{
    intake_world w;
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U);
    w.disk.fail_with(disk_fault::no_space);
    EXPECT_EQ(w.post("/v1/page", page(2)).status, 503U);
    w.disk.fail_with(disk_fault::none);
    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(3)).status, 200U);
    w.restart();
    std::set<std::string> kept;
    for (const auto& block : w.blocks()) kept.insert(block.texts.at(0));
    EXPECT_TRUE(kept.contains(page(1)));
    EXPECT_TRUE(kept.contains(page(3)));
}

TEST(Room, ABacklogThatIsTooLargeStopsIntakeUntilItHasGoneDown)
{
    core::limits limits;
    intake::acceptor_settings settings;
    settings.backlog_bytes_max = 1000;
    settings.measure_every_bytes = 1;
    intake_world w(limits, settings);
    w.db->pretended_bytes = 500;
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U);
    w.db->pretended_bytes = 5000;
    EXPECT_EQ(w.post("/v1/page", page(2)).status, 200U) << "was written before the measurement";
    const auto no = w.post("/v1/page", page(3));
    EXPECT_EQ(no.status, 503U);
    EXPECT_EQ(field_of(no, "code"), "backlog_full");
    EXPECT_TRUE(no.fields.find("Retry-After"));
    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(4)).status, 503U) << "measured again, still full, nothing written";
    EXPECT_EQ(w.calls(), 2U);
    EXPECT_EQ(w.metrics.value("lakeferry_intake_backlog_bytes"), 5000);
    w.db->pretended_bytes = 800;
    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(5)).status, 200U);
    EXPECT_EQ(w.calls(), 3U);
    EXPECT_EQ(w.log.count("intake.backlog_full"), 1U);
    EXPECT_EQ(w.log.count("intake.backlog_drained"), 1U);
}

// Whoever refuses calls writes nothing, and where nothing is written RocksDB frees nothing by itself.
TEST(Room, WhatHasBeenResolvedIsNoBacklogAlthoughItIsStillOnTheDisk)
{
    core::limits limits;
    intake::acceptor_settings settings;
    settings.backlog_bytes_max = 4U << 20U;
    settings.measure_every_bytes = 1;
    intake_world w(limits, settings);
    test::noise noise(1);
    for (std::uint32_t i = 0; i < 200; ++i) {
        store::batch block;
        block.put(store::family::events, core::event_key(900, i), noise(64U << 10U));
        ASSERT_TRUE(w.db->write(std::move(block), store::durable::no));
    }
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U) << "was written before the measurement";
    const auto no = w.post("/v1/page", page(2));
    EXPECT_EQ(field_of(no, "code"), "backlog_full") << no.body;
    store::batch resolved;
    resolved.remove_range(store::family::events, core::event_key(900, 0), core::event_key(900, 200));
    ASSERT_TRUE(w.db->write(std::move(resolved), store::durable::no));
    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(3)).status, 200U);
    EXPECT_LT(w.metrics.value("lakeferry_intake_backlog_bytes"), 1U << 20U);
    EXPECT_EQ(w.log.count("intake.backlog_drained"), 1U);
}

TEST(Room, CallsLeaveTheLastOfTheDiskToTheWorkThatDrainsThem)
{
    core::limits limits;
    intake::acceptor_settings settings;
    settings.disk_free_min = 1000;
    intake_world w(limits, settings);
    w.db->pretended_free = 1000;
    EXPECT_EQ(w.post("/v1/page", page(1)).status, 200U);
    w.db->pretended_free = 999;
    EXPECT_EQ(w.post("/v1/page", page(2)).status, 200U) << "was written before the measurement";
    const auto no = w.post("/v1/page", page(3));
    EXPECT_EQ(no.status, 503U);
    EXPECT_EQ(field_of(no, "code"), "disk_full");
    EXPECT_NE(field_of(no, "message").find("999"), std::string::npos);
    EXPECT_EQ(no.fields.find("Retry-After"), "5");
    w.pass(6s);
    const int writes = w.db->writes;
    EXPECT_EQ(w.post("/v1/page", page(4)).status, 503U) << "measured again, still too little, nothing written";
    EXPECT_EQ(w.db->writes, writes);
    w.db->pretended_free = 2000;
    w.pass(6s);
    EXPECT_EQ(w.post("/v1/page", page(5)).status, 200U);
    EXPECT_EQ(w.calls(), 3U);
    EXPECT_EQ(w.log.count("intake.disk_full"), 1U);
    EXPECT_EQ(w.log.count("intake.disk_recovered"), 1U);
    EXPECT_EQ(w.log.count("intake.write_failed"), 0U);
}
