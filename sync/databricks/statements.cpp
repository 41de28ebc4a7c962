#include "sync/databricks/statements.hpp"

#include "net/rt/backoff.hpp"

#include <utility>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

constexpr unsigned history_pages_max = 50;
constexpr unsigned deaf_polls_worth_a_word = 10;

std::string path_of(const std::string& id)
{
    return "/api/2.0/sql/statements/" + http::encode_component(id);
}

// Of one look: repeating is the business of whoever loops.
call_options poll_options(rt::deadline limit, const std::string& id)
{
    call_options out;
    out.limit = limit;
    out.attempt_timeout = std::chrono::seconds(30);
    out.retry_for = rt::duration::zero();
    out.target = resource::statement;
    out.name = id;
    return out;
}

failure out_of_time(const std::string& id)
{
    return {retry_class::unknown_outcome, "statement.deadline",
            "The statement " + id + " did not end in the time that it was given; it may still be running."};
}

}  // namespace

statement_limits::statement_limits(boost::asio::any_io_executor ex, std::size_t per_warehouse)
    : ex_(std::move(ex)), per_warehouse_(per_warehouse)
{
}

rt::limiter& statement_limits::of(const http::origin& host, const std::string& warehouse_id)
{
    auto& slot = all_[{host, warehouse_id}];
    if (!slot) slot = std::make_unique<rt::limiter>(ex_, per_warehouse_);
    return *slot;
}

void statement_limits::resize(std::size_t per_warehouse)
{
    per_warehouse_ = per_warehouse;
    for (auto& [key, one] : all_) one->resize(per_warehouse);
}

bool statement_limits::takes_scripts(const http::origin& host, const std::string& warehouse_id) const
{
    return !without_scripts_.contains({host, warehouse_id});
}

void statement_limits::note_no_scripts(const http::origin& host, const std::string& warehouse_id)
{
    without_scripts_.emplace(host, warehouse_id);
}

statements::statements(workspace& door, statement_limits& limits, rt::limiter& of_space)
    : door_(door), limits_(limits), of_space_(of_space)
{
}

bool statements::takes_scripts(const std::string& warehouse_id) const
{
    return limits_.takes_scripts(door_.host(), warehouse_id);
}

bool statements::note_if_no_scripts(const std::string& warehouse_id, const rt::failure& why)
{
    const bool refused = why.id == "statement.parse" ||
                         (why.id == "statement.unsupported" && why.detail.find("SCRIPT") != std::string::npos);
    if (refused) limits_.note_no_scripts(door_.host(), warehouse_id);
    return refused;
}

double statements::unit()
{
    return std::uniform_real_distribution<double>(0.0, 1.0)(door_.rng());
}

rt::awaitable<rt::outcome<statement_slot>> statements::admit(std::string warehouse_id, rt::deadline limit)
{
    // The space's own cap first: a busy space must not hold places that others could use.
    statement_slot out;
    out.of_space = co_await of_space_.acquire(door_.clock(), limit);
    if (out.of_space) out.of_warehouse = co_await limits_.of(door_.host(), warehouse_id).acquire(door_.clock(), limit);
    if (!out.of_warehouse)
        co_return failure{retry_class::transient, "statement.no_slot",
                          "Too many statements were in flight on the warehouse " + warehouse_id +
                              " or in this space for all of the time given."};
    co_return std::move(out);
}

rt::awaitable<rt::outcome<std::string>> statements::submit(statement what, rt::deadline limit)
{
    call_options options;
    options.idempotent = false;
    options.limit = limit;
    options.retry_for = std::chrono::minutes(15);
    options.target = resource::warehouse;  // what a 403 or 404 is about
    options.name = what.warehouse_id;
    auto answer = co_await door_.call("POST", "/api/2.0/sql/statements", submit_body(what), std::move(options));
    if (answer.has_error()) co_return answer.error();
    auto status = parse_statement_status(answer->body);
    if (status.has_error()) co_return status.error();
    co_return std::move(status->id);
}

rt::awaitable<rt::outcome<statement_status>> statements::peek(std::string id, rt::deadline limit)
{
    auto answer = co_await door_.call("GET", path_of(id), {}, poll_options(limit, id));
    if (answer.has_error()) co_return answer.error();
    auto status = parse_statement_status(answer->body);
    if (status.has_error()) {
        auto why = status.error();
        why.retry = retry_class::transient;  // looking again is harmless
        co_return why;
    }
    co_return status;
}

rt::awaitable<rt::outcome<statement_result>> statements::wait(std::string id,
                                                              rt::deadline limit,
                                                              wait_options options)
{
    poll_fsm decide;
    auto& clock = door_.clock();
    for (;;) {
        if (limit.passed(clock.now())) {
            if (options.cancel_at_deadline)
                (void)co_await cancel(id, rt::deadline::in(clock, std::chrono::seconds(10)));
            co_return out_of_time(id);
        }
        auto status = co_await peek(id, limit);
        if (status.has_value() && options.progress) options.progress(status->state);
        auto next = status.has_value() ? decide.answered(*status, door_.principal(), unit())
                                       : decide.failed(status.error(), unit());
        switch (next.what) {
            case poll_fsm::action::finish:
                if (!options.fetch_rows) {
                    statement_result out;
                    out.id = std::move(id);
                    co_return out;
                }
                co_return co_await fetch(std::move(*status), limit, options.rows_max);
            case poll_fsm::action::fail: co_return std::move(*next.why);
            case poll_fsm::action::committed_without_result: {
                if (next.why)
                    door_.log().warn("statement.committed", next.why->detail, {{"space", door_.space()}, {"statement", id}});
                statement_result out;
                out.id = std::move(id);
                out.result_lost = true;
                co_return out;
            }
            case poll_fsm::action::pause: break;
        }
        if (decide.deaf() == deaf_polls_worth_a_word)
            door_.log().warn("statement.unheard",
                             "The workspace has not said for a while how a statement is doing; still asking. " +
                                 status.error().detail,
                             {{"space", door_.space()}, {"statement", id}, {"err", status.error().id}});
        co_await clock.async_wait_until(std::min(clock.now() + next.pause, limit.at()), boost::asio::use_awaitable);
    }
}

