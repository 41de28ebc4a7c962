#include "net/http/input.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>

namespace lakeferry::http {

namespace {

// A head with a small body fits; an idle connection keeps no more than this.
constexpr std::size_t buffer_small = 4U << 10;
// How much of an announced body is allocated before its bytes have come.
constexpr std::size_t body_step = 256U << 10;

rt::awaitable<body_end> read_length(input& from, std::size_t length, std::string& out)
{
    const auto buffered = std::min(length, from.ready().size());
    out.reserve(std::min(length, body_step));
    out.append(from.ready().substr(0, buffered));
    from.consume(buffered);
    std::size_t have = buffered;
    while (have < length) {
        if (have == out.size()) out.resize(std::min(length, std::max(body_step, have * 2)));
        const auto [ec, n] = co_await from.read_into(out.data() + have, out.size() - have);
        have += n;
        if (ec) {
            out.resize(have);
            co_return body_end{body_end::kind::cut, ec};
        }
    }
    co_return body_end{};
}

rt::awaitable<body_end> read_chunked(input& from, codec::chunked_body& chunked, std::size_t limit, std::string& out)
{
    constexpr std::size_t buffer_max = 64U << 10;
    for (;;) {
        std::size_t used = 0;
        const auto state = chunked.feed(from.ready(), used, out, limit);
        from.consume(used);
        switch (state) {
            case codec::chunked_body::state::done: co_return body_end{};
            case codec::chunked_body::state::too_large: co_return body_end{body_end::kind::too_large};
            case codec::chunked_body::state::malformed: co_return body_end{body_end::kind::malformed};
            case codec::chunked_body::state::more: break;
        }
        // A chunk header or trailer that fills the whole buffer is nobody's honest one.
        if (from.ready().size() >= buffer_max) co_return body_end{body_end::kind::malformed};
        if (used > 0 && !from.empty()) continue;
        if (const auto ec = co_await from.fill(buffer_max)) co_return body_end{body_end::kind::cut, ec};
    }
}

rt::awaitable<body_end> read_to_eof(input& from, std::size_t limit, std::string& out)
{
    for (;;) {
        const auto part = from.ready();
        if (part.size() > limit - out.size()) co_return body_end{body_end::kind::too_large};
        out.append(part);
        from.consume(part.size());
        const auto ec = co_await from.fill(64U << 10);
        if (ec == boost::asio::error::eof) co_return body_end{};
        if (ec) co_return body_end{body_end::kind::cut, ec};
    }
}

}  // namespace

void input::consume(std::size_t n) noexcept
{
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
}

rt::awaitable<rt::error_code> input::fill(std::size_t size_max)
{
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == buffer_.size()) buffer_.resize(std::min(size_max, std::max(buffer_small, end_ * 4)));
    if (end_ == buffer_.size()) rt::fail("the input buffer has room");
    const auto [ec, n] = co_await from_.read_some(boost::asio::buffer(buffer_.data() + end_, buffer_.size() - end_));
    end_ += n;
    co_return ec;
}

rt::awaitable<std::pair<rt::error_code, std::size_t>> input::read_into(char* to, std::size_t size)
{
    rt::check(empty(), "nothing is buffered when a body is read directly");
    return from_.read_some(boost::asio::buffer(to, size));
}

void input::shrink()
{
    if (!empty() || buffer_.size() <= buffer_small) return;
    buffer_.resize(buffer_small);
    buffer_.shrink_to_fit();
}

rt::awaitable<body_end> read_body(input& from, codec::framing how, std::size_t length, codec::chunked_body* chunked,
                                  std::size_t limit, std::string& out)
{
    switch (how) {
        case codec::framing::none: co_return body_end{};
        case codec::framing::length:
            if (length > limit) co_return body_end{body_end::kind::too_large};
            co_return co_await read_length(from, length, out);
        case codec::framing::chunked: co_return co_await read_chunked(from, *chunked, limit, out);
        case codec::framing::to_eof: co_return co_await read_to_eof(from, limit, out);
    }
    co_return body_end{body_end::kind::malformed};
}

}  // namespace lakeferry::http
