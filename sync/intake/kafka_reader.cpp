#include "sync/intake/kafka_reader.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/keys.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <limits>

namespace lakeferry::intake {

namespace asio = boost::asio;

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t poll_bytes_max = std::size_t{2} << 20;
constexpr rt::duration tell_every = seconds(1);
constexpr std::string_view lease_held = "lease.held";  // another daemon's: known for sure
constexpr rt::backoff_policy reconnecting{seconds(1), minutes(1), std::numeric_limits<unsigned>::max()};
constexpr rt::backoff_policy rewriting{seconds(1), seconds(30), std::numeric_limits<unsigned>::max()};

auth::credential_ref to_auth(const core::secret_ref& ref)
{
    using from = core::secret_ref::kind;
    using to = auth::credential_ref::kind;
    return {ref.from == from::file ? to::file : ref.from == from::credential ? to::credential : to::none, ref.name};
}

std::string random_name(std::mt19937_64& rng)
{
    static constexpr std::string_view digits = "0123456789abcdef";
    std::uint64_t bits = rng();
    std::string out;
    for (int i = 0; i < 16; ++i, bits >>= 4U) out.push_back(digits[bits & 15U]);
    return out;
}

bool stopping(const asio::cancellation_state& stop)
{
    return stop.cancelled() != asio::cancellation_type::none;
}

}  // namespace

const char* to_string(kafka_state s) noexcept
{
    switch (s) {
        case kafka_state::connecting:
            return "connecting";
        case kafka_state::reading:
            return "reading";
        case kafka_state::held:
            return "held";
        case kafka_state::waiting:
            return "waiting";
        case kafka_state::stopped:
            return "stopped";
    }
    return "connecting";
}

kafka_reader::kafka_reader(kafka_needs needs, core::kafka_settings settings, std::string space_id, std::uint32_t space)
    : needs_(std::move(needs)),
      settings_(std::move(settings)),
      space_id_(std::move(space_id)),
      space_(space),
      counts_([this] {
          auto& m = needs_.metrics;
          const obs::labels of{{"space", space_id_}};
          return counters{
              m.counter("lakeferry_kafka_messages_total", "Messages of the topic that are on disk", of),
              m.counter("lakeferry_kafka_calls_total", "Accepted calls in these", of),
              m.counter("lakeferry_kafka_lost_total", "Messages that were gone before they were read", of),
              m.counter("lakeferry_kafka_assignments_total", "Times that the group gave out partitions", of),
              m.counter("lakeferry_kafka_failures_total", "Connections to the cluster that ended by a failure", of)};
      }()),
      client_log_(needs_.log, needs_.time),
      write_patience_(rewriting)
{
    view_.topic = settings_.topic;
    view_.group = settings_.group;
}

kafka_reader::~kafka_reader() = default;

std::vector<obs::field> kafka_reader::about(std::vector<obs::field> more) const
{
    std::vector<obs::field> all{{"space", space_id_}, {"topic", settings_.topic}, {"group", settings_.group}};
    for (auto& one : more) all.push_back(std::move(one));
    return all;
}

void kafka_reader::set_problem(const rt::failure& why)
{
    const bool fresh = view_.error_id != why.id;
    view_.error_id = why.id;
    view_.error = why.detail;
    if (!fresh) return;
    const auto how = why.retry == rt::retry_class::never ? obs::level::error : obs::level::warn;
    needs_.log.write(how, "kafka.failed", why.detail, about({{"id", why.id}}));
}

void kafka_reader::clear_problem()
{
    if (view_.error_id.empty()) return;
    needs_.log.info("kafka.recovered", "Calls are read from Kafka again", about({{"id", view_.error_id}}));
    view_.error_id.clear();
    view_.error.clear();
}

rt::awaitable<void> kafka_reader::run()
{
    const auto stop = co_await asio::this_coro::cancellation_state;
    co_await asio::this_coro::throw_if_cancelled(false);
    rt::backoff patience(reconnecting);
    while (!stopping(stop)) {
        const auto began = needs_.time.now();
        const rt::failure why = co_await session(stop);
        if (stopping(stop)) break;
        ++counts_.failures;
        set_problem(why);
        if (needs_.time.now() - began > minutes(5)) patience.reset();
        const bool for_good = why.id == "kafka.fenced";
        view_.state = for_good ? kafka_state::stopped : kafka_state::waiting;
        const auto until =
            for_good ? rt::time_point::max()
                     : needs_.time.now() +
                           patience.next(needs_.time.now(), {}, why.retry_after, needs_.rng).value_or(minutes(1));
        (void)co_await needs_.time.async_wait_until(until, asio::as_tuple(asio::use_awaitable));
    }
    view_.state = kafka_state::stopped;
}

