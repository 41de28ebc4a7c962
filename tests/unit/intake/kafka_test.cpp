// What a message holds, where reading begins, what errors mean.
#include "tests/unit/intake/kafka_world.hpp"

#include <librdkafka/rdkafka.h>

#include <limits>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

struct start_case {
    const char* what;
    std::optional<std::int64_t> ours;
    std::int64_t committed;
    const char* by;
    std::int64_t offset;
    intake::kafka_start why;
};

}  // namespace

TEST(KafkaPositions, TheStoresOwnPlaceCountsUnlessAnotherStoreWentFurther)
{
    using enum intake::kafka_start;
    const start_case table[] = {
        {"nobody has read it", std::nullopt, -1, "", intake::offset_beginning, earliest},
        {"the group has, by hand", std::nullopt, 70, "", 70, group},
        {"another store has", std::nullopt, 70, "lakeferry other", 70, group},
        {"ours is ahead: killed before it could tell", 90, 70, "lakeferry me", 90, own},
        {"ours is behind: restored", 50, 70, "lakeferry me", 50, own},
        {"reset by hand", 50, 0, "", 50, own},
        {"nothing committed", 50, -1, "", 50, own},
        {"another store read on", 50, 70, "lakeferry other", 70, taken_over},
        {"another store was behind", 90, 70, "lakeferry other", 90, own},
    };
    for (const auto& one : table) {
        const auto got = intake::decide_start(one.ours, {0, one.committed, one.by}, "me");
        EXPECT_EQ(got.offset, one.offset) << one.what;
        EXPECT_EQ(got.why, one.why) << one.what;
    }
}

TEST(KafkaPositions, AGapIsMeasured)
{
    const auto lost = intake::judge_out_of_range(10, {25, 40});
    EXPECT_EQ(std::make_tuple(lost.next, lost.messages, lost.topic_is_new), std::make_tuple(25, 15, false));
    const auto fresh = intake::judge_out_of_range(10, {0, 3});
    EXPECT_EQ(std::make_tuple(fresh.next, fresh.messages, fresh.topic_is_new), std::make_tuple(0, 0, true));
    const auto end = intake::judge_out_of_range(10, {0, 10});
    EXPECT_EQ(std::make_tuple(end.next, end.messages, end.topic_is_new), std::make_tuple(10, 0, false));
}

TEST(KafkaPositions, GroupsAndTopicsAreApart)
{
    intake_world w;
    auto one = kafka_settings_of_test();
    auto two = kafka_settings_of_test();
    two.group = "lakeferry-acme/2";
    auto three = kafka_settings_of_test();
    three.topic = "calls2";
    std::vector<intake::side_record> records;
    records.push_back(intake::position_record(1, one, 0, 5));
    records.push_back(intake::position_record(1, one, 11, 6));
    records.push_back(intake::position_record(1, two, 0, 7));
    records.push_back(intake::position_record(1, three, 0, 8));
    records.push_back(intake::position_record(2, one, 0, 9));
    ASSERT_TRUE(w.get(w.acceptor->commit({}, std::move(records))).has_value());
    EXPECT_EQ(*intake::load_positions(*w.db, 1, one), (intake::kafka_offsets{{0, 5}, {11, 6}}));
    EXPECT_EQ(*intake::load_positions(*w.db, 1, two), (intake::kafka_offsets{{0, 7}}));
    EXPECT_EQ(*intake::load_positions(*w.db, 2, one), (intake::kafka_offsets{{0, 9}}));
}

TEST(KafkaPlan, AMessageHoldsOneCallSeveralOrABatch)
{
    kafka_world w;
    w.cluster.send(0, page_call(1));
    w.cluster.send(0, " [" + page_call(2) + "," + page_call(3) + "]");
    w.cluster.send(0, R"({"writeKey":"k-app","context":{"ip":"1.2.3.4"},"batch":[)" + page_call(4) + "]}");
    w.cluster.send(0, page_call(5), "k-app");
    w.cluster.send(0, R"({"type":"page","userId":"u6","writeKey":"k-web"})", "k-app");
    w.pass(2s);
    const auto blocks = w.blocks();
    std::map<std::string, std::string> source;
    for (const auto& block : blocks)
        for (std::size_t i = 0; i < block.texts.size(); ++i) source[block.texts[i]] = block.sources[i] + block.envelope;
    EXPECT_EQ(source.at(page_call(1)), "src-web");
    EXPECT_EQ(source.at(page_call(3)), "src-web");
    EXPECT_EQ(source.at(page_call(4)), R"(src-app{"context":{"ip":"1.2.3.4"}})");
    EXPECT_EQ(source.at(page_call(5)), "src-app");
    EXPECT_EQ(source.at(R"({"type":"page","userId":"u6","writeKey":"k-web"})"), "src-web");
    EXPECT_EQ(w.view().calls, 6U);
    EXPECT_EQ(w.view().refused, 0U);
}

