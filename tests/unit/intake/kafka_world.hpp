// A topic in memory, and a reader of it inside the world of intake.
#pragma once

#include "sync/intake/kafka_errors.hpp"
#include "sync/intake/kafka_reader.hpp"
#include "tests/unit/intake/intake_world.hpp"

#include <algorithm>
#include <map>

namespace lakeferry::test {

using namespace std::chrono_literals;

inline std::string page_call(int n)
{
    return R"({"type":"page","userId":"u)" + std::to_string(n) + "\"}";
}

inline core::kafka_settings kafka_settings_of_test()
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
    std::vector<rt::failure> problems{};         // the next poll tells them
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
            for (int i = 0; i < 7 && at < p.high(); ++i)
                found.messages.push_back(p.messages[static_cast<std::size_t>(at++ - p.low)]);
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
    rt::awaitable<rt::outcome<std::uint32_t>> partitions() override
    {
        co_return static_cast<std::uint32_t>(of_.partitions.size());
    }
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

    explicit kafka_world(intake::acceptor_settings how = {}) : intake_world({}, how)
    {
        read();
    }
    ~kafka_world() { end(); }
    kafka_world(const kafka_world&) = delete;
    kafka_world& operator=(const kafka_world&) = delete;

    void read(core::kafka_settings with = kafka_settings_of_test())
    {
        const auto connect =
            [this](intake::kafka_connection) -> rt::awaitable<rt::outcome<std::unique_ptr<intake::kafka_client>>> {
            ++cluster.connections;
            co_return std::unique_ptr<intake::kafka_client>(std::make_unique<fake_client>(cluster));
        };
        reader.emplace(intake::kafka_needs{executor(), time, wall, rng, log, metrics, *db, credentials, sources,
                                           *acceptor, *refusals, connect, limits},
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

inline std::vector<std::string> page_calls(int from, int to)
{
    std::vector<std::string> out;
    for (int n = from; n < to; ++n) out.push_back(page_call(n));
    std::sort(out.begin(), out.end());
    return out;
}

}  // namespace lakeferry::test
