#include "tests/support/fake_net/pipe.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstring>

namespace lakeferry::test {

namespace {

namespace asio = boost::asio;
constexpr std::size_t unread_max = 256U << 10;
constexpr std::size_t piece_max = 64U << 10;

}  // namespace

pipe::pipe(const asio::any_io_executor& ex, rt::time_source& clock, std::mt19937_64& rng, pipe_plan plan)
    : clock_(clock), rng_(rng), plan_(plan), readable_(ex), writable_(ex)
{
}

rt::awaitable<std::pair<rt::error_code, std::size_t>> pipe::read_some(asio::mutable_buffer to)
{
    for (;;) {
        if (reset_) co_return std::pair(rt::error_code(asio::error::connection_reset), std::size_t{0});
        if (!chunks_.empty() && chunks_.front().at <= clock_.now()) co_return std::pair(rt::error_code{}, take(to));
        if (!chunks_.empty()) {
            auto [ec] = co_await clock_.async_wait_until(chunks_.front().at, asio::as_tuple(asio::use_awaitable));
            if (ec) co_return std::pair(ec, std::size_t{0});
            continue;
        }
        if ((finished_ && !stalled_) || ended_early_)
            co_return std::pair(rt::error_code(asio::error::eof), std::size_t{0});
        readable_.clear();
        co_await readable_.wait_once();
        if (!readable_.is_set()) co_return std::pair(rt::error_code(asio::error::operation_aborted), std::size_t{0});
    }
}

std::size_t pipe::take(asio::mutable_buffer to)
{
    auto& front = chunks_.front();
    auto n = std::min(to.size(), front.bytes.size() - front.used);
    if (plan_.chunked && n > 1) n = 1 + rng_() % n;
    std::memcpy(to.data(), front.bytes.data() + front.used, n);
    front.used += n;
    if (front.used == front.bytes.size()) chunks_.pop_front();
    unread_ -= n;
    writable_.set();
    return n;
}

rt::awaitable<rt::error_code> pipe::write(asio::const_buffer from)
{
    std::string_view rest(static_cast<const char*>(from.data()), from.size());
    while (!rest.empty()) {
        if (reset_) co_return rt::error_code(asio::error::connection_reset);
        if (finished_) co_return rt::error_code(asio::error::broken_pipe);
        if (unread_ >= unread_max) {
            writable_.clear();
            co_await writable_.wait_once();
            if (!writable_.is_set()) co_return rt::error_code(asio::error::operation_aborted);
            continue;
        }
        auto n = std::min({rest.size(), unread_max - unread_, piece_max});
        n = std::min(n, std::max<std::size_t>(1, plan_.reset_after - std::min(plan_.reset_after, passed_)));
        if (!accept_some(rest.substr(0, n))) co_return rt::error_code(asio::error::connection_reset);
        rest.remove_prefix(n);
    }
    co_return rt::error_code{};
}

// Applies the plan to a piece that was written; false: it broke the connection.
bool pipe::accept_some(std::string_view piece)
{
    if (passed_ >= plan_.reset_after) {
        if (on_reset) on_reset();
        return false;
    }
    const auto before = passed_;
    passed_ += piece.size();
    const auto arrives = std::min(plan_.stall_after, plan_.end_after);
    const auto readable = std::min(piece.size(), arrives - std::min(arrives, before));
    const bool ends = plan_.end_after < plan_.stall_after;
    if (readable < piece.size() && ends && !std::exchange(ended_early_, true) && on_early_end) on_early_end();
    if (readable < piece.size() && !ends && !std::exchange(stalled_, true) && on_stall) on_stall();
    if (readable > 0) {
        const auto spread = (plan_.latency_max - plan_.latency_min).count();
        const auto extra = spread > 0 ? rt::duration(static_cast<rt::duration::rep>(
                                            rng_() % static_cast<std::uint64_t>(spread + 1)))
                                      : rt::duration{};
        auto at = clock_.now() + plan_.latency_min + extra;
        if (!chunks_.empty()) at = std::max(at, chunks_.back().at);
        chunks_.push_back({at, std::string(piece.substr(0, readable))});
        unread_ += readable;
    }
    readable_.set();
    return true;
}

void pipe::finish()
{
    finished_ = true;
    readable_.set();
    writable_.set();
}

void pipe::reset()
{
    reset_ = true;
    chunks_.clear();
    unread_ = 0;
    readable_.set();
    writable_.set();
}

}  // namespace lakeferry::test
