// A topic in memory, and clients of it.
#pragma once

#include "sync/intake/kafka_client.hpp"
#include "tests/support/world/world.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lakeferry::test {

using namespace std::chrono_literals;

inline std::string page_call(int n)
{
    return R"({"type":"page","userId":"u)" + std::to_string(n) + "\"}";
}

inline std::vector<std::string> page_calls(int from, int to)
{
    std::vector<std::string> out;
    for (int n = from; n < to; ++n) out.push_back(page_call(n));
    std::sort(out.begin(), out.end());
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
    int connections = 0;  // ever made
    int members = 0;      // that have not left
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
    explicit fake_client(fake_cluster& of) : of_(of)
    {
        ++of_.connections;
        ++of_.members;
    }

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
        if (of_.commits_fail) co_return rt::failure{rt::retry_class::transient, "kafka.unreachable", "as the test wants"};
        for (const auto& one : what) of_.partitions[one.partition].committed = one;
        co_return rt::outcome<void>();
    }
    rt::awaitable<void> close() override
    {
        --of_.members;
        co_return;
    }

private:
    fake_cluster& of_;
    std::map<std::int32_t, std::int64_t> at_{};
    bool told_ = false;
    bool held_ = false;
};

// The cluster outlives what this makes.
inline intake::kafka_connector connector(fake_cluster& to)
{
    return [&to](intake::kafka_connection) -> rt::awaitable<rt::outcome<std::unique_ptr<intake::kafka_client>>> {
        co_return std::unique_ptr<intake::kafka_client>(std::make_unique<fake_client>(to));
    };
}

}  // namespace lakeferry::test
