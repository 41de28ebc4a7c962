#include "auth/token_source.hpp"

#include "net/rt/backoff.hpp"

#include <algorithm>
#include <utility>

namespace lakeferry::auth {

using rt::retry_class;

namespace {

constexpr auto refresh_limit = std::chrono::seconds(60);   // of one refresh, repetitions included
constexpr auto exchange_limit = std::chrono::seconds(20);  // of one HTTP exchange
constexpr auto background_pause = std::chrono::seconds(60);
constexpr auto pause_after_refusal = std::chrono::seconds(10);
constexpr auto pause_after_outage = std::chrono::seconds(5);
constexpr std::size_t answer_bytes_max = 256U << 10;

// Azure refuses tokens with less than 30 s left, so they count as expired 40 s early; lives so short
// that this would leave nothing give up a quarter.
rt::duration usable_life(std::chrono::seconds life) noexcept
{
    return life - std::min<rt::duration>(std::chrono::seconds(40), rt::duration(life) / 4);
}

}  // namespace

rt::duration refresh_after(std::chrono::seconds life, double unit) noexcept
{
    using std::chrono::seconds;
    const rt::duration early = std::min<rt::duration>(rt::duration(life) * 9 / 10, life - seconds(300));
    const auto jittered = std::chrono::duration_cast<rt::duration>(
        std::chrono::duration<double, rt::duration::period>(static_cast<double>(early.count()) *
                                                            (0.95 + 0.1 * unit)));
    return std::max<rt::duration>(jittered, seconds(10));
}

// One refresh and those who wait for it. Shared, because a waiter may come back after the next one began.
struct oauth_token_source::round {
    explicit round(const boost::asio::any_io_executor& ex) : done(ex) {}
    rt::event done;
    std::optional<rt::failure> failure{};
    std::optional<rt::failure> tried{};  // of the last attempt while more follow: says more than "no time"
};

oauth_token_source::oauth_token_source(boost::asio::any_io_executor ex, needs with, oauth_settings settings)
    : ex_(std::move(ex)), with_(with), settings_(std::move(settings))
{
}

oauth_token_source::~oauth_token_source()
{
    rt::check(refreshes_in_flight_ == 0, "refreshes are joined before their token source goes");
}

bool oauth_token_source::usable() const noexcept
{
    return token_ && with_.clock.now() < expires_;
}

double oauth_token_source::unit()
{
    return std::uniform_real_distribution<double>(0.0, 1.0)(with_.rng);
}

rt::awaitable<rt::outcome<token_lease>> oauth_token_source::get(rt::deadline limit)
{
    for (;;) {
        const auto now = with_.clock.now();
        if (usable()) {
            if (now >= refresh_at_ && !round_) start_refresh();
            // The refresh may have ended already; either token is good.
            if (token_) co_return token_lease{token_, generation_};
        }
        if (!round_ && failure_ && now < failed_until_) co_return *failure_;
        if (limit.passed(now))
            co_return rt::failure{retry_class::transient, "auth.timeout",
                                  "There was no time left to get an access token."};
        const auto mine = round_ ? round_ : start_refresh();
        if (!mine->done.is_set()) {
            const auto ended = co_await rt::with_deadline(with_.clock, limit, mine->done.wait());
            if (ended.has_error() && !mine->done.is_set() && mine->tried) co_return *mine->tried;
            if (ended.has_error() && !mine->done.is_set())
                co_return rt::failure{retry_class::transient, "auth.timeout",
                                      "The workspace did not hand out an access token in time."};
        }
        if (mine->failure) co_return *mine->failure;
    }
}

void oauth_token_source::invalidate(std::uint64_t generation)
{
    if (generation == generation_) token_.reset();
}

token_status oauth_token_source::status() const
{
    token_status out;
    if (usable()) {
        out.state = token_state::valid;
        out.expires = expires_;
    } else if (round_) {
        out.state = token_state::refreshing;
    } else if (failure_) {
        out.state = token_state::failed;
    }
    if (failure_) out.problem = failure_->detail;
    return out;
}

std::shared_ptr<oauth_token_source::round> oauth_token_source::start_refresh()
{
    // Registered before it is spawned: it may run to its end inside spawn().
    auto mine = std::make_shared<round>(ex_);
    round_ = mine;
    ++refreshes_started_;
    ++refreshes_in_flight_;
    with_.refreshes.spawn("token refresh", refresh(mine), rt::on_error::log_and_continue);
    return mine;
}

rt::awaitable<void> oauth_token_source::refresh(std::shared_ptr<round> mine)
{
    // Wakes the waiters however this ends, by cancellation too.
    struct closing {
        oauth_token_source& self;
        round& of;
        ~closing()
        {
            --self.refreshes_in_flight_;
            self.round_.reset();
            of.done.set();
        }
    };
    const auto keep = mine;
    mine->failure = rt::failure{retry_class::transient, "auth.stopped",
                                "Getting an access token was broken off because the space stops."};
    const closing at_end{*this, *keep};
    auto got = co_await ask(*keep, rt::deadline::in(with_.clock, refresh_limit));
    if (got.has_value()) {
        mine->failure.reset();
        accept(std::move(*got));
    } else {
        mine->failure = got.error();
        note_failure(got.error());
    }
}

void oauth_token_source::accept(token_grant grant)
{
    const auto now = with_.clock.now();
    const auto expires = now + usable_life(grant.life);
    failure_.reset();
    if (usable() && expires < expires_) {  // never trade a token for one that ends sooner
        refresh_at_ = now + background_pause;
        return;
    }
    token_ = std::make_shared<const secret>(std::move(grant.access_token));
    ++generation_;
    expires_ = expires;
    refresh_at_ = now + refresh_after(grant.life, unit());
    with_.log.debug("auth.token_refreshed", "A new access token is in use.",
                    {{"space", settings_.space}, {"life_s", grant.life.count()}});
}

void oauth_token_source::note_failure(const rt::failure& why)
{
    const auto now = with_.clock.now();
    failure_ = why;
    failed_until_ = now + (why.retry == retry_class::never ? rt::duration(pause_after_refusal)
                                                           : rt::duration(pause_after_outage));
    if (!usable()) return;  // the callers get it and say so
    refresh_at_ = now + background_pause;
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(expires_ - now);
    with_.log.warn("auth.refresh_failed",
                   "The access token could not be renewed early; the current one is still good. " + why.detail,
                   {{"space", settings_.space}, {"left_s", left.count()}, {"err", why.id}});
}

rt::awaitable<rt::outcome<token_grant>> oauth_token_source::ask(round& mine, rt::deadline limit)
{
    rt::backoff pauses({std::chrono::milliseconds(500), std::chrono::seconds(15), 12});
    for (;;) {
        auto got = co_await ask_once(limit);
        if (got.has_value()) co_return got;
        if (got.error().retry == retry_class::never) co_return got;
        mine.tried = got.error();
        const auto pause = pauses.next(with_.clock.now(), limit, got.error().retry_after, with_.rng);
        if (!pause) co_return got;
        co_await rt::sleep_for(with_.clock, *pause);
    }
}

rt::awaitable<rt::outcome<token_grant>> oauth_token_source::ask_once(rt::deadline limit)
{
    // Read every time: a rotated secret is in use at the next refresh.
    auto client_secret = with_.credentials.read(settings_.client_secret);
    if (client_secret.has_error()) co_return client_secret.error();
    auto at = co_await find_endpoint(limit);
    if (at.has_error()) co_return at.error();

    http::send_options options;
    options.limit = sooner(limit, rt::deadline::in(with_.clock, exchange_limit));
    options.replayable = true;  // a token that nobody received harms nobody
    options.response_limit = answer_bytes_max;
    auto answer = co_await with_.client.send(
        at->origin, token_request(*at, settings_.client_id, *client_secret), options);
    if (answer.has_error()) {
        auto why = answer.error();
        if (why.retry == retry_class::unknown_outcome) why.retry = retry_class::transient;
        co_return why;
    }
    if (answer->status == 200) {
        auto grant = parse_token_response(answer->body);
        wipe(answer->body);
        co_return grant;
    }
    auto why = parse_token_error(*answer);
    if (const auto wait = answer->fields.find("Retry-After"))
        why.retry_after = parse_retry_after(*wait, with_.calendar.now_us());
    if (answer->status == 404) endpoint_.reset();  // it may have moved: look again next time
    co_return why;
}

rt::awaitable<rt::outcome<endpoint>> oauth_token_source::find_endpoint(rt::deadline limit)
{
    if (endpoint_) co_return *endpoint_;
    http::send_options options;
    options.limit = sooner(limit, rt::deadline::in(with_.clock, exchange_limit));
    options.replayable = true;
    options.response_limit = answer_bytes_max;
    auto answer = co_await with_.client.send(settings_.host, discovery_request(), options);
    if (answer.has_error()) {
        // A host that cannot be reached has no other door either.
        if (answer.error().id.starts_with("connect.")) co_return answer.error();
        co_return fallback_endpoint(settings_.host);
    }
    if (answer->status != 200) co_return fallback_endpoint(settings_.host);
    auto found = parse_discovery(settings_.host, answer->body);
    if (found.has_error()) {
        with_.log.debug("auth.discovery_failed", found.error().detail, {{"space", settings_.space}});
        co_return fallback_endpoint(settings_.host);
    }
    endpoint_ = *found;
    co_return *found;
}

static_token_source::static_token_source(const credential_store& credentials, credential_ref token)
    : credentials_(credentials), ref_(std::move(token))
{
}

rt::awaitable<rt::outcome<token_lease>> static_token_source::get(rt::deadline)
{
    if (!token_) {
        auto read = credentials_.read(ref_);
        if (read.has_error()) {
            problem_ = read.error().detail;
            co_return read.error();
        }
        token_ = std::make_shared<const secret>(std::move(*read));
        ++generation_;
        problem_.clear();
    }
    co_return token_lease{token_, generation_};
}

void static_token_source::invalidate(std::uint64_t generation)
{
    if (generation != generation_) return;
    token_.reset();
    problem_ = describe(ref_) + " holds an access token that the workspace refused.";
}

token_status static_token_source::status() const
{
    token_status out;
    if (token_) out.state = token_state::valid;
    if (!token_ && !problem_.empty()) out.state = token_state::failed;
    out.problem = problem_;
    return out;
}

}  // namespace lakeferry::auth
