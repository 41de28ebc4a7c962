// All spaces of a daemon: starts, replaces and stops them one by one, without touching the others.
#pragma once

#include "daemon/supervisor/space_runner.hpp"
#include "sync/intake/acceptor.hpp"
#include "sync/intake/kafka_reader.hpp"
#include "sync/intake/refusals.hpp"
#include "sync/intake/sources.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lakeferry::daemon {

// Loop thread only. stop_all() is awaited before this goes.
class space_set {
public:
    // kafka: how topics are reached; empty: not at all.
    space_set(space_needs needs, intake::acceptor& acceptor, intake::sources& sources, intake::refusals& refused,
              intake::kafka_connector kafka = {});
    space_set(const space_set&) = delete;
    space_set& operator=(const space_set&) = delete;

    using config_ptr = std::shared_ptr<const core::space_config>;

    // Failures are those of the store; the space is not there then.
    rt::awaitable<rt::outcome<void>> add(config_ptr config, std::uint64_t generation);
    // Whether the space may be replaced by this. Failures: "space.schema_fixed", those of the store.
    rt::awaitable<rt::outcome<void>> allows(config_ptr config);
    // The new one is built before the old one is stopped; they never run side by side.
    rt::awaitable<void> replace(config_ptr config, std::uint64_t generation);
    // Its data stay in the store: it comes back with them if it is configured again.
    rt::awaitable<void> remove(std::string id);
    // Puts the sources of the present spaces in force. Failure: "intake.write_key_twice".
    rt::outcome<void> publish();
    rt::awaitable<void> stop_all();
    void hurry();

    void wake(std::uint32_t number);
    // nullptr: there is no such space.
    space_runner* find(std::string_view id) noexcept;
    std::vector<space_view> views() const;
    std::size_t size() const noexcept { return all_.size(); }

private:
    struct running {
        std::unique_ptr<space_runner> runner{};
        std::unique_ptr<rt::task_group> tasks{};
        std::unique_ptr<intake::kafka_reader> kafka{};  // begins when the sources are in force
    };
    void start(running& one, std::unique_ptr<space_runner> runner);
    void add_gauges(const std::string& id);
    void start_kafka(running& one);
    space_needs needs_of(std::uint32_t number) const;

    space_needs needs_;
    intake::acceptor& acceptor_;
    intake::sources& sources_;
    intake::refusals& refused_;
    intake::kafka_connector kafka_;
    std::map<std::string, running, std::less<>> all_{};
    std::map<std::uint32_t, space_runner*> by_number_{};
    std::map<std::uint32_t, std::shared_ptr<intake::suppression_list>> suppressed_{};
    // Gauges live in the registry, which may outlive this: they look here first.
    std::shared_ptr<const bool> life_ = std::make_shared<const bool>(true);
};

}  // namespace lakeferry::daemon
