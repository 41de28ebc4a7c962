#include "daemon/supervisor/space_erasures.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/keys.hpp"
#include "sync/identity/erase.hpp"
#include "sync/identity/extract.hpp"
#include "sync/identity/progress.hpp"

#include <algorithm>

namespace lakeferry::daemon {

namespace {

using profiles::erasure;
using profiles::erasure_state;
using profiles::erasure_work;

constexpr auto work_limit = std::chrono::hours(6);
// Resolution catches up within this, or the next try waits on.
constexpr auto resolution_limit = std::chrono::minutes(10);

std::string hex(std::uint64_t n)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (int shift = 60; shift >= 0; shift -= 4) out.push_back(digits[(n >> static_cast<unsigned>(shift)) & 0xFU]);
    return out;
}

std::vector<core::id128> digests_of(const std::vector<core::person_key>& people)
{
    std::vector<core::id128> out;
    for (const auto& one : people)
        if (one.type != core::segment_key_type) out.push_back(intake::suppression_digest(one));
    return out;
}

// The last call that is here, resolved or not.
rt::outcome<std::uint64_t> last_arrival(store::store& in, std::uint32_t space)
{
    auto progress = identity::read_progress(in, space);
    if (progress.has_error()) return progress.error();
    auto last = in.last(store::family::events, core::key32(space), core::key32(space + 1));
    if (last.has_error()) return last.error();
    return last->has_value() ? std::max(progress->resolved, core::read_be64((**last).first, 4)) : progress->resolved;
}

}  // namespace

std::shared_ptr<const intake::suppression> make_suppression(std::shared_ptr<intake::suppression_list> list,
                                                            const core::identity_settings& settings)
{
    auto rules = identity::rules::compile(settings);
    rt::check(rules.has_value(), "a space's identity rules were validated with the configuration");
    return std::make_shared<intake::suppression>(std::move(list), [by = std::move(*rules)](const core::call& call) {
        std::vector<core::person_key> deciding;
        for (const auto& found : identity::find_identifiers(call, *by).left)
            if (deciding.empty() || found.type == "user_id" || found.type == "email")
                deciding.push_back({found.type, found.value});
        return deciding;
    });
}

profiles::erasure_needs space_erasures::needs()
{
    return {.with = with_.with,
            .config = with_.config,
            .space = with_.number,
            .columns = [config = with_.config](std::string_view type) {
                return identity::identifier_columns(type, config->identity);
            },
            .settle = with_.settle};
}

erasure space_erasures::fresh(const erase_request& what)
{
    erasure made;
    made.request = what.reference;
    made.suppress = what.suppress;
    made.vacuum = what.vacuum;
    made.asked_us = with_.with.wall.now_us();
    made.salt = hex(with_.with.rng()) + hex(with_.with.rng());
    for (const auto& one : what.people) made.asked.push_back(profiles::receipt_hash(made.salt, one));
    return made;
}

rt::awaitable<rt::outcome<erasure>> space_erasures::ask(erase_request what)
{
    if (what.people.empty())
        co_return rt::failure{.id = "erase.nobody", .detail = "nobody is named: give at least one TYPE:VALUE or segment id"};
    if (what.people.size() > erase_people_max)
        co_return rt::failure{.id = "erase.too_many",
                              .detail = std::to_string(what.people.size()) + " are named at once, at most " +
                                        std::to_string(erase_people_max) + " can be: divide the list"};
    // Calls that were answered before this are the past.
    if (auto flushed = co_await with_.flush_intake(); flushed.has_error()) co_return flushed.error();
    if (what.suppress) {
        auto done = co_await suppress(what.people, false);
        if (done.has_error()) co_return done.error();
    }
    erasure made = fresh(what);
    auto written = co_await rt::offload_uncancellable(with_.with.workers, [&, this]() -> rt::outcome<void> {
        auto barrier = last_arrival(with_.with.store, with_.number);
        if (barrier.has_error()) return barrier.error();
        return book().begin(made, {.asked = what.people, .barrier = *barrier});
    });
    if (written.has_error()) co_return written.error();
    ++open_;
    untried_ = true;
    with_.with.log.info("erasure.asked", "people are to be erased",
                        {{"space", with_.config->id}, {"erasure", made.number}, {"named", what.people.size()}});
    co_return made;
}

