// How a space's erasures come to their turn: they need the run slot, so that nothing lands meanwhile.
#include "daemon/supervisor/space_runner.hpp"
#include "sync/identity/table_catalog.hpp"

namespace lakeferry::daemon {

void space_runner::make_erasures()
{
    space_erasures::parts parts{
        .config = config_,
        .number = number_,
        .with = {.time = needs_.time,
                 .wall = needs_.wall,
                 .rng = needs_.rng,
                 .log = needs_.log,
                 .loop = needs_.loop,
                 .workers = needs_.workers,
                 .store = needs_.store,
                 .door = door_,
                 .statements = statements_,
                 .warehouses = needs_.warehouses,
                 .staging = needs_.staging,
                 .tables = [&in = needs_.store, number = number_] { return identity::known_tables(in, number); }},
        .suppressed = needs_.suppressed,
        .flush_intake = needs_.flush_intake,
        .resolving = resolving_,
        .forget_graph =
            [this] {
                // What it keeps between its steps is of before.
                resolver_ = make_resolver();
            },
        .resolve_error = [this] { return identity_.error; },
        .settle = [this]() -> rt::awaitable<rt::outcome<void>> { return settle_loads(); }};
    erasures_ = std::make_shared<space_erasures>(std::move(parts));
}

rt::awaitable<rt::outcome<void>> space_runner::settle_loads()
{
    if (paused())
        co_return rt::failure{.retry = rt::retry_class::transient, .id = "space.paused", .detail = "the space is paused"};
    auto report = co_await sync_.run("erasure");
    if (report.has_error()) co_return report.error();
    co_return boost::system::in_place_value;
}

rt::awaitable<void> space_runner::start_erasures(rt::task_group& tasks)
{
    co_await idle_.wait();
    idle_.clear();
    tasks.spawn("erasures", run_erasures());
}

rt::awaitable<void> space_runner::run_erasures()
{
    co_await erasures_->work();
    idle_.set();
    asked_.set();  // others may have been asked for meanwhile
}

rt::awaitable<rt::outcome<profiles::erasure>> space_runner::count_erasure(erase_request what)
{
    auto mine = std::make_shared<count_request>(needs_.loop);
    if (!stopped_) {
        checks_.spawn("count", run_count(std::move(what), mine), rt::on_error::log_and_continue);
        co_await mine->done.wait();
    }
    if (!mine->result)
        co_return rt::failure{.retry = rt::retry_class::transient, .id = "space.stopped", .detail = "The space stopped."};
    co_return std::move(*mine->result);
}

rt::awaitable<void> space_runner::run_count(erase_request what, std::shared_ptr<count_request> who)
{
    co_await idle_.wait();
    idle_.clear();
    const struct last_word {
        rt::event& idle;
        count_request& of;
        ~last_word()
        {
            idle.set();
            of.done.set();
        }
    } at_the_end{idle_, *who};
    who->result = co_await erasures_->count(std::move(what));
}

}  // namespace lakeferry::daemon