TEST(KafkaPlan, BadMessagesAreKeptAsideAndStopNothing)
{
    kafka_world w;
    w.limits.batch_calls_max = 2500;
    const std::vector<std::string> bad{"no JSON",
                                       "",
                                       "[]",
                                       "[" + page_call(1) + ",",
                                       R"({"batch":7})",
                                       R"({"batch":[{"type":"page"}]})",
                                       "7",
                                       std::string(600'000, ' ') + std::string(600'000, 'x')};
    for (const auto& text : bad) w.cluster.send(0, text);
    w.cluster.partitions[0].messages.push_back({0, w.cluster.partitions[0].high(), 0, std::nullopt, std::nullopt});
    w.cluster.send(0, page_call(2), "b-web");
    w.cluster.send(0, page_call(3), "nobody");
    w.cluster.send(0, page_call(4));
    w.pass(3s);
    EXPECT_EQ(w.texts(), page_calls(4, 5));
    EXPECT_EQ(w.view().refused, bad.size() + 3);
    EXPECT_EQ(w.view().messages, bad.size() + 4);
    w.pass(1s);
    const auto kept = *intake::list_refusals(*w.db, 1, 100);
    ASSERT_FALSE(kept.empty());
    EXPECT_EQ(kept.front().via, "kafka");
    EXPECT_EQ(kept.front().where, "topic calls, partition 0, offset " + std::to_string(bad.size() + 2));
}

TEST(KafkaPlan, ALateReaderShiftsNoTimes)
{
    intake::kafka_message old{0, 0, 1'700'000'000'000, std::nullopt, page_call(1)};
    intake_world w;
    intake::kafka_plan_options with;
    const auto table = w.sources.now();
    with.table = table.get();
    with.fallback = table->find("k-web");
    with.space = 1;
    with.now_us = w.wall.now_us();
    auto plan = intake::plan_messages({old}, {{0, 0}}, with);
    ASSERT_EQ(plan.pieces.size(), 1U);
    EXPECT_EQ(core::decode_event_block(plan.pieces[0].block)->calls[0].received_us, 1'700'000'000'000'000);
    old.timestamp_ms = std::numeric_limits<std::int64_t>::max();
    plan = intake::plan_messages({old}, {{0, 0}}, with);
    EXPECT_EQ(core::decode_event_block(plan.pieces[0].block)->calls[0].received_us, with.now_us);
}

TEST(KafkaErrors, EachHasAnIdAClassAndACure)
{
    struct one_case {
        int code;
        const char* id;
        rt::retry_class retry;
    };
    using enum rt::retry_class;
    const one_case table[] = {{RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "kafka.unreachable", transient},
                              {RD_KAFKA_RESP_ERR__RESOLVE, "kafka.unreachable", transient},
                              {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "kafka.authentication", reauth},
                              {RD_KAFKA_RESP_ERR__SSL, "kafka.tls", transient},
                              {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "kafka.no_topic", transient},
                              {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "kafka.topic_forbidden", transient},
                              {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "kafka.group_forbidden", transient},
                              {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "kafka.fenced", never},
                              {RD_KAFKA_RESP_ERR__FATAL, "kafka.fatal", transient},
                              {RD_KAFKA_RESP_ERR_UNKNOWN, "kafka.error", transient}};
    for (const auto& one : table) {
        const auto got = intake::explain_kafka_error(one.code, "as librdkafka says", kafka_settings_of_test());
        EXPECT_EQ(got.id, one.id) << one.code;
        EXPECT_EQ(got.retry, one.retry) << one.id;
        EXPECT_NE(got.detail.find("as librdkafka says"), std::string::npos);
    }
}

TEST(KafkaErrors, StatisticsAreReadAsFarAsTheyGo)
{
    const auto got = intake::read_kafka_statistics(
        R"({"brokers":{"a":{"state":"DOWN"},"b":{"state":"UP"}},"topics":{"calls":{"partitions":{"0":{"ls_offset":12},"1":{"ls_offset":-1001},"-1":{"ls_offset":4}}}}})",
        "calls");
    EXPECT_TRUE(got.broker_up);
    ASSERT_EQ(got.ends.size(), 1U);
    EXPECT_EQ(got.ends[0].offset, 12);
    for (const char* odd : {"", "[", "7", "{}", R"({"brokers":7,"topics":{"calls":[]}})",
                            R"({"brokers":{"a":7},"topics":{"calls":{"partitions":{"x":7}}}})"}) {
        EXPECT_FALSE(intake::read_kafka_statistics(odd, "calls").broker_up) << odd;
        EXPECT_TRUE(intake::read_kafka_statistics(odd, "calls").ends.empty()) << odd;
    }
}
