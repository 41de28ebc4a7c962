#include "daemon/supervisor/space_set.hpp"

#include "daemon/supervisor/space_target.hpp"
#include "net/rt/offload.hpp"
#include "sync/identity/progress.hpp"
#include "sync/profiles/lease.hpp"

namespace lakeferry::daemon {

namespace asio = boost::asio;

space_set::space_set(space_needs needs, intake::acceptor& acceptor, intake::sources& sources, intake::refusals& refused,
                     intake::kafka_connector kafka)
    : needs_(std::move(needs)), acceptor_(acceptor), sources_(sources), refused_(refused), kafka_(std::move(kafka))
{
    needs_.flush_intake = [this] { return acceptor_.commit({}); };
}

space_needs space_set::needs_of(std::uint32_t number) const
{
    auto needs = needs_;
    needs.suppressed = suppressed_.at(number);
    return needs;
}

void space_set::start(running& one, std::unique_ptr<space_runner> runner)
{
    one.runner = std::move(runner);
    one.tasks = std::make_unique<rt::task_group>(needs_.loop, rt::task_group::reporter{});
    by_number_[one.runner->number()] = one.runner.get();
    one.tasks->spawn("space " + one.runner->config().id, one.runner->run());
}

// Calls are told apart by the sources in force: whoever reads before they are would refuse good ones.
void space_set::start_kafka(running& one)
{
    const auto& config = one.runner->config();
    if (one.kafka || config.kafka.brokers.empty()) return;
    const auto& n = needs_;
    one.kafka = std::make_unique<intake::kafka_reader>(
        intake::kafka_needs{n.workers, n.time, n.wall, n.rng, n.log, n.metrics, n.store, n.credentials, sources_,
                            acceptor_, refused_, kafka_, n.limits,
                            [runner = one.runner.get()](bool afresh) { return runner->may_take_calls(afresh); }},
        config.kafka, config.id, one.runner->number());
    one.runner->show_kafka(one.kafka.get());
    one.tasks->spawn("kafka " + config.id, one.kafka->run());
}

// Read through the set, so that they survive a replacement.
void space_set::add_gauges(const std::string& id)
{
    const obs::labels of{{"space", id}};
    const auto gauge = [&](const char* name, const char* help, double (*read)(const space_view&)) {
        needs_.metrics.gauge(name, help, of, [this, id, read, alive = std::weak_ptr(life_)] {
            if (alive.expired()) return 0.0;
            const auto it = all_.find(id);
            return it == all_.end() || !it->second.runner ? 0.0 : read(it->second.runner->view());
        });
    };
    gauge("lakeferry_sync_last_success_timestamp_seconds", "When the last successful run ended; 0: never",
          [](const space_view& v) { return static_cast<double>(v.sync.last_success_us) / 1e6; });
    gauge("lakeferry_sync_failures_in_a_row", "Runs that failed since the last success",
          [](const space_view& v) { return static_cast<double>(v.sync.failures_in_a_row); });
    gauge("lakeferry_sync_running", "1 while a run goes",
          [](const space_view& v) { return v.sync.phase == profiles::sync_phase::idle ? 0.0 : 1.0; });
    gauge("lakeferry_kafka_lag_messages", "Messages of the topic that wait to be read; 0 also where there is no topic",
          [](const space_view& v) { return v.kafka ? static_cast<double>(v.kafka->lag.value_or(0)) : 0.0; });
    gauge("lakeferry_erasures_open", "Erasures of people that are not complete",
          [](const space_view& v) { return static_cast<double>(v.erasures_open); });
    gauge("lakeferry_intake_suppressed_calls", "Calls dropped since the start because their person is suppressed",
          [](const space_view& v) { return static_cast<double>(v.suppressed_calls); });
    gauge("lakeferry_space_healthy", "0 while a space is degraded or restarting", [](const space_view& v) {
        return v.state == space_state::degraded || v.state == space_state::restarting ? 0.0 : 1.0;
    });
}

rt::awaitable<rt::outcome<void>> space_set::add(config_ptr config, std::uint64_t generation)
{
    struct found {
        std::uint32_t number = 0;
        std::uint64_t last_refusal = 0;
        std::vector<core::id128> suppressed{};
    };
    const std::string id = config->id;
    const auto random = needs_.rng();
    auto looked = co_await rt::offload_uncancellable(needs_.workers, [this, id, config, random]() -> rt::outcome<found> {
        // Made here, by one space after the other: two at once would make two.
        if (auto named = profiles::state_directory_id(needs_.store, random); named.has_error()) return named.error();
        auto number = store::space_number(needs_.store, id);
        if (number.has_error()) return number.error();
        if (auto target = check_target(needs_.store, *number, *config, false); target.has_error()) return target.error();
        if (auto raised = identity::raise_seq(needs_.store, *number, needs_.wall.now_us()); raised.has_error())
            return raised.error();
        auto last = intake::find_last_sequence(needs_.store, *number);
        if (last.has_error()) return last.error();
        auto suppressed = intake::read_suppressed(needs_.store, *number);
        if (suppressed.has_error()) return suppressed.error();
        return found{*number, *last, std::move(*suppressed)};
    });
    if (looked.has_error()) co_return looked.error();
    auto accepting = co_await acceptor_.add_space(looked->number, id);
    if (accepting.has_error()) co_return accepting.error();
    refused_.add_space(looked->number, id, looked->last_refusal);
    auto& list = suppressed_[looked->number];
    list = std::make_shared<intake::suppression_list>();
    list->add(looked->suppressed);
    start(all_[id], std::make_unique<space_runner>(needs_of(looked->number), std::move(config), looked->number, generation));
    add_gauges(id);
    co_return rt::outcome<void>();
}

rt::awaitable<rt::outcome<void>> space_set::allows(config_ptr config)
{
    const auto at = all_.find(config->id);
    if (at == all_.end()) co_return rt::outcome<void>();
    co_return co_await rt::offload_uncancellable(needs_.workers, [this, number = at->second.runner->number(), config] {
        return check_target(needs_.store, number, *config, true);
    });
}

rt::awaitable<void> space_set::replace(config_ptr config, std::uint64_t generation)
{
    running& one = all_.at(config->id);
    const auto number = one.runner->number();
    auto next = std::make_unique<space_runner>(needs_of(number), config, number, generation);
    one.tasks->cancel();
    co_await one.tasks->join();
    one.tasks.reset();
    one.kafka.reset();
    // Before the first sync the place may change; whether it may was asked before.
    (void)co_await rt::offload_uncancellable(needs_.workers, [this, number, config] { return check_target(needs_.store, number, *config, false); });
    start(one, std::move(next));
}

rt::awaitable<void> space_set::remove(std::string id)
{
    const auto it = all_.find(id);
    if (it == all_.end()) co_return;
    running& one = it->second;
    const auto number = one.runner->number();
    acceptor_.remove_space(number);
    refused_.remove_space(number);
    one.tasks->cancel();
    co_await one.tasks->join();
    by_number_.erase(number);
    all_.erase(it);
    needs_.metrics.drop("space", id);
}

rt::outcome<void> space_set::publish()
{
    std::vector<intake::source_table::space> spaces;
    for (const auto& [id, one] : all_) spaces.push_back({one.runner->number(), &one.runner->config(), one.runner->suppression()});
    auto table = intake::source_table::make(spaces);
    if (table.has_error()) return table.error();
    sources_.swap(std::move(*table));
    for (auto& [id, one] : all_) start_kafka(one);
    return {};
}

rt::awaitable<void> space_set::stop_all()
{
    hurry();
    for (auto& [id, one] : all_) {
        co_await one.tasks->join();
    }
    by_number_.clear();
    all_.clear();
}

void space_set::hurry()
{
    for (auto& [id, one] : all_)
        if (one.tasks) one.tasks->cancel();
}

void space_set::wake(std::uint32_t number)
{
    const auto it = by_number_.find(number);
    if (it != by_number_.end()) it->second->wake();
}

space_runner* space_set::find(std::string_view id) noexcept
{
    const auto it = all_.find(id);
    return it == all_.end() ? nullptr : it->second.runner.get();
}

std::vector<space_view> space_set::views() const
{
    std::vector<space_view> all;
    for (const auto& [id, one] : all_) all.push_back(one.runner->view());
    return all;
}

}  // namespace lakeferry::daemon
