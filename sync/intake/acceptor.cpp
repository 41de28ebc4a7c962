#include "sync/intake/acceptor.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/event_block.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"
#include "sync/intake/blocks.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <set>

namespace lakeferry::intake {
namespace {

namespace this_coro = boost::asio::this_coro;

constexpr std::uint32_t last_space = 0xFFFF'FFFF;

// The arrival number that the next block of a space gets: one more than any that was ever given out.
rt::outcome<std::uint64_t> next_arrival(store::store& in, std::uint32_t space)
{
    const auto last = in.last(store::family::events, core::key32(space), core::key32(space + 1));
    if (last.has_error()) return last.error();
    const auto resolved = in.get(store::family::meta, core::space_meta_key(space, "resolved"));
    if (resolved.has_error()) return resolved.error();
    std::uint64_t highest = 0;
    if (last->has_value() && (*last)->first.size() == 12) highest = core::read_be64((*last)->first, 4);
    if (resolved->has_value() && (*resolved)->size() == 8) highest = std::max(highest, core::read_be64(**resolved));
    return highest + 1;
}

}  // namespace

// What is written at once.
struct acceptor::group {
    explicit group(const boost::asio::any_io_executor& ex) : done(ex) {}

    // Somebody waits for it.
    bool promised() const noexcept { return !pieces.empty() || !also.empty() || !singles.all().empty(); }

