#include "net/http/connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <exception>

namespace lakeferry::http {

namespace {

namespace this_coro = boost::asio::this_coro;
using boost::asio::cancellation_type;

constexpr std::size_t output_kept = 4U << 10;
// After a refusal in the middle of a body, so much of the rest is thrown away before closing: closing at once
// would reset the connection, and the peer might never see the answer.
constexpr std::size_t linger_bytes_max = 1U << 20;
constexpr auto linger_time_max = std::chrono::seconds(2);

request_head view_of(const codec::request_parts& parts) noexcept
{
    request_head head;
    head.method = parts.message.method;
    head.target = parts.message.target;
    head.fields = &parts.message.fields;
    if (parts.body == codec::framing::length) head.content_length = parts.length;
    if (parts.body == codec::framing::none) head.content_length = 0;
    return head;
}

bool is_token_start(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

}  // namespace

void server_connection::enter(step next, rt::duration limit) noexcept
{
    step_ = next;
    since_ = clock_.now();
    until_ = limit == rt::duration::max() ? rt::time_point::max() : since_ + limit;
}

void server_connection::expire()
{
    if (step_ == step::writing || step_ == step::leaving) {
        stop_now();
        return;
    }
    expired_ = true;
    signal_.emit(cancellation_type::terminal);
}

void server_connection::stop_soon()
{
    last_ = true;
    if (step_ == step::idle || fresh_) stop_now();
}

void server_connection::stop_now()
{
    gone_ = true;
    stream_->close();
    signal_.emit(cancellation_type::terminal);
}

// Cancellation arrives as an error code at the read or write under way; it only unwinds the handler.
rt::awaitable<void> server_connection::run()
{
    co_await this_coro::throw_if_cancelled(false);
    while (co_await one_exchange()) {
    }
    if (!gone_) co_await leave();
    stream_->close();
}

rt::awaitable<bool> server_connection::one_exchange()
{
    codec::request_parts parts;
    std::unique_ptr<codec::chunked_body> chunked;
    if (!co_await read_head(parts, chunked)) co_return false;

    const auto head = view_of(parts);
    if (auto refused = service_.admit(head)) {
        const bool nothing_pending = parts.body == codec::framing::none ||
                                     (parts.body == codec::framing::length && parts.length <= in_.ready().size());
        if (!nothing_pending) co_return co_await refuse(*refused);
        if (parts.body == codec::framing::length) in_.consume(parts.length);
        co_return co_await answer(*refused, parts.keep_alive);
    }
    // Most bodies of single calls arrive with their heads: nothing to wait for.
    const bool is_there = parts.body == codec::framing::length && parts.length <= in_.ready().size() &&
                          parts.length <= service_.body_limit(head);
    if (is_there) {
        parts.message.body.assign(in_.ready().substr(0, parts.length));
        in_.consume(parts.length);
    } else if (parts.body != codec::framing::none && !co_await receive(parts, chunked.get())) {
        co_return false;
    }
    chunked.reset();
    const bool keep_alive = parts.keep_alive;
    const auto result = co_await call(std::move(parts.message));
    if (gone_) co_return false;
    co_return co_await answer(result, keep_alive);
}

// false: there is no request, and what had to be answered is answered.
rt::awaitable<bool> server_connection::read_head(codec::request_parts& parts,
                                                 std::unique_ptr<codec::chunked_body>& chunked)
{
    if (in_.empty() && !fresh_) {
        if (last_) co_return false;
        in_.shrink();
        if (out_.capacity() > output_kept) std::string().swap(out_);
        enter(step::idle, limits_.idle_timeout);
    }
    std::size_t searched = 0;
    for (;;) {
        // An empty line before a request is skipped (RFC 9112, section 2.2).
        while (in_.ready().starts_with("\r\n")) in_.consume(2), searched = 0;
        const auto text = in_.ready();
        if (!text.empty() && step_ != step::head) enter(step::head, limits_.head_timeout);
        if (!text.empty()) fresh_ = false;
        if (!text.empty() && !is_token_start(text.front()) && text != "\r")
            co_return co_await refuse_malformed(400, "this is not an HTTP request");
        const auto end = codec::find_head_end(text, searched);
        if (end != std::string_view::npos ? end > limits_.header_bytes_max : text.size() >= limits_.header_bytes_max)
            co_return co_await refuse_malformed(
                431, "the head of the request is larger than " + std::to_string(limits_.header_bytes_max) + " bytes");
        if (end != std::string_view::npos) {
            if (auto bad = codec::parse_request(text.substr(0, end), parts, chunked))
                co_return co_await refuse_malformed(bad->status, bad->why);
            in_.consume(end);
            http11_ = parts.http11;
            to_head_ = parts.message.method == "HEAD";
            co_return true;
        }
        searched = text.size();
        if (const auto ec = co_await in_.fill(limits_.header_bytes_max)) {
            if (in_.empty() || gone_) {
                gone_ = gone_ || ec != boost::asio::error::eof;
                co_return false;
            }
            if (expired_) co_return co_await refuse_malformed(408, "the head of the request did not arrive in time");
            if (ec == boost::asio::error::eof)
                co_return co_await refuse_malformed(400, "the connection ended inside the head of a request");
            gone_ = true;
            co_return false;
        }
    }
}

// Reads the body into parts.message; false: it was refused or cut.
rt::awaitable<bool> server_connection::receive(codec::request_parts& parts, codec::chunked_body* chunked)
{
    const auto head = view_of(parts);
    const auto limit = service_.body_limit(head);
    enter(step::body, limits_.body_timeout);
    if (parts.body == codec::framing::length && parts.length > limit)
        co_return co_await refuse(service_.refuse_large(head, limit));
    if (parts.expects_continue && in_.empty()) {
        static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
        if (co_await stream_->write(boost::asio::buffer(go_on))) {
            gone_ = true;
            co_return false;
        }
    }
    const auto end = co_await read_body(in_, parts.body, parts.length, chunked, limit, parts.message.body);
    if (gone_) co_return false;
    switch (end.how) {
        case body_end::kind::complete: co_return true;
        case body_end::kind::too_large: co_return co_await refuse(service_.refuse_large(head, limit));
        case body_end::kind::malformed: co_return co_await refuse_malformed(400, "the chunked body is malformed");
        case body_end::kind::cut: break;
    }
    if (expired_) co_return co_await refuse_malformed(408, "the body of the request did not arrive in time");
    if (end.code == boost::asio::error::eof)
        co_return co_await refuse_malformed(400, "the connection ended inside the body of a request");
    gone_ = true;
    co_return false;
}

rt::awaitable<response> server_connection::call(request what)
{
    enter(step::handling, rt::duration::max());
    if (expired_) {  // the sweeper came in the moment in which the last byte did
        expired_ = false;
        co_await this_coro::reset_cancellation_state();
    }
    std::exception_ptr error;
    response result;
    co_await this_coro::throw_if_cancelled(true);
    try {
        result = co_await service_.handle(std::move(what));
    } catch (...) {
        error = std::current_exception();
    }
    co_await this_coro::throw_if_cancelled(false);
    if (!error || gone_) co_return result;
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        result = service_.refuse_broken(e.what());
    } catch (...) {
        result = service_.refuse_broken("an exception of no known type");
    }
    last_ = true;
    co_return result;
}

rt::awaitable<bool> server_connection::answer(const response& what, bool keep_alive)
{
    keep_alive = keep_alive && !last_ && !crowded_ && !over();
    enter(step::writing, limits_.write_timeout);
    out_.clear();
    codec::write_response(what, to_head_, http11_, keep_alive, out_);
    if (co_await stream_->write(boost::asio::buffer(out_))) gone_ = true;
    co_return keep_alive && !gone_;
}

rt::awaitable<bool> server_connection::refuse(response what)
{
    lingers_ = true;
    (void)co_await answer(what, false);
    co_return false;
}

rt::awaitable<bool> server_connection::refuse_malformed(unsigned status, std::string_view why)
{
    to_head_ = false;
    return refuse(service_.refuse_malformed(status, why));
}

rt::awaitable<void> server_connection::leave()
{
    enter(step::leaving, linger_time_max);
    co_await stream_->finish();
    if (!lingers_ && in_.empty()) co_return;
    std::size_t thrown_away = in_.ready().size();
    in_.consume(thrown_away);
    while (!gone_ && thrown_away < linger_bytes_max) {
        if (co_await in_.fill(64U << 10)) break;
        thrown_away += in_.ready().size();
        in_.consume(in_.ready().size());
    }
}

}  // namespace lakeferry::http
