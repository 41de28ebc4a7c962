#include "net/http/pool.hpp"

#include "net/http/exchange.hpp"
#include "net/rt/check.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace lakeferry::http {

namespace {

rt::failure nothing_sent(const char* id, std::string detail)
{
    return rt::failure{.retry = rt::retry_class::transient, .id = id, .detail = std::move(detail)};
}

// After the request, or a part of it, may have reached the peer.
rt::failure after_sending(const char* id, std::string detail, const send_options& options)
{
    return rt::failure{
        .retry = options.replayable ? rt::retry_class::transient : rt::retry_class::unknown_outcome,
        .id = id,
        .detail = std::move(detail)};
}

std::optional<rt::failure> refuse_invalid(const request& what)
{
    const bool fine = codec::valid_request_line(what.method, what.target) &&
                      std::all_of(what.fields.begin(), what.fields.end(),
                                  [](const auto& f) { return codec::valid_field(f.first, f.second); });
    if (fine) return std::nullopt;
    return rt::failure{.retry = rt::retry_class::never,
                       .id = "http.invalid",
                       .detail = "the request has a control character in its method, target or fields"};
}

}  // namespace

// How far the exchange came; readable when it was cancelled by its deadline.
struct pool::progress {
    bool sent = false;
    bool answer_begun = false;
    bool died_reused = false;  // a kept connection broke before a byte of the answer
};

// A send that holds on to its origin's entry.
class pool::visit {
public:
    visit(pool& of, hosts::iterator at) : of_(of), at_(at) { ++at_->second.users; }
    visit(const visit&) = delete;
    visit& operator=(const visit&) = delete;
    ~visit()
    {
        --at_->second.users;
        of_.forget_if_unused(at_);
    }

private:
    pool& of_;
    hosts::iterator at_;
};

pool::pool(boost::asio::any_io_executor ex, rt::time_source& clock, network& via, pool_limits limits)
    : ex_(std::move(ex)), clock_(clock), via_(via), limits_(limits), has_idle_(ex_)
{
}

pool::~pool() { rt::check(in_use() == 0 && waiting_ == 0, "a pool outlives what is sent through it"); }

std::size_t pool::in_use() const noexcept
{
    std::size_t n = 0;
    for (const auto& [to, h] : hosts_) n += h.slots.in_use();
    return n;
}

rt::awaitable<rt::outcome<response>> pool::send(origin to, request what, send_options options)
{
    if (auto bad = refuse_invalid(what)) co_return *bad;
    if (options.limit.passed(clock_.now()))
        co_return nothing_sent("connect.timeout", "no time was left to ask " + to.text());
    const auto at = hosts_.try_emplace(std::move(to), ex_, limits_.per_origin_max).first;
    const visit held(*this, at);

    auto slot = at->second.slots.try_acquire();
    if (!slot) {
        if (waiting_ >= limits_.waiters_max)
            co_return nothing_sent("connect.busy", "too many requests wait for a connection to " + at->first.text());
        struct counted {
            std::size_t& n;
            explicit counted(std::size_t& c) : n(c) { ++n; }
            counted(const counted&) = delete;
            counted& operator=(const counted&) = delete;
            ~counted() { --n; }
        } waiter(waiting_);
        slot = co_await at->second.slots.acquire(clock_, options.limit);
    }
    if (!slot)
        co_return nothing_sent("connect.timeout", "every connection to " + at->first.text() + " was busy for too long");
    co_return co_await send_on(at, what, options);
}

rt::awaitable<rt::outcome<response>> pool::send_on(hosts::iterator at, const request& what,
                                                   const send_options& options)
{
    for (;;) {
        progress how;
        auto one = take_idle(at->second);
        auto under_way = exchange(at, std::move(one), what, options, how);
        auto ended = co_await rt::with_deadline(clock_, options.limit, std::move(under_way));
        if (ended.has_error()) {
            if (!how.sent) co_return nothing_sent("connect.timeout", at->first.text() + " could not be reached in time");
            co_return after_sending("http.timeout", at->first.text() + " did not answer in time", options);
        }
        if (how.died_reused && options.replayable) {
            ++totals_.retried;
            // Every kept connection may be dead as well: the second try is on a new one.
            idle_count_ -= at->second.idle.size();
            at->second.idle.clear();
            continue;
        }
        co_return std::move(*ended);
    }
}

