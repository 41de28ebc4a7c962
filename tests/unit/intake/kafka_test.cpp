// Calls from a topic: what a message holds, where reading begins, and every call once whatever fails.
#include "sync/intake/kafka_errors.hpp"
#include "sync/intake/kafka_reader.hpp"
#include "tests/unit/intake/intake_world.hpp"

#include <librdkafka/rdkafka.h>

#include <limits>
#include <random>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

std::string call(int n) { return R"({"type":"page","userId":"u)" + std::to_string(n) + "\"}"; }

core::kafka_settings settings()
{
    core::kafka_settings out;
    out.brokers = {"kafka:9092"};
    out.topic = "calls";
    out.group = "lakeferry-acme";
    out.source = "src-web";
    return out;
}

// A cluster with one topic: keeps messages and what the group committed; clients of it die with the world's daemon.
struct fake_cluster {
    struct partition {
        std::vector<intake::kafka_message> messages{};  // the first one has offset `low`
        std::int64_t low = 0;
        intake::kafka_committed committed{};
        std::int64_t high() const { return low + static_cast<std::int64_t>(messages.size()); }
    };
    world& in;
    std::map<std::int32_t, partition> partitions{};
    std::vector<rt::failure> problems{};  // the next poll tells them
    std::vector<intake::kafka_message> again{};  // delivered a second time by the next poll
    std::string password{};
    int connections = 0;
    bool commits_fail = false;
    bool revoke = false;
    std::vector<std::int32_t> give{0, 1};

    explicit fake_cluster(world& w) : in(w)
    {
        partitions[0].committed.partition = 0;
        partitions[1].committed.partition = 1;
    }
    void send(std::int32_t to, std::string value, std::optional<std::string> key = std::nullopt)
    {
        auto& p = partitions[to];
        p.messages.push_back({to, p.high(), 0, std::move(key), std::move(value)});
    }
    // Retention.
    void forget(std::int32_t from, std::int64_t before)
    {
        auto& p = partitions[from];
        p.messages.erase(p.messages.begin(), p.messages.begin() + (before - p.low));
        p.low = before;
    }
};

class fake_client final : public intake::kafka_client {
public:
    explicit fake_client(fake_cluster& of) : of_(of) {}

    rt::awaitable<intake::kafka_events> poll(std::size_t) override
    {
        intake::kafka_events found;
        found.problems = std::exchange(of_.problems, {});
        if (!told_) {
            told_ = true;
            found.assigned = of_.give;
            co_return found;
        }
        if (of_.revoke) {
            of_.revoke = false;
            told_ = false;  // and given out anew
            found.revoked = true;
            co_return found;
        }
        found.messages = std::exchange(of_.again, {});
        for (auto& [number, at] : at_) {
            auto& p = of_.partitions[number];
            if (at == intake::offset_beginning) at = p.low;
            if (at < p.low || at > p.high()) {
                found.out_of_range.push_back(number);
                continue;
            }
            if (held_) continue;
            for (int i = 0; i < 7 && at < p.high(); ++i) found.messages.push_back(p.messages[static_cast<std::size_t>(at++ - p.low)]);
        }
        found.at_end = found.messages.empty();
        // As the real one: half a second where nothing comes.
        co_await rt::sleep_for(of_.in.time, found.messages.empty() ? rt::duration(500ms) : rt::duration(1ms));
        co_return found;
    }
    rt::awaitable<rt::outcome<void>> assign(std::vector<intake::kafka_position> from) override
    {
        at_.clear();
        for (const auto& one : from) at_[one.partition] = one.offset;
        held_ = false;
        co_return rt::outcome<void>();
    }
    rt::awaitable<void> unassign() override
    {
        at_.clear();
        co_return;
    }
    rt::awaitable<void> hold(bool on) override
    {
        held_ = on;
        co_return;
    }
    rt::awaitable<rt::outcome<std::vector<intake::kafka_committed>>> committed(std::vector<std::int32_t> of) override
    {
        std::vector<intake::kafka_committed> out;
        for (const auto one : of) out.push_back(of_.partitions[one].committed);
        co_return out;
    }
    rt::awaitable<rt::outcome<intake::kafka_watermarks>> watermarks(std::int32_t partition) override
    {
        co_return intake::kafka_watermarks{of_.partitions[partition].low, of_.partitions[partition].high()};
    }
    rt::awaitable<rt::outcome<std::uint32_t>> partitions() override { co_return static_cast<std::uint32_t>(of_.partitions.size()); }
    rt::awaitable<rt::outcome<void>> commit(std::vector<intake::kafka_committed> what, bool) override
    {
        if (of_.commits_fail) co_return failure_of("kafka.unreachable");
        for (const auto& one : what) of_.partitions[one.partition].committed = one;
        co_return rt::outcome<void>();
    }
    rt::awaitable<void> close() override { co_return; }

private:
    fake_cluster& of_;
    std::map<std::int32_t, std::int64_t> at_{};
    bool told_ = false;
    bool held_ = false;
};

struct kafka_world : intake_world {
    fake_cluster cluster{*this};
    auth::credential_store credentials{""};
    std::optional<intake::kafka_reader> reader{};
    std::optional<rt::task_group> reading{};

    kafka_world() { read(); }
    ~kafka_world() { end(); }
    kafka_world(const kafka_world&) = delete;
    kafka_world& operator=(const kafka_world&) = delete;