// One connection, from its beginning to its end. A defect in it ends the connection only.
rt::awaitable<rt::failure> kafka_reader::session(const stop_state& stop)
{
    std::optional<rt::failure> why;
    try {
        why = co_await not_ours(true);
        if (!why) why = co_await prepare();
        if (!why) why = co_await serve(stop);
    } catch (const std::exception& defect) {
        why = rt::failure{.retry = rt::retry_class::transient,
                          .id = "kafka.defect",
                          .detail = std::string("A defect ended the connection: ") + defect.what()};
    }
    if (client_) {
        if (!why || why->id != "kafka.fenced") co_await tell_group(true);
        co_await client_->close();
        client_.reset();
    }
    next_.clear();
    untold_.clear();
    pending_.clear();
    view_.partitions = 0;
    view_.lag.reset();
    co_return why.value_or(rt::failure{});
}

// Why the topic is left alone; nullopt: its calls are ours to take.
rt::awaitable<std::optional<rt::failure>> kafka_reader::not_ours(bool afresh)
{
    if (!needs_.may_read) co_return std::nullopt;
    auto may = co_await needs_.may_read(afresh);
    if (may.has_value()) co_return std::nullopt;
    rt::failure why = may.error();
    why.detail = "Calls are left in the topic: " + why.detail;
    if (why.retry == rt::retry_class::never) why.retry_after = minutes(1);
    co_return why;
}

// The name of this store in the group; made once.
rt::awaitable<rt::outcome<std::string>> kafka_reader::store_id()
{
    auto known = co_await rt::offload_uncancellable(
        needs_.workers, [&in = needs_.store, key = store_id_key(space_)] { return in.get(store::family::meta, key); });
    if (known.has_error()) co_return known.error();
    if (known->has_value()) co_return **known;
    std::string made = random_name(needs_.rng);
    std::vector<side_record> records;
    records.push_back({store::family::meta, store_id_key(space_), made});
    auto written = co_await needs_.into.commit({}, std::move(records));
    if (written.has_error()) co_return written.error();
    co_return made;
}

rt::awaitable<std::optional<rt::failure>> kafka_reader::prepare()
{
    view_.state = kafka_state::connecting;
    held_ = false;
    uncertain_ = false;
    problem_of_writing_ = false;
    not_before_ = {};
    auto id = co_await store_id();
    if (id.has_error()) co_return id.error();
    store_id_ = std::move(*id);
    kafka_connection to{settings_, space_id_, "lakeferry-" + space_id_ + "-" + store_id_, {}};
    if (settings_.password.from != core::secret_ref::kind::none) {
        auto password = co_await rt::offload_uncancellable(
            needs_.workers, [this] { return needs_.credentials.read(to_auth(settings_.password)); });
        if (password.has_error()) co_return password.error();
        to.password = std::move(*password);
    }
    if (!needs_.connect) co_return rt::failure{.id = "kafka.settings", .detail = "This daemon was made without Kafka."};
    auto made = co_await needs_.connect(std::move(to));
    if (made.has_error()) co_return made.error();
    client_ = std::move(*made);
    co_return std::nullopt;
}

rt::awaitable<std::optional<rt::failure>> kafka_reader::serve(const stop_state& stop)
{
    while (!stopping(stop)) {
        co_await write_pending();
        const bool hold = !pending_.empty();
        if (hold != held_) co_await client_->hold(hold);
        held_ = hold;
        if (!next_.empty()) view_.state = held_ ? kafka_state::held : kafka_state::reading;
        if (stopping(stop)) break;
        // As a run of the space found out. Whoever took over joins the group, which is asked about at once, below.
        if (auto why = co_await not_ours(false); why && why->id == lease_held) co_return why;
        auto events = co_await client_->poll(poll_bytes_max);
        if (auto why = co_await handle(std::move(events))) co_return why;
    }
    co_await write_pending();
    co_return std::nullopt;
}

rt::awaitable<std::optional<rt::failure>> kafka_reader::handle(kafka_events events)
{
    write_logs(events.logs);
    const bool quiet = events.messages.empty();
    for (auto& one : events.messages) pending_.push_back(std::move(one));
    if (!quiet) co_await write_pending();
    if (events.statistics) note(*events.statistics);
    if ((!quiet || events.at_end) && !problem_of_writing_) clear_problem();
    if (events.revoked) co_await end_partitions(events.lost);
    if (events.assigned)
        if (auto why = co_await not_ours(true); why && why->id == lease_held) co_return why;
    if (events.assigned)
        if (auto why = co_await begin_partitions(std::move(*events.assigned))) co_return why;
    for (const auto partition : events.out_of_range)
        if (auto why = co_await skip_gap(partition)) co_return why;
    for (const auto& why : events.problems) {
        // A new connection reads the password again, and is a new member.
        if (why.retry == rt::retry_class::reauth || why.id == "kafka.fenced" || why.id == "kafka.fatal") co_return why;
        set_problem(why);
    }
    if (!untold_.empty() && (quiet || needs_.time.now() - told_at_ >= tell_every)) co_await tell_group(false);
    co_return std::nullopt;
}

