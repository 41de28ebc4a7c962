// A space's topic and the lease of its schema: a daemon takes calls from the topic only while it lands in the schema
// itself, or nobody does; every call comes to one store.
#include "tests/sim/daemon_world.hpp"
#include "tests/support/fake_kafka/fake_cluster.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::test;

namespace {

class KafkaLease : public testing::Test {
protected:
    KafkaLease()
    {
        auto with = std::make_shared<core::space_config>(*w_.config->spaces[0]);
        with->kafka.brokers = {"kafka:9092"};
        with->kafka.topic = "calls";
        with->kafka.group = "lakeferry-space0";
        with->kafka.source = "web";
        w_.config->spaces[0] = with;
        w_.kafka = connector(cluster_);
    }
    ~KafkaLease() override
    {
        if (w_.up()) w_.stop();
    }

    // The daemon runs, and its first run has made the schema its own.
    void own_the_schema()
    {
        w_.start();
        sent_calls sent;
        w_.send_tracks("space0", {"a-1"}, sent);
        ASSERT_TRUE(w_.sync("space0")) << w_.log.text();
    }
    void give_it_to(const std::string& owner)
    {
        w_.workspace.tables.find("main.space0._lakeferry_loads")->properties["lakeferry.owner"] = owner;
    }
    void produce(int count)
    {
        for (int i = 0; i < count; ++i, ++produced_) cluster_.send(produced_ % 2, page_call(produced_));
    }
    intake::kafka_view view() { return w_.core().view().spaces.at(0).kafka.value(); }
    // Every message once.
    void expect_landed(int count)
    {
        const auto ids = w_.landed_ids("space0", "pages");
        EXPECT_EQ(ids.size(), static_cast<std::size_t>(count));
        EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size());
    }

    daemon_world w_;
    fake_cluster cluster_{w_};
    int produced_ = 0;
};

}  // namespace

TEST_F(KafkaLease, ASchemaThatNobodyKeepsYetIsNoReasonToWait)
{
    w_.start();
    produce(4);
    w_.pass(10s);
    EXPECT_EQ(view().messages, 4U);
    ASSERT_TRUE(w_.sync("space0")) << w_.log.text();
    expect_landed(4);
}

TEST_F(KafkaLease, WhoeverDoesNotHoldTheSchemaLeavesTheTopicAloneUntilItTakesOver)
{
    own_the_schema();
    w_.stop();
    give_it_to("another");
    const int before = cluster_.connections;
    w_.start();
    produce(20);
    w_.pass(20min);
    EXPECT_EQ(cluster_.connections, before) << "it never joins the group";
    EXPECT_EQ(view().state, intake::kafka_state::waiting);
    EXPECT_EQ(view().error_id, "lease.held");
    for (const char* part : {"Calls are left in the topic", "main.space0 is kept current by another daemon",
                             "state directory another", "lakeferry takeover space0"})
        EXPECT_NE(view().error.find(part), std::string::npos) << part << " is not in: " << view().error;
    EXPECT_EQ(w_.core().view().spaces.at(0).state, daemon::space_state::degraded);
    EXPECT_EQ(w_.log.count("kafka.failed"), 1U) << "said once, not every minute";

    ASSERT_TRUE(w_.get(w_.core().space("space0")->take_over()).has_value());
    w_.pass(2min);
    EXPECT_EQ(view().state, intake::kafka_state::reading);
    EXPECT_EQ(view().error_id, "");
    ASSERT_TRUE(w_.sync("space0")) << w_.log.text();
    expect_landed(20);
}

TEST_F(KafkaLease, WhoeverIsTakenOverFromLeavesTheGroupWhenTheOtherJoins)
{
    own_the_schema();
    produce(6);
    w_.pass(5s);
    EXPECT_EQ(view().messages, 6U);
    give_it_to("another");
    cluster_.revoke = true;  // it joined: partitions change hands
    w_.pass(5s);
    EXPECT_EQ(cluster_.members, 0);
    EXPECT_EQ(view().error_id, "lease.held");
    produce(10);
    w_.pass(10min);
    EXPECT_EQ(view().messages, 6U) << "they are the other one's";
    EXPECT_EQ(cluster_.partitions[0].committed.offset, 3) << "the group knows where it stopped";

    ASSERT_TRUE(w_.get(w_.core().space("space0")->take_over()).has_value());
    w_.pass(2min);
    ASSERT_TRUE(w_.sync("space0")) << w_.log.text();
    expect_landed(16);
}

TEST_F(KafkaLease, ARunThatFindsTheSchemaTakenEndsTheReadingToo)
{
    own_the_schema();
    produce(2);
    w_.pass(5s);
    give_it_to("another");
    EXPECT_FALSE(w_.sync("space0"));
    w_.pass(2s);
    EXPECT_EQ(cluster_.members, 0);
    produce(2);
    w_.pass(5min);
    EXPECT_EQ(view().messages, 2U);
}

TEST_F(KafkaLease, AWorkspaceThatCannotBeAskedKeepsAStartWaitingAndStopsNobodyWhoWasAllowed)
{
    w_.net.unknown_hosts.insert("dbc-1.test");
    w_.start();
    produce(4);
    w_.pass(5min);
    EXPECT_EQ(cluster_.connections, 0);
    EXPECT_EQ(view().error_id, "workspace.unreachable") << view().error;
    EXPECT_NE(view().error.find("Calls are left in the topic"), std::string::npos) << view().error;
    w_.net.unknown_hosts.clear();
    w_.pass(5min);
    EXPECT_EQ(view().messages, 4U) << view().error;

    w_.net.unknown_hosts.insert("dbc-1.test");
    produce(4);
    cluster_.revoke = true;
    w_.pass(5min);
    EXPECT_EQ(view().messages, 8U) << "what was found last counts";
}

TEST_F(KafkaLease, StoppingDoesNotWaitForAnAnswer)
{
    w_.net.faults = {.blackhole = 1.0};
    w_.start();
    w_.pass(1s);
    EXPECT_LE(w_.stop(), 10s);
}