rt::awaitable<rt::outcome<response>> pool::exchange(hosts::iterator at, std::unique_ptr<connection> on,
                                                    const request& what, const send_options& options, progress& how)
{
    const bool reused = on != nullptr;
    if (!on) {
        auto connected = co_await via_.connect(at->first, options.limit);
        if (connected.has_error()) co_return connected.error();
        on = std::make_unique<connection>(std::move(*connected));
        ++totals_.opened;
    } else {
        ++totals_.reused;
    }
    how.sent = true;
    auto end = co_await run_exchange(*on->bytes, on->in, at->first, what, options.response_limit, how.answer_begun);
    const auto who = at->first.text();
    switch (end.how) {
        case exchange_end::kind::complete:
            if (end.reusable) keep(at->second, std::move(on));
            co_return std::move(end.answer);
        case exchange_end::kind::cut:
            how.died_reused = reused && !how.answer_begun;
            co_return after_sending("http.cut", who + ": " + end.why, options);
        case exchange_end::kind::malformed:
            co_return after_sending("http.malformed", who + " does not answer in HTTP/1.1: " + end.why, options);
        case exchange_end::kind::too_large: break;
    }
    co_return after_sending("http.too_large", who + ": " + end.why, options);
}

std::unique_ptr<pool::connection> pool::take_idle(host& of)
{
    while (!of.idle.empty()) {
        auto one = std::move(of.idle.back());
        of.idle.pop_back();
        --idle_count_;
        if (!one->bytes->ended()) return one;
    }
    return nullptr;
}

void pool::keep(host& of, std::unique_ptr<connection> one)
{
    one->idle_since = clock_.now();
    one->in.shrink();
    of.idle.push_back(std::move(one));
    ++idle_count_;
    has_idle_.set();
}

void pool::forget_if_unused(hosts::iterator at)
{
    if (at->second.users == 0 && at->second.idle.empty()) hosts_.erase(at);
}

// Closes what was idle for too long; answers when the next one will have been.
rt::time_point pool::evict(rt::time_point now)
{
    auto next = rt::time_point::max();
    for (auto it = hosts_.begin(); it != hosts_.end();) {
        auto& idle = it->second.idle;
        const auto fresh = std::find_if(idle.begin(), idle.end(), [&](const auto& one) {
            return one->idle_since + limits_.idle_max > now;
        });
        idle_count_ -= static_cast<std::size_t>(fresh - idle.begin());
        idle.erase(idle.begin(), fresh);
        if (!idle.empty()) next = std::min(next, idle.front()->idle_since + limits_.idle_max);
        forget_if_unused(it++);
    }
    return next;
}

rt::awaitable<void> pool::run()
{
    struct closing {
        pool& of;
        explicit closing(pool& p) : of(p) {}
        closing(const closing&) = delete;
        closing& operator=(const closing&) = delete;
        ~closing()
        {
            for (auto& [to, h] : of.hosts_) h.idle.clear();
            std::erase_if(of.hosts_, [](const auto& entry) { return entry.second.users == 0; });
            of.idle_count_ = 0;
        }
    } at_the_end(*this);
    for (;;) {
        const auto next = evict(clock_.now());
        if (next == rt::time_point::max()) {
            has_idle_.clear();
            co_await has_idle_.wait();
            continue;
        }
        const auto pause = std::max<rt::duration>(next - clock_.now(), std::chrono::seconds(1));
        co_await rt::sleep_for(clock_, pause);
    }
}

}  // namespace lakeferry::http