// ---- writing ---------------------------------------------------------------------------------------------

void kafka_reader::put_off(const rt::failure& why)
{
    const auto delay = write_patience_.next(needs_.time.now(), {}, why.retry_after, needs_.rng).value_or(seconds(30));
    not_before_ = needs_.time.now() + delay;
    problem_of_writing_ = true;
    rt::failure shown = why;
    shown.detail = "Messages are not taken from Kafka for now, and stay there: " + why.detail;
    set_problem(shown);
}

// Whether a write happened that failed: the next good write has it on disk or never, then the store tells.
rt::awaitable<bool> kafka_reader::settle()
{
    std::vector<side_record> probe;
    probe.push_back({store::family::meta, store_id_key(space_), store_id_});
    auto written = co_await needs_.into.commit({}, std::move(probe));
    if (written.has_error()) {
        put_off(written.error());
        co_return false;
    }
    auto stored = co_await rt::offload_uncancellable(
        needs_.workers, [this] { return load_positions(needs_.store, space_, settings_); });
    if (stored.has_error()) {
        put_off(stored.error());
        co_return false;
    }
    for (auto& [partition, next] : next_) {
        const auto at = stored->find(partition);
        if (at != stored->end() && at->second > next) untold_[partition] = next = at->second;
    }
    uncertain_ = false;
    co_return true;
}

rt::awaitable<void> kafka_reader::write_pending()
{
    if (pending_.empty() || needs_.time.now() < not_before_) co_return;
    std::size_t bytes = 0;
    for (const auto& one : pending_) bytes += one.value ? one.value->size() : 0;
    if (auto busy = needs_.into.refuses(bytes)) {
        put_off(*busy);
        co_return;
    }
    if (uncertain_ && !co_await settle()) co_return;

    // The table must outlive the views into it, and a reload may come while the messages are read.
    const auto table = needs_.from.now();
    const kafka_plan_options options{
        .table = table.get(),
        .fallback = settings_.source.empty() ? nullptr : table->find_in(space_, settings_.source),
        .space = space_,
        .topic = settings_.topic,
        .now_us = needs_.wall.now_us(),
        .limits = needs_.limits};
    auto plan =
        co_await rt::offload_uncancellable(needs_.workers, [&] { return plan_messages(pending_, next_, options); });
    if (!plan.after.empty()) {
        std::vector<side_record> places;
        for (const auto& [partition, next] : plan.after)
            places.push_back(position_record(space_, settings_, partition, next));
        const auto written = co_await needs_.into.commit(std::move(plan.pieces), std::move(places));
        if (written.has_error()) {
            uncertain_ = true;
            put_off(written.error());
            co_return;
        }
    }
    pending_.clear();
    write_patience_.reset();
    if (problem_of_writing_) clear_problem();
    problem_of_writing_ = false;
    for (const auto& [partition, next] : plan.after) untold_[partition] = next_[partition] = next;
    view_.messages += plan.messages;
    view_.calls += plan.calls;
    counts_.messages += plan.messages;
    counts_.calls += plan.calls;
    note_refused(std::move(plan.refused));
}

void kafka_reader::note_refused(std::vector<kafka_refused> all)
{
    view_.refused += all.size();
    for (auto& one : all) {
        refused_call what;
        what.at_us = needs_.wall.now_us();
        what.via = "kafka";
        what.source = one.why.source ? one.why.source->id : std::string();
        what.field = std::move(one.why.why.field);
        what.message = std::move(one.why.why.message);
        what.where = std::move(one.where);
        what.text = std::move(one.text);
        needs_.refused.record(space_, one.why.why.reason, std::move(what));
    }
}

// The group's copy of where we stand; that it is late or missing harms nobody.
rt::awaitable<void> kafka_reader::tell_group(bool wait)
{
    if (untold_.empty()) co_return;
    std::vector<kafka_committed> what;
    for (const auto& [partition, next] : untold_) what.push_back({partition, next, kafka_signature(store_id_)});
    told_at_ = needs_.time.now();
    const auto told = co_await client_->commit(std::move(what), wait);
    if (told.has_error())
        client_log_.write("commit", obs::level::info, "kafka.not_committed",
                          "The group was not told where the space stands; its store knows, and tells it later",
                          about({{"err", told.error().detail}}));
    else
        untold_.clear();
}

}  // namespace lakeferry::intake
