#include "sync/profiles/load_sender.hpp"

#include "net/rt/backoff.hpp"
#include "net/rt/offload.hpp"

#include <algorithm>

namespace lakeferry::profiles {

namespace {

using namespace std::chrono_literals;

// The clock of the workspace and ours may differ.
constexpr std::int64_t clock_skew_us = 10LL * 60 * 1'000'000;
constexpr rt::backoff_policy again_policy{.base = 1s, .cap = 30s, .attempts_max = 8};
constexpr std::string_view load_tag_key = "lakeferry_load";

bool ended_well(databricks::statement_state s) noexcept
{
    return s == databricks::statement_state::succeeded || s == databricks::statement_state::closed;
}

bool ended_badly(databricks::statement_state s) noexcept
{
    return s == databricks::statement_state::failed || s == databricks::statement_state::canceled;
}

}  // namespace

rt::outcome<void> check_counts(const load& l, const databricks::statement_result& result, bool repeated)
{
    if (result.result_lost || !result.counts.affected || l.log_upto != 0) return boost::system::in_place_value;
    const auto expected = static_cast<std::int64_t>(l.parts.at(l.part).rows);
    const std::int64_t got = *result.counts.affected;
    const bool some = l.kind == core::table_kind::keyed || l.fill;  // a MERGE passes over what is there already
    const bool fine = some ? got <= expected : got == expected || (repeated && got == 0);
    if (fine) return boost::system::in_place_value;
    const count_mismatch seen{l.parts.at(l.part).rows, got, result.id, 0};
    return describe(l, seen, {});
}

rt::failure describe(const load& l, const count_mismatch& seen, const std::string& space)
{
    const std::string command = "lakeferry loads " + (space.empty() ? "SPACE" : space);
    const std::string number = std::to_string(l.number);
    return {rt::retry_class::never, "landing.count_mismatch",
            "load " + number + " staged " + std::to_string(seen.staged) + " rows for " + l.target + ", and statement " +
                seen.statement + " reports " + std::to_string(seen.reported) +
                ". Its rows are kept, and nothing more is loaded into this table until you decide: look at the statement in "
                "the query history and at the table; then \"" +
                command + " --accept " + number + "\" if its rows are there, or \"" + command + " --resend " + number +
                "\" to send them anew, which leaves out rows that the table has"};
}

rt::awaitable<rt::outcome<void>> load_sender::save(const load& l, store::durable when)
{
    load copy = l;
    co_return co_await rt::offload_uncancellable(
        with_.workers, [this, copy = std::move(copy), when] { return journal_.save(copy, when); });
}

// True: the part is known to have landed. Otherwise statement_id says whether something of it may still run.
rt::awaitable<rt::outcome<bool>> load_sender::adopt(load& l, rt::deadline limit)
{
    const databricks::query_tag tag{std::string(load_tag_key), load_tag(space_, l.number, l.part)};
    auto found = co_await with_.statements.find(tag, l.sent_us - clock_skew_us, warehouse_id_, limit);
    if (found.has_error()) {
        // The history may be closed to us; the statement is idempotent, so it may be sent again instead.
        if (found.error().retry == rt::retry_class::never) co_return false;
        co_return found.error();
    }
    if (!found->has_value() || ended_badly((**found).state)) co_return false;
    ++adopted_;
    with_.log.info("load.adopted", "found a statement whose answer was lost",
                   {{"space", space_}, {"table", l.table}, {"load", l.number}, {"statement", (**found).id}});
    if (ended_well((**found).state)) co_return true;
    l.statement_id = (**found).id;
    auto saved = co_await save(l, store::durable::no);
    if (saved.has_error()) co_return saved.error();
    co_return false;
}

rt::awaitable<rt::outcome<void>> load_sender::submit(load& l, rows_of_part& rows, rt::deadline limit)
{
    databricks::statement what;
    what.text = l.together.empty() ? l.parts.at(l.part).sql : l.together;
    what.warehouse_id = warehouse_id_;
    what.tags = {{"lakeferry_space", space_}, {std::string(load_tag_key), load_tag(space_, l.number, l.part)}};
    if (l.files.empty() && l.log_upto == 0) {
        auto payload = co_await rows(l.part);
        if (payload.has_error()) co_return payload.error();
        what.parameters.push_back({"rows", "STRING", std::move(*payload)});
    }
    ++l.sends;
    l.sent_us = with_.wall.now_us();
    auto saved = co_await save(l, store::durable::yes);
    if (saved.has_error()) co_return saved.error();
    ++sent_;
    auto id = co_await with_.statements.submit(std::move(what), limit);
    if (id.has_error()) {
        if (id.error().retry != rt::retry_class::unknown_outcome) {
            --l.sends;  // it was refused, so nothing of this sending can run
            auto noted = co_await save(l, store::durable::no);
            if (noted.has_error()) co_return noted.error();
        }
        co_return id.error();
    }
    l.statement_id = std::move(*id);
    co_return co_await save(l, store::durable::no);
}

rt::awaitable<rt::outcome<databricks::statement_result>> load_sender::send_part(load& l, rows_of_part& rows,
                                                                                rt::deadline limit)
{
    auto slot = co_await with_.statements.admit(warehouse_id_, limit);
    if (slot.has_error()) co_return slot.error();
    rt::backoff again(again_policy);
    for (;;) {
        if (l.statement_id.empty() && l.sends > 0) {
            auto landed = co_await adopt(l, limit);
            if (landed.has_error()) co_return landed.error();
            if (*landed) co_return databricks::statement_result{.result_lost = true};
        }
        rt::failure why;
        if (l.statement_id.empty()) {
            auto sent = co_await submit(l, rows, limit);
            if (sent.has_error()) why = sent.error();
        }
        if (!l.statement_id.empty()) {
            auto ended = co_await with_.statements.wait(l.statement_id, limit);
            if (ended.has_value()) co_return std::move(*ended);
            why = ended.error();
            if (why.id == "statement.deadline") co_return why;  // it still runs; the next run adopts it
            const bool vanished = why.id == "statement.vanished";
            const bool failed = !vanished && why.id.starts_with("statement.");
            if (!vanished && !failed && why.retry != rt::retry_class::never) co_return why;
            l.statement_id.clear();
            // A statement that is known to have failed cannot land later; one that vanished perhaps did, a refused look says
            // nothing, and of a script that failed the first parts are done: the next try looks for all of these in the
            // history before it sends again, and may find the rows there.
            if (failed && l.sends > 0 && l.together.empty()) --l.sends;
            auto saved = co_await save(l, store::durable::no);
            if (saved.has_error()) co_return saved.error();
        }
        if (why.retry == rt::retry_class::never || why.retry == rt::retry_class::reauth) co_return why;
        const auto pause = again.next(with_.time.now(), limit, why.retry_after, with_.rng);
        if (!pause) co_return why;
        co_await rt::sleep_for(with_.time, *pause);
    }
}

rt::awaitable<rt::outcome<void>> load_sender::finish(load& l, bool fresh, rows_of_part rows, rt::deadline limit)
{
    if (l.stuck) co_return describe(l, *l.stuck, space_);
    while (l.part < l.parts.size()) {
        const bool known_before = l.sends > 0 || !fresh;
        auto result = co_await send_part(l, rows, limit);
        if (result.has_error()) co_return result.error();
        auto checked = check_counts(l, *result, known_before || l.sends > 1);
        if (checked.has_error()) {
            // Kept, so that no later run takes the statement's good end for a landing.
            l.stuck = count_mismatch{l.parts.at(l.part).rows, result->counts.affected.value_or(0), result->id,
                                     with_.wall.now_us()};
            auto noted = co_await save(l, store::durable::yes);
            if (noted.has_error()) co_return noted.error();
            co_return describe(l, *l.stuck, space_);
        }
        l.affected = result->counts.affected && !result->result_lost
                         ? std::optional(l.affected.value_or(0) + *result->counts.affected)
                         : std::nullopt;
        if (l.log_upto != 0) l.rows = static_cast<std::uint64_t>(l.affected.value_or(0));
        ++l.part;
        l.sends = 0;
        l.statement_id.clear();
        if (l.part == l.parts.size()) break;  // the caller journals the landing
        auto saved = co_await save(l, store::durable::no);
        if (saved.has_error()) co_return saved.error();
    }
    co_return boost::system::in_place_value;
}

rt::awaitable<rt::outcome<bool>> load_sender::committed(const load& l, const core::table& t, const place& at,
                                                        std::uint64_t run, rt::deadline limit)
{
    databricks::statement what;
    what.text = probe(at, t, {.space = space_, .run = run});
    what.warehouse_id = warehouse_id_;
    what.parameters.push_back({"key", "STRING", l.probe_key});
    if (row_key(t) == "id") what.parameters.push_back({"at", "STRING", l.probe_at});
    ++sent_;
    auto found = co_await with_.statements.run(std::move(what), limit);
    if (found.has_error()) co_return found.error();
    co_return !found->rows.empty() && !found->rows.front().empty() && found->rows.front().front().value_or("0") != "0";
}

}  // namespace lakeferry::profiles
