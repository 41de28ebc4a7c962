// What a space says about itself: its status, and its connection test.
#include "daemon/supervisor/space_runner.hpp"

#include "net/rt/offload.hpp"
#include "sync/profiles/lease.hpp"
#include "sync/profiles/succession.hpp"

#include <boost/asio/ip/host_name.hpp>

namespace lakeferry::daemon {

// A child of the space, so that it never outlives what it borrows.
rt::awaitable<rt::outcome<profiles::connection_report>> space_runner::check(bool wake)
{
    auto mine = std::make_shared<check_request>(needs_.loop);
    if (!stopped_) {
        checks_.spawn("check", run_check(wake, mine), rt::on_error::log_and_continue);
        co_await mine->done.wait();
    }
    if (!mine->result)
        co_return rt::failure{.retry = rt::retry_class::transient, .id = "space.stopped", .detail = "The space stopped."};
    co_return std::move(*mine->result);
}

rt::awaitable<void> space_runner::run_check(bool wake, std::shared_ptr<check_request> who)
{
    const struct last_word {
        check_request& of;
        ~last_word() { of.done.set(); }
    } at_the_end{*who};
    profiles::connection_options options;
    auto id = co_await rt::offload_uncancellable(
        needs_.workers, [this, random = needs_.rng()] { return profiles::state_directory_id(needs_.store, random); });
    options.self = {.space = config_->id, .host = boost::asio::ip::host_name()};
    if (id.has_value()) options.self.id = *id;
    options.succession = identity_.notice;
    options.wake = wake;
    options.limit = rt::deadline::in(needs_.time, std::chrono::minutes(20));
    who->result = co_await profiles::test_connection({needs_.time, *tokens_, door_, statements_, needs_.warehouses},
                                                     *config_, std::move(options));
}

// A state directory that has never landed anything may have come to a schema that another one keeps. That is said at the
// start, not with the first calls.
rt::awaitable<void> space_runner::look_whose_schema()
{
    auto ours = co_await sync_.may_take_calls(true, rt::deadline::in(needs_.time, std::chrono::minutes(1)));
    if (ours.has_value() || ours.error().id != "lease.held") co_return;
    held_elsewhere_ = ours.error().detail;
    needs_.log.warn("lease.held", held_elsewhere_, {{"space", config_->id}});
}

rt::awaitable<void> space_runner::read_succession()
{
    auto found = co_await rt::offload_uncancellable(
        needs_.workers, [this] { return profiles::read_succession(needs_.store, number_); });
    if (found.has_error()) co_return;  // whatever ails the store is said by whoever needs it
    identity_.notice = found->has_value() ? profiles::in_words(**found, config_->id) : std::string();
}

rt::awaitable<rt::outcome<void>> space_runner::settle_profiles() { co_return co_await as_child(forget_succession()); }

rt::awaitable<rt::outcome<void>> space_runner::forget_succession()
{
    auto done = co_await rt::offload_uncancellable(
        needs_.workers, [this] { return profiles::end_succession(needs_.store, number_); });
    if (done.has_value()) identity_.notice.clear();
    co_return done;
}

space_view space_runner::view() const
{
    space_view v;
    v.id = config_->id;
    v.name = config_->name;
    v.target = config_->databricks.catalog + "." + config_->profiles_sync.schema;
    v.warehouse_id = config_->databricks.warehouse_id;
    v.identity = identity_;
    v.identity.working = identity_.working || events_.is_set();
    v.sync = sync_.status();
    if (kafka_ != nullptr) v.kafka = kafka_->view();
    v.skipped = skipped_;
    v.restarts = restarts_;
    v.generation = generation_;
    v.erasures_open = erasures_->open();
    v.erasure_error = erasures_->error();
    v.suppressed_calls = erasures_->dropped_calls();
    v.paused = pause_words();
    const auto next = next_run();
    v.next_run_us = next.at_us;
    v.next_run_why = next.why;
    if (!defect_.empty()) {
        v.state = space_state::restarting;
        v.reason = defect_;
    } else if (!v.identity.error_id.empty()) {
        v.state = space_state::degraded;
        v.reason = v.identity.error;
    } else if (!v.sync.error_id.empty()) {
        v.state = space_state::degraded;
        v.reason = v.sync.error;
    } else if (!held_elsewhere_.empty()) {
        v.state = space_state::degraded;
        v.reason = held_elsewhere_;
    } else if (v.kafka && !v.kafka->error_id.empty()) {
        v.state = space_state::degraded;
        v.reason = v.kafka->error;
    } else if (paused()) {
        v.state = space_state::paused;
        v.reason = v.paused;
    }
    return v;
}

const char* to_string(space_state s) noexcept
{
    switch (s) {
        case space_state::running: return "running";
        case space_state::paused: return "paused";
        case space_state::degraded: return "degraded";
        case space_state::restarting: return "restarting";
    }
    return "running";
}

}  // namespace lakeferry::daemon
