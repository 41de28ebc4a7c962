// A topic in memory, and a reader of it inside the world of intake.
#pragma once

#include "sync/intake/kafka_errors.hpp"
#include "sync/intake/kafka_reader.hpp"
#include "tests/support/fake_kafka/fake_cluster.hpp"
#include "tests/unit/intake/intake_world.hpp"

#include <algorithm>

namespace lakeferry::test {

using namespace std::chrono_literals;

inline core::kafka_settings kafka_settings_of_test()
{
    core::kafka_settings out;
    out.brokers = {"kafka:9092"};
    out.topic = "calls";
    out.group = "lakeferry-acme";
    out.source = "src-web";
    return out;
}

struct kafka_world : intake_world {
    fake_cluster cluster{*this};
    auth::credential_store credentials{""};
    std::optional<intake::kafka_reader> reader{};
    std::optional<rt::task_group> reading{};
    std::function<rt::awaitable<rt::outcome<void>>(bool afresh)> may_read{};

    explicit kafka_world(intake::acceptor_settings how = {}) : intake_world({}, how)
    {
        read();
    }
    ~kafka_world() { end(); }
    kafka_world(const kafka_world&) = delete;
    kafka_world& operator=(const kafka_world&) = delete;

    void read(core::kafka_settings with = kafka_settings_of_test())
    {
        reader.emplace(intake::kafka_needs{executor(), time, wall, rng, log, metrics, *db, credentials, sources,
                                           *acceptor, *refusals, connector(cluster), limits, may_read},
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

}  // namespace lakeferry::test
