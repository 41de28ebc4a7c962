#include "daemon/supervisor/space_runner.hpp"

#include "net/rt/offload.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/intake/refusals.hpp"
#include "sync/profiles/run_report.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/host_name.hpp>

#include <limits>

namespace lakeferry::daemon {

namespace asio = boost::asio;

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr rt::backoff_policy patient{seconds(1), minutes(5), std::numeric_limits<unsigned>::max()};

auth::credential_ref to_auth(const core::secret_ref& ref)
{
    using from = core::secret_ref::kind;
    using to = auth::credential_ref::kind;
    return {ref.from == from::file ? to::file : ref.from == from::credential ? to::credential : to::none, ref.name};
}

http::origin host_of(const core::space_config& config)
{
    auto host = databricks::parse_workspace_url(config.databricks.workspace_url, config.databricks.port);
    rt::check(host.has_value(), "a workspace's address was validated with the configuration");
    return std::move(*host);
}

std::unique_ptr<auth::token_source> make_tokens(const space_needs& n, const core::space_config& c,
                                                rt::task_group& refreshes)
{
    if (c.databricks.access_token.from != core::secret_ref::kind::none)
        return std::make_unique<auth::static_token_source>(n.credentials, to_auth(c.databricks.access_token));
    return std::make_unique<auth::oauth_token_source>(
        n.loop,
        auth::oauth_token_source::needs{n.time, n.wall, n.client, n.credentials, refreshes, n.rng, n.log},
        auth::oauth_settings{host_of(c), c.databricks.client_id, to_auth(c.databricks.client_secret), c.id});
}

identity::resolver_settings resolver_settings_of(const core::space_config& c, std::uint32_t number)
{
    return {c.id, number, c.identity, c.sources, c.profiles_sync.materialized, c.profiles_sync.select};
}

std::string what_of(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        return e.what();
    } catch (...) {
        return "unknown exception";
    }
}

}  // namespace

space_runner::space_runner(space_needs needs, std::shared_ptr<const core::space_config> config, std::uint32_t number,
                           std::uint64_t generation)
    : needs_(std::move(needs)),
      config_(std::move(config)),
      number_(number),
      generation_(generation),
      counts_([this] {
          auto& m = needs_.metrics;
          const obs::labels of{{"space", config_->id}};
          return counters{
              m.counter("lakeferry_identity_calls_total", "Calls resolved", of),
              m.counter("lakeferry_identity_duplicates_total", "Calls ignored because their message id was seen", of),
              m.counter("lakeferry_identity_rows_total", "Rows made for the warehouse", of),
              m.counter("lakeferry_identity_rescued_rows_total", "Rows with a value that did not fit its column", of),
              m.counter("lakeferry_identity_failures_total", "Resolution steps that failed", of),
              m.counter("lakeferry_sync_runs_total", "Runs of Profiles Sync that ended", of),
              m.counter("lakeferry_sync_runs_failed_total", "Runs that failed, in part or as a whole", of),
              m.counter("lakeferry_sync_rows_total", "Rows landed in the warehouse", of),
              m.counter("lakeferry_sync_skipped_total", "Runs skipped because the previous one still went", of),
              m.counter("lakeferry_space_restarts_total", "Restarts of a space after a defect", of)};
      }()),
      refreshes_(needs_.loop,
                 [this](const std::string& name, const std::exception_ptr& error) {
                     needs_.log.error("space.defect", "A task of the space ended by a defect",
                                      {{"space", config_->id}, {"task", name}, {"err", what_of(error)}});
                 }),
      checks_(needs_.loop, {}),
      tokens_(make_tokens(needs_, *config_, refreshes_)),
      door_({needs_.time, needs_.wall, needs_.client, *tokens_, needs_.rng, needs_.log}, host_of(*config_), config_->id),
      of_space_(needs_.loop, needs_.limits.statements_per_space),
      statements_(door_, needs_.statement_limits, of_space_),
      sync_({needs_.time, needs_.wall, needs_.rng, needs_.log, needs_.loop, needs_.workers, needs_.store, door_,
             statements_, needs_.warehouses, needs_.staging,
             [&in = needs_.store, number] { return identity::known_tables(in, number); },
             [this](std::function<rt::outcome<void>()> work) { return while_not_resolving(std::move(work)); },
             asio::ip::host_name(),
             [&in = needs_.store, number] { return intake::find_last_sequence(in, number); },
             [this] { return next_run(); }},
            config_, needs_.limits, number_),
      resolver_(make_resolver()),
      events_(needs_.loop),
      drained_(needs_.loop),
      asked_(needs_.loop),
      idle_(needs_.loop),
      resolving_(needs_.loop, 1),
      suppression_(make_suppression(needs_.suppressed, config_->identity))
{
    make_erasures();
    events_.set();  // calls may wait from before
    idle_.set();
}

space_runner::~space_runner() = default;

std::unique_ptr<identity::resolver> space_runner::make_resolver()
{
    // A new one is made when the store was changed by other hands.
    needs_.holders.clear();
    return std::make_unique<identity::resolver>(needs_.store, resolver_settings_of(*config_, number_), needs_.wall,
                                                &needs_.holders);
}

