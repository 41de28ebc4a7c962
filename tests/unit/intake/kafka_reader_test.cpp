// Reading a topic: every call once, whatever fails.
#include "tests/unit/intake/kafka_world.hpp"

#include <librdkafka/rdkafka.h>

#include <limits>
#include <random>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

std::string call(int n) { return page_call(n); }
core::kafka_settings settings() { return kafka_settings_of_test(); }
std::vector<std::string> calls(int from, int to) { return page_calls(from, to); }

}  // namespace

TEST(KafkaReader, WhatIsDeliveredTwiceOrNotOursIsLeftOut)
{
    kafka_world w;
    for (int n = 0; n < 5; ++n) w.cluster.send(0, call(n));
    w.pass(2s);
    w.cluster.again = {w.cluster.partitions[0].messages[2], {7, 0, 0, std::nullopt, call(99)}};
    w.cluster.send(1, call(5));
    w.pass(2s);
    EXPECT_EQ(w.texts(), calls(0, 6));
    EXPECT_EQ(w.cluster.partitions[0].committed.offset, 5) << "the group is told";
    EXPECT_TRUE(w.cluster.partitions[0].committed.metadata.starts_with("lakeferry "));
}

TEST(KafkaReader, ACrashAtAnyMomentLosesAndDoublesNothing)
{
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        kafka_world w;
        std::mt19937_64 rng(seed);
        int sent = 0;
        for (int round = 0; round < 6; ++round) {
            for (auto more = rng() % 40; more > 0; --more)
                w.cluster.send(static_cast<std::int32_t>(rng() % 2), call(sent++));
            w.cluster.commits_fail = rng() % 3 == 0;
            if (rng() % 2 == 0) w.disk.die_after(rng() % 30);
            if (rng() % 4 == 0) w.cluster.revoke = true;
            w.pass(std::chrono::milliseconds(rng() % 1500));
            w.kill();
        }
        w.cluster.commits_fail = false;
        w.pass(90s);
        EXPECT_EQ(w.texts(), calls(0, sent)) << "seed " << seed;
        for (const auto& [number, p] : w.cluster.partitions)
            EXPECT_EQ(p.committed.offset, p.messages.empty() ? p.committed.offset : p.high());
    }
}

TEST(KafkaReader, AWriteOfUnknownOutcomeIsLookedForBeforeItIsRepeated)
{
    kafka_world w;
    w.pass(1s);
    for (int n = 0; n < 20; ++n) w.cluster.send(0, call(n));
    w.disk.fail_with(disk_fault::io_error);
    w.pass(5s);
    EXPECT_EQ(w.view().state, intake::kafka_state::held);
    EXPECT_FALSE(w.view().error_id.empty());
    EXPECT_NE(w.view().error.find("stay there"), std::string::npos);
    w.disk.fail_with(disk_fault::none);
    w.pass(120s);
    EXPECT_EQ(w.texts(), calls(0, 20));
    EXPECT_EQ(w.view().error_id, "");
    EXPECT_EQ(w.view().state, intake::kafka_state::reading);
}

TEST(KafkaReader, AFullBacklogHoldsTheTopicBack)
{
    intake::acceptor_settings often;
    often.measure_every_bytes = 1;
    kafka_world w(often);
    w.pass(1s);
    w.db->pretended_bytes = std::uint64_t{30} << 30;
    for (int n = 0; n < 400; ++n) w.cluster.send(0, call(n));
    w.pass(20s);
    EXPECT_EQ(w.view().state, intake::kafka_state::held);
    EXPECT_EQ(w.view().error_id, "intake.backlog_full");
    const auto before = w.calls();
    EXPECT_LT(before, 400U);
    w.db->pretended_bytes.reset();
    w.pass(120s);
    EXPECT_EQ(w.calls(), 400U);
    EXPECT_EQ(w.view().error_id, "");
}

TEST(KafkaReader, WhatRetentionTookIsCountedAndSaidAndReadingGoesOn)
{
    kafka_world w;
    for (int n = 0; n < 10; ++n) w.cluster.send(0, call(n));
    w.pass(2s);
    w.end();
    for (int n = 10; n < 30; ++n) w.cluster.send(0, call(n));
    w.cluster.forget(0, 25);
    w.read();
    w.pass(3s);
    EXPECT_EQ(w.view().lost, 15U);
    EXPECT_NE(w.view().notice.find("offsets 10 to 24 of partition 0 of topic calls"), std::string::npos)
        << w.view().notice;
    auto expected = calls(0, 10);
    for (const auto& text : calls(25, 30)) expected.push_back(text);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(w.texts(), expected);
    EXPECT_EQ(w.metrics.value("lakeferry_kafka_lost_total", {{"space", "acme"}}), 15);
}

TEST(KafkaReader, PartitionsOfOthersAreSaid)
{
    kafka_world w;
    w.cluster.give = {0};
    w.cluster.revoke = true;
    w.pass(2s);
    EXPECT_EQ(w.view().partitions, 1U);
    EXPECT_EQ(w.view().partitions_total, 2U);
    EXPECT_NE(w.view().notice.find("resolved for each store apart"), std::string::npos) << w.view().notice;
}

TEST(KafkaReader, ARefusedPasswordMakesANewConnectionAndAFencedOneDoesNot)
{
    kafka_world w;
    w.pass(1s);
    w.cluster.problems = {intake::explain_kafka_error(RD_KAFKA_RESP_ERR__AUTHENTICATION, "bad", settings())};
    w.pass(1s);
    EXPECT_EQ(w.view().error_id, "kafka.authentication");
    EXPECT_EQ(w.view().state, intake::kafka_state::waiting);
    w.cluster.send(0, call(1));
    w.pass(60s);
    EXPECT_EQ(w.view().error_id, "");
    EXPECT_EQ(w.cluster.connections, 2);
    w.cluster.problems = {intake::explain_kafka_error(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "", settings())};
    w.pass(600s);
    EXPECT_EQ(w.view().state, intake::kafka_state::stopped);
    EXPECT_EQ(w.view().error_id, "kafka.fenced");
    EXPECT_EQ(w.cluster.connections, 2);
}
