#include "tests/sim/wake_trial.hpp"

#include <algorithm>

namespace lakeferry::test {

namespace {

using std::chrono::duration_cast;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds tick{20};

// The auto-stop of a SQL warehouse, and the meter that is paid for: from the start to the stop.
class meter {
public:
    meter(daemon_world& w, minutes auto_stop) : w_(w), auto_stop_(auto_stop) {}

    void look(wake_figures& to)
    {
        auto& warehouse = w_.workspace.warehouse("w1");
        const auto sent = w_.workspace.statements_accepted;
        if (sent != seen_ || w_.workspace.statements_running != 0) last_ = w_.now();
        seen_ = sent;
        if (warehouse.state == "STOPPED") {
            last_ = w_.now();
            return;
        }
        to.awake += tick;
        if (warehouse.state == "RUNNING" && w_.now() - last_ >= auto_stop_) w_.workspace.stop_warehouse("w1");
    }

private:
    daemon_world& w_;
    minutes auto_stop_;
    unsigned seen_ = 0;
    rt::time_point last_{};
};

}  // namespace

wake_figures try_waking(const wake_setup& setup)
{
    daemon_world w(setup.seed, setup.spaces);
    w.align_runs = setup.aligned;
    for (auto& space : w.config->spaces) {
        auto changed = std::make_shared<core::space_config>(*space);
        changed->profiles_sync.schedule.every = setup.every;
        space = changed;
    }
    w.start();
    wake_figures figures;
    meter of(w, setup.auto_stop);
    std::map<std::string, std::string> sent;  // space by message id
    std::bernoulli_distribution one(setup.calls_a_day * tick.count() / 86400.0);
    std::mt19937_64 rng(setup.seed);
    // Without alignment each space counts from its first run: those are spread over one period, as spaces are that were
    // set up at different times.
    std::vector<seconds> born;
    for (unsigned n = 0; n < setup.spaces; ++n)
        born.emplace_back(std::uniform_int_distribution<std::int64_t>(0, duration_cast<seconds>(setup.every).count() - 1)(rng));
    const auto steps = setup.length / tick;
    sent_calls learned;
    for (std::int64_t i = 0; i < steps; ++i) {
        for (unsigned n = 0; n < setup.spaces; ++n) {
            const auto space = daemon_world::space_id(n);
            // The first run by hand at its birth sets the phase of a timer of its own.
            if (i == born[n] / tick) w.core().space(space)->request_sync();
            if (i > born[n] / tick && one(rng)) {
                const auto id = space + "-" + std::to_string(figures.calls++);
                w.send_tracks(space, {id}, learned);
                sent.emplace(id, space);
            }
        }
        w.pass(tick);
        of.look(figures);
    }
    figures.wake_ups = w.workspace.warehouse("w1").starts;
    figures.statements = w.workspace.statements_accepted;
    w.pass(setup.every + minutes(10));
    std::map<std::string, std::vector<std::string>> landed;
    for (const auto& [id, space] : sent) {
        auto [ids, fresh] = landed.try_emplace(space);
        if (fresh) ids->second = w.landed_ids(space, "tracks");
        figures.landed += static_cast<unsigned>(std::count(ids->second.begin(), ids->second.end(), id));
    }
    return figures;
}

}  // namespace lakeferry::test