double space_runner::unit() { return std::uniform_real_distribution<double>(0.0, 1.0)(needs_.rng); }

void space_runner::wake()
{
    drained_.clear();
    events_.set();
}

void space_runner::request_sync()
{
    requests_.push_back(std::make_shared<request>(needs_.loop));
    asked_.set();
}

rt::awaitable<rt::outcome<profiles::run_report>> space_runner::sync_now()
{
    const rt::failure stopped{.retry = rt::retry_class::transient,
                              .id = "space.stopped",
                              .detail = "The space stopped before the run ended; what it began is finished after the next start."};
    if (stopped_) co_return stopped;
    auto mine = std::make_shared<request>(needs_.loop);
    requests_.push_back(mine);
    asked_.set();
    co_await mine->done.wait();
    if (!mine->result) co_return stopped;
    co_return std::move(*mine->result);
}

rt::awaitable<rt::outcome<profiles::run_report>> space_runner::take_over()
{
    sync_.take_over();
    co_return co_await sync_now();
}

rt::awaitable<rt::outcome<void>> space_runner::may_take_calls(bool afresh)
{
    if (!afresh) co_return co_await sync_.may_take_calls(false, {});
    co_return co_await as_child(sync_.may_take_calls(true, rt::deadline::in(needs_.time, seconds(30))));
}

profiles::planned_run space_runner::next_run() const
{
    if (paused()) return {.why = pause_words()};
    if (!plan_) return {};
    return {.at_us = plan_->next_us(needs_.time.now(), needs_.wall.now_us()),
            .why = in_words(config_->profiles_sync.schedule)};
}

void space_runner::fail_requests(const rt::failure& why)
{
    for (const auto& one : std::exchange(requests_, {})) {
        one->result.emplace(why);
        one->done.set();
    }
}

rt::awaitable<void> space_runner::run()
{
    const auto state = co_await asio::this_coro::cancellation_state;
    co_await asio::this_coro::throw_if_cancelled(false);
    rt::backoff patience(patient);
    while (state.cancelled() == asio::cancellation_type::none) {
        std::exception_ptr error;
        const auto began = needs_.time.now();
        try {
            co_await loops();
        } catch (...) {
            error = std::current_exception();
        }
        if (!error || state.cancelled() != asio::cancellation_type::none) break;
        if (needs_.time.now() - began > minutes(10)) patience.reset();
        defect_ = what_of(error);
        ++restarts_;
        ++counts_.restarts;
        const auto delay = patience.next(needs_.time.now(), {}, std::nullopt, needs_.rng).value_or(minutes(5));
        needs_.log.error("space.failed", "The space ended by a defect and is started again; others go on",
                         {{"space", config_->id},
                          {"err", defect_},
                          {"restart_in_s", std::chrono::duration<double>(delay).count()}});
        idle_.set();
        (void)co_await needs_.time.async_wait_until(needs_.time.now() + delay, asio::as_tuple(asio::use_awaitable));
        // What the defect left behind in memory is not trusted.
        resolver_ = make_resolver();
        events_.set();
        defect_.clear();
    }
    stopped_ = true;
    fail_requests({.retry = rt::retry_class::transient, .id = "space.stopped", .detail = "The space stopped."});
    checks_.cancel();
    co_await checks_.join();
    refreshes_.cancel();
    co_await refreshes_.join();
}

rt::awaitable<void> space_runner::loops()
{
    rt::task_group tasks(needs_.loop, {});
    tasks.spawn("resolve", resolve_loop());
    tasks.spawn("sync", sync_loop(tasks));
    co_await tasks.join();
}

void space_runner::note(const identity::resolve_result& r)
{
    identity_.calls += r.calls;
    identity_.duplicates += r.duplicates;
    identity_.rows += r.rows;
    identity_.rescued += r.rescued;
    counts_.calls += r.calls;
    counts_.duplicates += r.duplicates;
    counts_.rows += r.rows;
    counts_.rescued += r.rescued;
    for (const auto& [what, times] : r.notes)
        needs_.metrics.counter("lakeferry_identity_notes_total", "Observations of identity resolution",
                               {{"space", config_->id}, {"note", what}}) += times;
}

// Both write to the store, and clients wait for one of them only. The turn comes after a second at the latest.
rt::awaitable<void> space_runner::let_intake_go_first()
{
    const auto until = needs_.time.now() + std::chrono::seconds(1);
    while (needs_.intake_busy && needs_.intake_busy() && needs_.time.now() < until)
        co_await rt::sleep_for(needs_.time, std::chrono::milliseconds(20));
}