rt::awaitable<rt::outcome<std::vector<erasure>>> space_erasures::all()
{
    auto found = co_await rt::offload_uncancellable(with_.with.workers, [book = book()]() mutable { return book.all(); });
    if (found.has_value()) std::reverse(found->begin(), found->end());
    co_return found;
}

rt::awaitable<rt::outcome<std::size_t>> space_erasures::suppress(std::vector<core::person_key> people, bool lift)
{
    // E-mails may be known in one case only; as they were written, too.
    const auto digests = digests_of(people);
    auto written = co_await rt::offload_uncancellable(with_.with.workers, [&, this] {
        store::batch changes;
        if (lift) intake::lift_suppressed(changes, with_.number, digests);
        else intake::write_suppressed(changes, with_.number, digests);
        return with_.with.store.write(std::move(changes), store::durable::yes);
    });
    if (written.has_error()) co_return written.error();
    if (lift) with_.suppressed->remove(digests);
    else with_.suppressed->add(digests);
    co_return with_.suppressed->size();
}

rt::awaitable<rt::outcome<void>> space_erasures::wait_for_resolution(std::uint64_t barrier)
{
    const auto until = with_.with.time.now() + resolution_limit;
    for (;;) {
        auto progress = co_await rt::offload_uncancellable(
            with_.with.workers, [this] { return identity::read_progress(with_.with.store, with_.number); });
        if (progress.has_error()) co_return progress.error();
        if (progress->resolved >= barrier) co_return boost::system::in_place_value;
        const std::string why = with_.resolve_error();
        if (!why.empty() || with_.with.time.now() >= until)
            co_return rt::failure{.retry = rt::retry_class::transient,
                                  .id = "erase.unresolved",
                                  .detail = "calls that came before the request are not resolved yet, so that it is not "
                                            "known which of them are of the people" + (why.empty() ? "" : ": " + why)};
        co_await rt::sleep_for(with_.with.time, std::chrono::milliseconds(100));
    }
}

rt::awaitable<rt::outcome<erasure_work>> space_erasures::whom_of(const erasure& receipt)
{
    auto whom = co_await rt::offload_uncancellable(with_.with.workers,
                                                   [this, n = receipt.number] { return book().work(n); });
    if (whom.has_error()) co_return whom.error();
    if (!whom->has_value())
        co_return rt::failure{.id = "erasures.damaged", .detail = "whom erasure " + std::to_string(receipt.number) +
                                                                      " is about is not in the store: ask for it again"};
    co_return std::move(**whom);
}

rt::awaitable<rt::outcome<void>> space_erasures::cut(erasure& receipt)
{
    auto whom = co_await whom_of(receipt);
    if (whom.has_error()) co_return whom.error();
    if (auto resolved = co_await wait_for_resolution(whom->barrier); resolved.has_error()) co_return resolved.error();
    auto rest = co_await with_.resolving.acquire(with_.with.time, rt::deadline{});
    auto done = co_await write_cut(receipt, *whom);
    with_.forget_graph();
    co_return done;
}