    void read(core::kafka_settings with = settings())
    {
        const auto connect = [this](intake::kafka_connection) -> rt::awaitable<rt::outcome<std::unique_ptr<intake::kafka_client>>> {
            ++cluster.connections;
            co_return std::unique_ptr<intake::kafka_client>(std::make_unique<fake_client>(cluster));
        };
        reader.emplace(intake::kafka_needs{executor(), time, wall, rng, log, metrics, *db, credentials, sources, *acceptor, *refusals, connect, limits},
                       std::move(with), "acme", 1U);
        reading.emplace(executor(), nullptr);
        reading->spawn("kafka", reader->run());
    }
    void end()
    {
        if (!reading) return;
        reading->cancel();
        run(reading->join());
        reading.reset();
        reader.reset();
    }
    // Power fails at whatever point the reader is.
    void kill()
    {
        disk.die_after(0);
        end();
        restart();
        read();
    }
    std::vector<std::string> texts()
    {
        std::vector<std::string> out;
        for (const auto& block : blocks())
            for (const auto& text : block.texts) out.push_back(text);
        std::sort(out.begin(), out.end());
        return out;
    }
    const intake::kafka_view& view() const { return reader->view(); }
};

std::vector<std::string> calls(int from, int to)
{
    std::vector<std::string> out;
    for (int n = from; n < to; ++n) out.push_back(call(n));
    std::sort(out.begin(), out.end());
    return out;
}

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
    auto one = settings();
    auto two = settings();
    two.group = "lakeferry-acme/2";
    auto three = settings();
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
    w.cluster.send(0, call(1));
    w.cluster.send(0, " [" + call(2) + "," + call(3) + "]");
    w.cluster.send(0, R"({"writeKey":"k-app","context":{"ip":"1.2.3.4"},"batch":[)" + call(4) + "]}");
    w.cluster.send(0, call(5), "k-app");
    w.cluster.send(0, R"({"type":"page","userId":"u6","writeKey":"k-web"})", "k-app");
    w.pass(2s);
    const auto blocks = w.blocks();
    std::map<std::string, std::string> source;
    for (const auto& block : blocks)
        for (std::size_t i = 0; i < block.texts.size(); ++i) source[block.texts[i]] = block.sources[i] + block.envelope;
    EXPECT_EQ(source.at(call(1)), "src-web");
    EXPECT_EQ(source.at(call(3)), "src-web");
    EXPECT_EQ(source.at(call(4)), R"(src-app{"context":{"ip":"1.2.3.4"}})");
    EXPECT_EQ(source.at(call(5)), "src-app");
    EXPECT_EQ(source.at(R"({"type":"page","userId":"u6","writeKey":"k-web"})"), "src-web");
    EXPECT_EQ(w.view().calls, 6U);
    EXPECT_EQ(w.view().refused, 0U);
}

TEST(KafkaPlan, BadMessagesAreKeptAsideAndStopNothing)
{
    kafka_world w;
    w.limits.batch_calls_max = 2500;
    const std::vector<std::string> bad{"no JSON", "", "[]", "[" + call(1) + ",", R"({"batch":7})", R"({"batch":[{"type":"page"}]})", "7",
                                       std::string(600'000, ' ') + std::string(600'000, 'x')};
    for (const auto& text : bad) w.cluster.send(0, text);
    w.cluster.partitions[0].messages.push_back({0, w.cluster.partitions[0].high(), 0, std::nullopt, std::nullopt});
    w.cluster.send(0, call(2), "b-web");
    w.cluster.send(0, call(3), "nobody");
    w.cluster.send(0, call(4));
    w.pass(3s);
    EXPECT_EQ(w.texts(), calls(4, 5));
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
    intake::kafka_message old{0, 0, 1'700'000'000'000, std::nullopt, call(1)};
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
            for (auto more = rng() % 40; more > 0; --more) w.cluster.send(static_cast<std::int32_t>(rng() % 2), call(sent++));
            w.cluster.commits_fail = rng() % 3 == 0;
            if (rng() % 2 == 0) w.disk.die_after(rng() % 30);
            if (rng() % 4 == 0) w.cluster.revoke = true;
            w.pass(std::chrono::milliseconds(rng() % 1500));
            w.kill();
        }
        w.cluster.commits_fail = false;
        w.pass(90s);
        EXPECT_EQ(w.texts(), calls(0, sent)) << "seed " << seed;
        for (const auto& [number, p] : w.cluster.partitions) EXPECT_EQ(p.committed.offset, p.messages.empty() ? p.committed.offset : p.high());
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
    kafka_world w;
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
    EXPECT_NE(w.view().notice.find("offsets 10 to 24 of partition 0 of topic calls"), std::string::npos) << w.view().notice;
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
        const auto got = intake::explain_kafka_error(one.code, "as librdkafka says", settings());
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
    for (const char* odd : {"", "[", "7", "{}", R"({"brokers":7,"topics":{"calls":[]}})", R"({"brokers":{"a":7},"topics":{"calls":{"partitions":{"x":7}}}})"}) {
        EXPECT_FALSE(intake::read_kafka_statistics(odd, "calls").broker_up) << odd;
        EXPECT_TRUE(intake::read_kafka_statistics(odd, "calls").ends.empty()) << odd;
    }
}
