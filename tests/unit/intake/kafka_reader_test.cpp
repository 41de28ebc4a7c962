// Reading a topic: every call once, whatever fails.
#include "tests/unit/intake/kafka_world.hpp"

#include <librdkafka/rdkafka.h>

#include <random>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

TEST(KafkaReader, WhatIsDeliveredTwiceOrNotOursIsLeftOut)
{
    kafka_world w;
    for (int n = 0; n < 5; ++n) w.cluster.send(0, page_call(n));
    w.pass(2s);
    w.cluster.again = {w.cluster.partitions[0].messages[2], {7, 0, 0, std::nullopt, page_call(99)}};
    w.cluster.send(1, page_call(5));
    w.pass(2s);
    EXPECT_EQ(w.texts(), page_calls(0, 6));
    EXPECT_EQ(w.cluster.partitions[0].committed.offset, 5) << "the group is told";
    EXPECT_TRUE(w.cluster.partitions[0].committed.metadata.starts_with("lakeferry "));
}

TEST(KafkaReader, ReadsOnlyWhatItMayAndLeavesTheGroupWhenItMayNoMore)
{
    kafka_world w;
    w.end();
    std::optional<rt::failure> no = rt::failure{rt::retry_class::never, "lease.held", "another daemon has it"};
    unsigned asked = 0;
    w.may_read = [&](bool afresh) -> rt::awaitable<rt::outcome<void>> {
        if (afresh) ++asked;
        if (no) co_return *no;
        co_return rt::outcome<void>();
    };
    const int before = w.cluster.connections;
    w.read();
    w.cluster.send(0, page_call(1));
    w.pass(10min);
    EXPECT_EQ(w.cluster.connections, before) << "the group does not see it";
    EXPECT_LE(asked, 11U) << "about once a minute";
    EXPECT_EQ(w.view().error, "Calls are left in the topic: another daemon has it");
    no.reset();
    w.pass(2min);
    EXPECT_EQ(w.texts(), page_calls(1, 2));
    EXPECT_EQ(w.view().error_id, "");
    // What is not known for sure ends nothing that goes on.
    no = rt::failure{rt::retry_class::transient, "workspace.unreachable", "no way"};
    w.cluster.revoke = true;
    w.cluster.send(0, page_call(2));
    w.pass(1min);
    EXPECT_EQ(w.texts(), page_calls(1, 3));
    no = rt::failure{rt::retry_class::never, "lease.held", "another daemon has it"};
    w.pass(2s);
    EXPECT_EQ(w.cluster.members, 0);
    w.cluster.send(0, page_call(3));
    w.pass(5min);
    EXPECT_EQ(w.texts(), page_calls(1, 3));
}

TEST(KafkaReader, TheGroupIsToldOfAPartitionThatItKnowsNothingOf)
{
    kafka_world w;
    w.cluster.commits_fail = true;
    for (int n = 0; n < 3; ++n) w.cluster.send(0, page_call(n));
    w.pass(2s);
    EXPECT_EQ(w.texts(), page_calls(0, 3));
    w.kill();
    EXPECT_LT(w.cluster.partitions[0].committed.offset, 0);
    // All was read before, and nothing new comes.
    w.cluster.commits_fail = false;
    w.pass(90s);
    EXPECT_EQ(w.cluster.partitions[0].committed.offset, 3);
    EXPECT_EQ(w.texts(), page_calls(0, 3));
}

TEST(KafkaReader, ACrashAtAnyMomentLosesAndDoublesNothing)
{
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        kafka_world w;
        std::mt19937_64 rng(seed);
        int sent = 0;
        for (int round = 0; round < 6; ++round) {
            for (auto more = rng() % 40; more > 0; --more)
                w.cluster.send(static_cast<std::int32_t>(rng() % 2), page_call(sent++));
            w.cluster.commits_fail = rng() % 3 == 0;
            if (rng() % 2 == 0) w.disk.die_after(rng() % 30);
            if (rng() % 4 == 0) w.cluster.revoke = true;
            w.pass(std::chrono::milliseconds(rng() % 1500));
            w.kill();
        }
        w.cluster.commits_fail = false;
        w.pass(90s);
        EXPECT_EQ(w.texts(), page_calls(0, sent)) << "seed " << seed;
        for (const auto& [number, p] : w.cluster.partitions)
            EXPECT_EQ(p.committed.offset, p.messages.empty() ? p.committed.offset : p.high());
    }
}

TEST(KafkaReader, AWriteOfUnknownOutcomeIsLookedForBeforeItIsRepeated)
{
    kafka_world w;
    w.pass(1s);
    for (int n = 0; n < 20; ++n) w.cluster.send(0, page_call(n));
    w.disk.fail_with(disk_fault::io_error);
    w.pass(5s);
    EXPECT_EQ(w.view().state, intake::kafka_state::held);
    EXPECT_FALSE(w.view().error_id.empty());
    EXPECT_NE(w.view().error.find("stay there"), std::string::npos);
    w.disk.fail_with(disk_fault::none);
    w.pass(120s);
    EXPECT_EQ(w.texts(), page_calls(0, 20));
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
    for (int n = 0; n < 400; ++n) w.cluster.send(0, page_call(n));
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
    for (int n = 0; n < 10; ++n) w.cluster.send(0, page_call(n));
    w.pass(2s);
    w.end();
    for (int n = 10; n < 30; ++n) w.cluster.send(0, page_call(n));
    w.cluster.forget(0, 25);
    w.read();
    w.pass(3s);
    EXPECT_EQ(w.view().lost, 15U);
    EXPECT_NE(w.view().notice.find("offsets 10 to 24 of partition 0 of topic calls"), std::string::npos)
        << w.view().notice;
    auto expected = page_calls(0, 10);
    for (const auto& text : page_calls(25, 30)) expected.push_back(text);
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
    w.cluster.problems = {intake::explain_kafka_error(RD_KAFKA_RESP_ERR__AUTHENTICATION, "bad", kafka_settings_of_test())};
    w.pass(1s);
    EXPECT_EQ(w.view().error_id, "kafka.authentication");
    EXPECT_EQ(w.view().state, intake::kafka_state::waiting);
    w.cluster.send(0, page_call(1));
    w.pass(60s);
    EXPECT_EQ(w.view().error_id, "");
    EXPECT_EQ(w.cluster.connections, 2);
    w.cluster.problems = {intake::explain_kafka_error(RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "", kafka_settings_of_test())};
    w.pass(600s);
    EXPECT_EQ(w.view().state, intake::kafka_state::stopped);
    EXPECT_EQ(w.view().error_id, "kafka.fenced");
    EXPECT_EQ(w.cluster.connections, 2);
}