rt::awaitable<rt::outcome<statement_result>> statements::fetch(statement_status status,
                                                               rt::deadline limit,
                                                               std::size_t rows_max)
{
    statement_result out;
    out.id = status.id;
    out.columns = std::move(status.columns);
    out.rows = std::move(status.first.rows);
    auto link = std::move(status.first.next_link);
    const failure too_large{retry_class::never, "statement.too_large",
                            "The result of the statement " + out.id + " is larger than what is read at once."};
    if (status.truncated) co_return too_large;
    while (!link.empty()) {
        call_options options;
        options.limit = limit;
        options.target = resource::statement;
        options.name = out.id;
        auto answer = co_await door_.call("GET", link, {}, std::move(options));
        if (answer.has_error()) {
            auto why = answer.error();
            if (is_not_found(why))
                why = {retry_class::transient, "statement.result_gone",
                       "The statement " + out.id + " succeeded, but its result was removed before all of it was read."};
            co_return why;
        }
        auto chunk = parse_result_chunk(answer->body);
        if (chunk.has_error()) {
            auto why = chunk.error();
            why.retry = retry_class::transient;
            co_return why;
        }
        std::move(chunk->rows.begin(), chunk->rows.end(), std::back_inserter(out.rows));
        if (out.rows.size() > rows_max || (chunk->rows.empty() && chunk->next_link == link)) co_return too_large;
        link = std::move(chunk->next_link);
    }
    if (out.rows.size() > rows_max) co_return too_large;
    out.counts = read_counts(out.columns, out.rows);
    co_return out;
}

rt::awaitable<rt::outcome<void>> statements::cancel(std::string id, rt::deadline limit)
{
    call_options options;
    options.limit = limit;
    options.retry_for = std::chrono::seconds(30);
    options.target = resource::statement;
    options.name = id;
    auto answer = co_await door_.call("POST", path_of(id) + "/cancel", "{}", std::move(options));
    if (answer.has_error() && !is_not_found(answer.error())) co_return answer.error();
    co_return rt::outcome<void>();
}

rt::awaitable<rt::outcome<std::optional<found_statement>>> statements::find(query_tag tag,
                                                                            std::int64_t since_us,
                                                                            std::string warehouse_id,
                                                                            rt::deadline limit)
{
    std::string token;
    for (unsigned page = 0; page < history_pages_max; ++page) {
        call_options options;
        options.limit = limit;
        options.target = resource::none;
        auto answer = co_await door_.call("GET", history_path(warehouse_id, since_us / 1000, token), {}, std::move(options));
        if (answer.has_error()) co_return answer.error();
        auto got = parse_history(answer->body, tag);
        if (got.has_error()) co_return got.error();
        std::optional<found_statement> newest;
        for (auto& one : got->matching)
            if (!newest || one.started_ms > newest->started_ms) newest = std::move(one);
        if (newest) co_return newest;  // pages come newest first
        token = std::move(got->next_page_token);
        if (token.empty()) break;
    }
    co_return std::optional<found_statement>();
}

rt::awaitable<rt::outcome<statement_result>> statements::run_once(const statement& what, rt::deadline limit)
{
    const auto slot = co_await admit(what.warehouse_id, limit);
    if (slot.has_error()) co_return slot.error();
    auto id = co_await submit(what, limit);
    if (id.has_error()) co_return id.error();
    wait_options options;
    options.cancel_at_deadline = true;
    co_return co_await wait(std::move(*id), limit, std::move(options));
}

rt::awaitable<rt::outcome<statement_result>> statements::run(statement what, rt::deadline limit, unsigned attempts_max)
{
    return repeat(std::move(what), limit, attempts_max, false);
}

rt::awaitable<rt::outcome<statement_result>> statements::read(statement what, rt::deadline limit, unsigned attempts_max)
{
    return repeat(std::move(what), limit, attempts_max, true);
}

rt::awaitable<rt::outcome<statement_result>> statements::repeat(statement what,
                                                                rt::deadline limit,
                                                                unsigned attempts_max,
                                                                bool needs_result)
{
    rt::backoff pauses({std::chrono::milliseconds(500), std::chrono::seconds(30), attempts_max});
    for (;;) {
        auto got = co_await run_once(what, limit);
        failure why;
        if (got.has_error())
            why = got.error();
        else if (needs_result && got->result_lost)
            why = {retry_class::transient, "statement.result_gone", "The result of the statement " + got->id + " is gone."};
        else
            co_return got;
        if (why.retry == retry_class::never || why.retry == retry_class::reauth) co_return why;
        const auto pause = pauses.next(door_.clock().now(), limit, why.retry_after, door_.rng());
        if (!pause) co_return why;
        co_await rt::sleep_for(door_.clock(), *pause);
    }
}

}  // namespace lakeferry::databricks