// With resolution at rest.
rt::awaitable<rt::outcome<void>> space_erasures::write_cut(erasure& receipt, erasure_work& whom)
{
    auto found = co_await rt::offload_uncancellable(with_.with.workers, [&, this] {
        return identity::find_people(with_.with.store, with_.number, whom.asked, with_.config->identity);
    });
    if (found.has_error()) co_return found.error();
    const auto digests = digests_of(found->names.identifiers);
    // First nothing more of them is let in, then what came before is looked through.
    if (receipt.suppress) with_.suppressed->add(digests);
    if (auto flushed = co_await with_.flush_intake(); flushed.has_error()) co_return flushed.error();
    const auto dropping = make_suppression(with_.suppressed, with_.config->identity);
    const auto now_us = with_.with.wall.now_us();
    co_return co_await rt::offload_uncancellable(with_.with.workers, [&, this]() -> rt::outcome<void> {
        auto& in = with_.with.store;
        store::batch changes;
        auto progress = identity::read_progress(in, with_.number);
        if (progress.has_error()) return progress.error();
        auto removed = identity::remove_people(in, with_.number, *found, changes);
        if (removed.has_error()) return removed.error();
        auto refused = intake::erase_refusals(in, with_.number, found->names, changes);
        if (refused.has_error()) return refused.error();
        std::uint64_t queued = 0;
        if (receipt.suppress) {
            intake::write_suppressed(changes, with_.number, digests);
            auto dropped = intake::drop_queued(in, with_.number, *dropping, changes);
            if (dropped.has_error()) return dropped.error();
            queued = *dropped;
        }
        receipt.state = erasure_state::cut;
        receipt.cut_us = now_us;
        receipt.people = found->live;
        receipt.unknown = static_cast<std::uint64_t>(std::count(found->known.begin(), found->known.end(), false));
        receipt.segment_ids = found->names.segments.size();
        receipt.identifiers = removed->identifiers;
        receipt.local = {{"profiles", removed->profiles},     {"identifiers", removed->identifiers},
                         {"traits", removed->traits},         {"stories", removed->stories},
                         {"stories_blanked", removed->stories_blanked}, {"refused_calls", *refused},
                         {"queued_calls", queued}};
        whom.who = found->names;
        whom.cut_batch = progress->batch;
        book().save(changes, receipt);
        book().save(changes, receipt.number, whom);
        return in.write(std::move(changes), store::durable::yes);
    });
}

rt::awaitable<rt::outcome<void>> space_erasures::carry_on(erasure& receipt)
{
    auto whom = co_await whom_of(receipt);
    if (whom.has_error()) co_return whom.error();
    profiles::erasure_run run(needs(), receipt, *whom);
    co_return co_await run.carry_on(rt::deadline::in(with_.with.time, work_limit));
}

rt::awaitable<rt::outcome<void>> space_erasures::one(erasure& receipt)
{
    if (receipt.state == erasure_state::asked)
        if (auto done = co_await cut(receipt); done.has_error()) co_return done.error();
    if (receipt.state == erasure_state::cut) {
        auto done = co_await carry_on(receipt);
        if (done.has_error()) co_return done.error();
        co_await compact();
        with_.with.log.info("erasure.done", "every row of the people is gone",
                            {{"space", with_.config->id},
                             {"erasure", receipt.number},
                             {"people", receipt.people},
                             {"rows_removed", receipt.rows_removed()},
                             {"rows_blanked", receipt.rows_blanked()}});
    }
    if (receipt.state == erasure_state::vacuum_due && receipt.vacuum_due_us <= with_.with.wall.now_us()) {
        const erasure_work nobody;
        profiles::erasure_run run(needs(), receipt, nobody);
        co_return co_await run.vacuum(rt::deadline::in(with_.with.time, work_limit));
    }
    co_return boost::system::in_place_value;
}

// The bytes of what was removed leave the files of the store now and not some day.
rt::awaitable<void> space_erasures::compact()
{
    using store::family;
    for (const auto where : {family::identity, family::events, family::outbox, family::loads, family::refusals, family::runs}) {
        auto done = co_await rt::offload_uncancellable(with_.with.workers, [this, where] {
            return with_.with.store.compact(where, core::key32(with_.number), core::key32(with_.number + 1));
        });
        if (done.has_error())
            with_.with.log.warn("erasure.not_compacted", "removed bytes stay in files of the store until it compacts them: " +
                                                             done.error().detail, {{"space", with_.config->id}});
    }
    auto done = co_await rt::offload_uncancellable(
        with_.with.workers, [this] { return with_.with.store.compact(family::meta, "space/", "space0"); });
    (void)done;  // said above, if the disk fails
}