// False: nothing more waits.
rt::awaitable<bool> space_runner::resolve_step(rt::backoff& patience)
{
    co_await let_intake_go_first();
    const identity::resolve_limits limits{.two_threads = needs_.resolve_two_threads};
    auto turn = co_await resolving_.acquire(needs_.time, rt::deadline{});
    auto result = co_await rt::offload_uncancellable(needs_.workers, [this, limits] { return resolver_->step(limits); });
    turn.release();
    if (result.has_value()) {
        if (!identity_.error_id.empty())
            needs_.log.info("identity.recovered", "Resolution goes on", {{"space", config_->id}});
        identity_.error_id.clear();
        identity_.error.clear();
        patience.reset();
        note(*result);
        co_return result->more;
    }
    ++counts_.resolve_failures;
    const auto& why = result.error();
    const auto delay = why.retry == rt::retry_class::never
                           ? rt::duration(minutes(5))
                           : patience.next(needs_.time.now(), {}, why.retry_after, needs_.rng).value_or(minutes(5));
    const auto how = why.retry == rt::retry_class::never ? obs::level::error : obs::level::warn;
    if (identity_.error_id != why.id)
        needs_.log.write(how, "identity.failed", why.detail,
                         {{"space", config_->id},
                          {"id", why.id},
                          {"retry_in_s", std::chrono::duration<double>(delay).count()}});
    identity_.error_id = why.id;
    identity_.error = why.detail;
    drained_.set();  // whoever waits for it lands what there is
    co_await rt::sleep_for(needs_.time, delay);
    co_return true;
}

rt::awaitable<void> space_runner::resolve_loop()
{
    rt::backoff patience(patient);
    for (;;) {
        co_await events_.wait();
        events_.clear();
        identity_.working = true;
        while (co_await resolve_step(patience)) {
        }
        identity_.working = events_.is_set();
        if (!events_.is_set()) drained_.set();
    }
}

rt::awaitable<std::int64_t> space_runner::last_start_us()
{
    auto reports = co_await rt::offload_uncancellable(
        needs_.workers, [this] { return profiles::recent_reports(needs_.store, number_, 1); });
    // Unreadable history is no reason not to run.
    if (reports.has_error() || reports->empty()) co_return 0;
    sync_.remember(reports->front());
    co_return reports->front().started_us;
}

rt::awaitable<void> space_runner::sync_loop(rt::task_group& tasks)
{
    const auto last_start = co_await last_start_us();
    plan_.emplace(config_->profiles_sync.schedule, needs_.time.now(), needs_.wall.now_us(), last_start, unit(),
                  needs_.align_runs);
    if (last_start == 0) tasks.spawn("look", look_whose_schema());
    co_await read_pause();
    co_await read_succession();
    co_await erasures_->load();
    for (;;) {
        if (!requests_.empty()) co_await answer_requests(tasks, *plan_);
        else if (erasures_->fresh()) co_await start_erasures(tasks);
        asked_.clear();
        co_await wait_until_due(tasks, *plan_);
    }
}

// Returns when somebody asks, or after the planned run was started or skipped.
rt::awaitable<void> space_runner::wait_until_due(rt::task_group& tasks, run_plan& plan)
{
    const auto wait = paused() ? std::nullopt : plan.wait(needs_.time.now(), needs_.wall.now_us());
    if (!wait) {
        co_await asked_.wait();
        co_return;
    }
    if (*wait > rt::duration::zero()) {
        (void)co_await rt::with_deadline(needs_.time, rt::deadline::in(needs_.time, *wait), asked_.wait());
        co_return;
    }
    plan.started(needs_.time.now(), needs_.wall.now_us());
    if (!idle_.is_set()) {
        ++skipped_;
        ++counts_.skipped;
        needs_.log.info("sync.skipped", "A run was due while the previous one still went", {{"space", config_->id}});
        co_return;
    }
    idle_.clear();
    tasks.spawn("run", run_once("schedule", {}));
}

rt::awaitable<void> space_runner::answer_requests(rt::task_group& tasks, run_plan& plan)
{
    co_await drained_.wait();
    co_await idle_.wait();
    plan.started(needs_.time.now(), needs_.wall.now_us(), true);
    idle_.clear();
    tasks.spawn("run", run_once("manual", std::exchange(requests_, {})));
}

rt::awaitable<void> space_runner::run_once(std::string trigger, requests who)
{
    // However this ends, nobody waits for ever: a request without a result was overtaken by a stop.
    const struct last_word {
        const requests& of;
        ~last_word()
        {
            for (const auto& one : of) one->done.set();
        }
    } at_the_end{who};
    auto result = co_await sync_.run(std::move(trigger));
    ++counts_.runs;
    if (result.has_value()) counts_.rows_landed += result->rows();
    if (!result.has_value() || result->status != profiles::run_status::success) ++counts_.runs_failed;
    if (!result.has_value())
        needs_.log.warn("sync.not_run", result.error().detail, {{"space", config_->id}, {"id", result.error().id}});
    // A run that sent nothing did not look whose schema it is.
    if (result.has_value() && result->status == profiles::run_status::success && result->statements > 0)
        held_elsewhere_.clear();
    co_await read_succession();
    for (const auto& one : who) {
        one->result.emplace(result);
        one->done.set();
    }
    if (erasures_->due()) co_await erasures_->work();
    idle_.set();
}

}  // namespace lakeferry::daemon