    std::vector<piece> pieces{};
    std::vector<side_record> also{};
    shared_blocks singles{};
    std::size_t bytes = 0;
    rt::event done;
    rt::outcome<void> result{};
};

acceptor::acceptor(boost::asio::any_io_executor loop, boost::asio::any_io_executor workers, rt::time_source& clock,
                   store::store& into, obs::metrics& metrics, obs::log& log, acceptor_settings settings, wake on_events)
    : loop_(std::move(loop)),
      workers_(std::move(workers)),
      clock_(clock),
      store_(into),
      metrics_(metrics),
      log_(log),
      settings_(settings),
      on_events_(std::move(on_events)),
      work_(loop_),
      commits_(metrics.counter("lakeferry_intake_commits_total", "Groups of accepted calls written to disk")),
      commit_failures_(metrics.counter("lakeferry_intake_commit_failures_total", "Groups that could not be written")),
      bytes_(metrics.counter("lakeferry_intake_bytes_total", "Bytes of accepted calls written to disk"))
{
    metrics.gauge("lakeferry_intake_in_flight_bytes", "Bytes of calls that wait for the disk", {},
                  [this] { return static_cast<double>(bytes_in_flight_); });
    metrics.gauge("lakeferry_intake_backlog_bytes", "Unresolved events and unlanded rows on disk, as last measured", {},
                  [this] { return static_cast<double>(backlog_bytes_); });
}

rt::awaitable<rt::outcome<void>> acceptor::add_space(std::uint32_t number, std::string id)
{
    auto next = co_await rt::offload_uncancellable(workers_, [&in = store_, number] { return next_arrival(in, number); });
    if (next.has_error()) co_return next.error();
    space& one = spaces_[number];
    one.next = std::max(one.next, *next);
    one.active = true;
    one.calls = &metrics_.counter("lakeferry_intake_calls_total", "Accepted calls on disk", {{"space", id}});
    one.id = std::move(id);
    co_return rt::outcome<void>();
}

void acceptor::remove_space(std::uint32_t number)
{
    // The numbers stay known: blocks of the space may still wait.
    if (const auto at = spaces_.find(number); at != spaces_.end()) {
        at->second.active = false;
        at->second.calls = nullptr;
    }
}

// What has been resolved and landed may still be on the disk. Where that makes the difference it is freed here: who takes
// no calls writes nothing, and where nothing is written the store frees nothing.
acceptor::room acceptor::measure(store::store& in) const
{
    const auto look = [&in] {
        const std::string from = core::key32(0);
        const std::string to = core::key32(last_space);
        return room{.backlog = in.approximate_bytes(store::family::events, from, to) +
                               in.approximate_bytes(store::family::outbox, from, to),
                    .free = in.free_bytes()};
    };
    const auto found = look();
    return too_full(found) && in.reclaim() ? look() : found;
}

std::optional<rt::failure> acceptor::too_full(const room& now) const
{
    if (now.backlog > settings_.backlog_bytes_max)
        return full("intake.backlog_full",
                    "calls are refused until the events and rows that wait on disk have gone down: " +
                        std::to_string(now.backlog) + " bytes wait, " + std::to_string(settings_.backlog_bytes_max) +
                        " are allowed (limits.backlog_bytes_max)");
    if (now.free && *now.free < settings_.disk_free_min)
        return full("intake.disk_full",
                    "calls are refused while the disk of the state directory has less than " +
                        std::to_string(settings_.disk_free_min) + " bytes left (limits.disk_free_min); it has " +
                        std::to_string(*now.free) + ": free some space. What was accepted goes on its way");
    return std::nullopt;
}

rt::failure acceptor::full(const char* id, std::string detail) const
{
    rt::failure out;
    out.retry = rt::retry_class::transient;
    out.id = id;
    out.detail = std::move(detail);
    out.retry_after = settings_.retry_after;
    return out;
}

std::optional<rt::failure> acceptor::refuses(std::size_t more_bytes, std::size_t on_their_way) const
{
    if (stopping_) return full("intake.stopping", "the daemon is stopping: send again, to another instance or later");
    // When the time is over one request may try: its write says whether the state has changed.
    if (refusing_ && clock_.now() < refusing_until_) return refusing_;
    const std::size_t before = bytes_in_flight_ + on_their_way;
    if (before > 0 && before + more_bytes > settings_.bytes_in_flight_max) {
        rt::failure out = full("intake.busy", "too many calls are under way at once: send again after the time given");
        out.retry = rt::retry_class::throttled;
        out.retry_after = std::chrono::seconds(1);
        return out;
    }
    return std::nullopt;
}

const std::shared_ptr<acceptor::group>& acceptor::open_group()
{
    if (waiting_.empty() || waiting_.back()->bytes >= settings_.group_bytes_max)
        waiting_.push_back(std::make_shared<group>(loop_));
    return waiting_.back();
}

void acceptor::nudge()
{
    nudged_ = true;
    work_.set();
}

rt::outcome<void> acceptor::admits(std::uint32_t number) const
{
    if (stopping_) return *refuses(0);
    const auto at = spaces_.find(number);
    if (at == spaces_.end() || !at->second.active)
        return full("intake.space_gone", "the space was removed from the configuration a moment ago");
    return {};
}

rt::awaitable<rt::outcome<void>> acceptor::commit(std::vector<piece> pieces, std::vector<side_record> also)
{
    if (stopping_) co_return *refuses(0);
    std::size_t bytes = 0;
    for (const auto& one : pieces) {
        if (auto ok = admits(one.space); ok.has_error()) co_return ok.error();
        bytes += one.block.size();
    }
    for (const auto& one : also) bytes += one.key.size() + one.value.size();

    const std::shared_ptr<group> mine = open_group();
    for (auto& one : pieces) mine->pieces.push_back(std::move(one));
    for (auto& one : also) mine->also.push_back(std::move(one));
    grow(*mine, bytes);
    co_await mine->done.wait();
    co_return mine->result;
}

rt::awaitable<rt::outcome<void>> acceptor::commit_call(single_call one)
{
    if (auto ok = admits(one.space); ok.has_error()) co_return ok.error();
    const std::shared_ptr<group> mine = open_group();
    mine->singles.add(one);
    grow(*mine, one.text.size());
    co_await mine->done.wait();
    co_return mine->result;
}

void acceptor::grow(group& mine, std::size_t bytes)
{
    mine.bytes += bytes;
    bytes_in_flight_ += bytes;
    work_.set();
}

rt::awaitable<void> acceptor::run()
{
    co_await this_coro::reset_cancellation_state(boost::asio::enable_total_cancellation());
    co_await this_coro::throw_if_cancelled(false);
    const auto state = co_await this_coro::cancellation_state;
    for (;;) {
        const bool cancelled = state.cancelled() != boost::asio::cancellation_type::none;
        if (!waiting_.empty() || nudged_) {
            nudged_ = false;
            if (waiting_.empty()) open_group();
            const auto next = waiting_.front();
            waiting_.pop_front();
            co_await write_group(next);
        } else if (cancelled) {
            break;
        } else {
            work_.clear();
            co_await work_.wait_once();
        }
        stopping_ = stopping_ || state.cancelled() != boost::asio::cancellation_type::none;
    }
    stopping_ = true;
}

rt::awaitable<void> acceptor::write_group(std::shared_ptr<group> one)
{
    // Numbers of a failed write are not given out again: it may have happened all the same, and may have been
    // resolved by the time at which the next block comes.
    std::vector<std::string> keys;
    keys.reserve(one->pieces.size() + one->singles.all().size());
    for (const auto& p : one->pieces) keys.push_back(core::event_key(p.space, spaces_[p.space].next++));
    for (const auto& b : one->singles.all()) keys.push_back(core::event_key(b.space, spaces_[b.space].next++));
    store::batch companions;
    if (companion_) companion_(companions);

    const bool first_measure = full_.has_value();
    const bool then_measure =
        !first_measure && (!measured_ || unmeasured_bytes_ + one->bytes >= settings_.measure_every_bytes);
    auto how = co_await rt::offload_uncancellable(
        workers_, [this, &in = store_, &g = *one, &keys, &companions, first_measure, then_measure]() -> written {
            written out;
            if (first_measure) {
                out.measured = measure(in);
                if (too_full(*out.measured)) return out;
            }
            store::batch& all = companions;
            auto key = keys.begin();
            for (const auto& p : g.pieces) all.put(store::family::events, *key++, p.block);
            for (const auto& b : g.singles.all()) all.put(store::family::events, *key++, b.calls.encode());
            for (const auto& record : g.also) all.put(record.where, record.key, record.value);
            if (all.empty()) return out;
            out.result = in.write(std::move(all), g.promised() ? store::durable::yes : store::durable::no);
            const auto free = in.free_bytes();
            if (then_measure || (free && *free < settings_.disk_free_min)) out.measured = measure(in);
            return out;
        });
    finish(*one, how);
}

void acceptor::finish(group& one, const written& how)
{
    bytes_in_flight_ -= one.bytes;
    one.result = how.result;
    if (how.measured) note_room(one, *how.measured);
    unmeasured_bytes_ += one.bytes;
    if (one.result.has_error()) {
        ++commit_failures_;
        if (!full_) note_failure(one.result.error());
        if (refusing_ && one.result.error().id == "store.disk_full") one.result = *refusing_;
    } else if (one.promised()) {
        ++commits_;
        bytes_ += one.bytes;
        if (!full_ && refusing_ && refusing_->id == "intake.disk_full") {
            refusing_.reset();
            log_.info("intake.disk_recovered", "the disk takes calls again", {});
        }
        std::set<std::uint32_t> spaces;
        const auto count = [&](std::uint32_t number, std::size_t more) {
            if (auto* calls = spaces_[number].calls) *calls += more;
            spaces.insert(number);
        };
        for (const auto& p : one.pieces) count(p.space, p.calls);
        for (const auto& b : one.singles.all()) count(b.space, b.calls.calls());
        if (on_events_)
            for (const auto number : spaces) on_events_(number);
    }
    one.done.set();
}

void acceptor::note_room(group& one, const room& now)
{
    measured_ = true;
    unmeasured_bytes_ = 0;
    backlog_bytes_ = now.backlog;
    const auto before = std::exchange(full_, too_full(now));
    if (full_) {
        refuse(*full_);
        // Measured before the write: nothing was written.
        if (before) one.result = *full_;
    } else if (before && before->id == "intake.backlog_full") {
        refusing_.reset();
        log_.info("intake.backlog_drained", "calls are accepted again", {{"backlog_bytes", backlog_bytes_}});
    }
}

void acceptor::note_failure(const rt::failure& why)
{
    if (why.id == "store.disk_full")
        refuse(full("intake.disk_full", why.detail));
    else
        log_.error("intake.write_failed", why.detail, {{"reason", why.id}});
}

void acceptor::refuse(const rt::failure& why)
{
    const bool known = refusing_ && refusing_->id == why.id;
    refusing_ = why;
    refusing_until_ = clock_.now() + settings_.retry_after;
    if (!known) log_.error(why.id, why.detail, {{"backlog_bytes", backlog_bytes_}});
}

}  // namespace lakeferry::intake