rt::awaitable<void> space_erasures::work()
{
    untried_ = false;
    tried_ = true;
    auto found = co_await rt::offload_uncancellable(with_.with.workers, [this] { return book().all(); });
    if (found.has_error()) {
        error_ = found.error().detail;
        co_return;
    }
    for (auto& receipt : *found) {
        if (receipt.state == erasure_state::complete) continue;
        auto done = co_await one(receipt);
        if (done.has_value()) continue;
        receipt.error_id = done.error().id;
        receipt.error = done.error().detail;
        with_.with.log.warn("erasure.open", "an erasure is not complete; the next run goes on with it: " + receipt.error,
                            {{"space", with_.config->id}, {"erasure", receipt.number}, {"id", receipt.error_id}});
        // What the receipt says of the cut is only true if that was written; reading it again tells.
        auto saved = co_await rt::offload_uncancellable(with_.with.workers, [this, copy = receipt]() -> rt::outcome<void> {
            auto stored = book().find(copy.number);
            if (stored.has_error()) return stored.error();
            erasure now = stored->has_value() && (**stored).state == erasure_state::asked ? **stored : copy;
            now.error_id = copy.error_id;
            now.error = copy.error;
            return book().save(now);
        });
        (void)saved;  // the next try writes it again
    }
    // With those that were asked for meanwhile.
    co_await load();
}

void space_erasures::recount(const std::vector<erasure>& all)
{
    open_ = 0;
    next_vacuum_us_ = 0;
    error_.clear();
    for (const auto& one : all) {
        if (one.open()) ++open_;
        if (one.open() && error_.empty()) error_ = one.error;
        if (one.state == erasure_state::vacuum_due && (next_vacuum_us_ == 0 || one.vacuum_due_us < next_vacuum_us_))
            next_vacuum_us_ = one.vacuum_due_us;
    }
}

rt::awaitable<void> space_erasures::load()
{
    auto found = co_await rt::offload_uncancellable(with_.with.workers, [this] { return book().all(); });
    if (found.has_value()) recount(*found);
    else error_ = found.error().detail;
    if (!tried_) untried_ = due();
}

bool space_erasures::due() const
{
    return open_ > 0 || (next_vacuum_us_ != 0 && next_vacuum_us_ <= with_.with.wall.now_us());
}

rt::awaitable<rt::outcome<erasure>> space_erasures::count(erase_request what)
{
    if (auto flushed = co_await with_.flush_intake(); flushed.has_error()) co_return flushed.error();
    erasure made = fresh(what);
    made.dry_run = true;
    erasure_work whom{.asked = what.people};
    auto looked = co_await rt::offload_uncancellable(with_.with.workers, [&, this]() -> rt::outcome<void> {
        auto& in = with_.with.store;
        auto barrier = last_arrival(in, with_.number);
        if (barrier.has_error()) return barrier.error();
        whom.barrier = *barrier;
        return {};
    });
    if (looked.has_error()) co_return looked.error();
    if (auto resolved = co_await wait_for_resolution(whom.barrier); resolved.has_error()) co_return resolved.error();
    auto rest = co_await with_.resolving.acquire(with_.with.time, rt::deadline{});
    looked = co_await rt::offload_uncancellable(with_.with.workers, [&, this]() -> rt::outcome<void> {
        auto& in = with_.with.store;
        auto found = identity::find_people(in, with_.number, whom.asked, with_.config->identity);
        if (found.has_error()) return found.error();
        store::batch unused;
        auto removed = identity::remove_people(in, with_.number, *found, unused);
        if (removed.has_error()) return removed.error();
        auto progress = identity::read_progress(in, with_.number);
        if (progress.has_error()) return progress.error();
        whom.cut_batch = progress->batch;
        whom.who = found->names;
        made.cut_us = with_.with.wall.now_us();
        made.people = found->live;
        made.unknown = static_cast<std::uint64_t>(std::count(found->known.begin(), found->known.end(), false));
        made.segment_ids = found->names.segments.size();
        made.identifiers = removed->identifiers;
        made.local = {{"profiles", removed->profiles}, {"identifiers", removed->identifiers}, {"traits", removed->traits},
                      {"stories", removed->stories}};
        return {};
    });
    if (looked.has_error()) co_return looked.error();
    rest.release();
    profiles::erasure_run run(needs(), made, whom);
    auto counted = co_await run.count(rt::deadline::in(with_.with.time, work_limit));
    if (counted.has_error()) co_return counted.error();
    co_return made;
}

}  // namespace lakeferry::daemon
