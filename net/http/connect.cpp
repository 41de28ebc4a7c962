#include "net/http/connect.hpp"

#include "net/http/socket_stream.hpp"
#include "net/rt/task_group.hpp"

#include <boost/asio/local/stream_protocol.hpp>

#include <optional>

namespace lakeferry::http {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// Several attempts, of which one may win.
struct race {
    rt::event changed;
    std::optional<tcp::socket> winner{};
    rt::error_code last_error{};
    std::size_t failed = 0;

    explicit race(const asio::any_io_executor& ex) : changed(ex) {}
};

rt::awaitable<void> attempt(race& r, tcp::endpoint to)
{
    tcp::socket socket(co_await asio::this_coro::executor);
    auto [ec] = co_await socket.async_connect(to, asio::as_tuple(asio::use_awaitable));
    if (ec) {
        ++r.failed;
        r.last_error = ec;
    } else if (!r.winner) {
        r.winner.emplace(std::move(socket));
    }
    r.changed.set();
}

// Starts the attempts one after the other and ends with the first success, the last failure or the limit.
rt::awaitable<void> run_race(rt::time_source& clock, race& r, rt::task_group& tasks, const dns::addresses& to,
                             unsigned short port, rt::duration stagger, rt::deadline limit)
{
    std::size_t started = 0;
    while (!r.winner && r.failed < to.size()) {
        if (started < to.size() && r.failed == started) tasks.spawn("connect", attempt(r, {to[started++], port}));
        r.changed.clear();
        const bool more = started < to.size();
        const auto until = more ? sooner(rt::deadline::in(clock, stagger), limit) : limit;
        if (r.winner || r.failed == started) continue;  // an attempt ended before it was waited for
        const auto waited = co_await rt::with_deadline(clock, until, r.changed.wait());
        if (waited.has_value()) continue;
        if (limit.passed(clock.now())) co_return;
        if (more) tasks.spawn("connect", attempt(r, {to[started++], port}));
    }
}

}  // namespace

rt::failure connect_failure(const rt::error_code& code, const std::string& name)
{
    rt::failure f;
    f.retry = rt::retry_class::transient;
    f.code = code;
    if (code == asio::error::connection_refused) {
        f.id = "connect.refused";
        f.detail = name + " refused the connection: nothing listens there, or a firewall says no";
    } else if (code == asio::error::timed_out) {
        f.id = "connect.timeout";
        f.detail = name + " did not answer in time; check the address and the firewalls on the way";
    } else {
        f.id = "connect.reset";
        f.detail = "no connection to " + name + ": " + code.message();
    }
    return f;
}

rt::awaitable<rt::outcome<tcp::socket>> connect_first(rt::time_source& clock, dns::addresses to, unsigned short port,
                                                      std::string name, rt::duration stagger, rt::deadline limit)
{
    auto ex = co_await asio::this_coro::executor;
    race r(ex);
    rt::task_group tasks(ex, nullptr);
    std::exception_ptr cancelled;
    try {
        co_await run_race(clock, r, tasks, to, port, stagger, limit);
    } catch (...) {
        cancelled = std::current_exception();
    }
    const bool all_failed = r.failed == to.size();  // what is cancelled below fails as well
    const bool throws = co_await asio::this_coro::throw_if_cancelled();
    co_await asio::this_coro::throw_if_cancelled(false);
    tasks.cancel();
    co_await tasks.join();
    co_await asio::this_coro::throw_if_cancelled(throws);
    if (cancelled) std::rethrow_exception(cancelled);
    if (!r.winner) co_return connect_failure(all_failed ? r.last_error : asio::error::timed_out, name);
    rt::error_code ignored;
    r.winner->set_option(tcp::no_delay(true), ignored);
    co_return std::move(*r.winner);
}

rt::awaitable<rt::outcome<std::unique_ptr<stream>>> connect_unix(rt::time_source& clock, std::string path,
                                                                 rt::deadline limit)
{
    using local = asio::local::stream_protocol;
    local::socket socket(co_await asio::this_coro::executor);
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        co_return rt::failure{.retry = rt::retry_class::never,
                              .id = "connect.refused",
                              .detail = "the socket path " + path + " is longer than the system allows"};
    auto connecting = socket.async_connect(local::endpoint(path), asio::as_tuple(asio::use_awaitable));
    const auto ended = co_await rt::with_deadline(clock, limit, std::move(connecting));
    if (ended.has_error()) co_return connect_failure(asio::error::timed_out, path);
    if (const auto ec = std::get<0>(*ended)) {
        auto f = connect_failure(ec, path);
        if (ec == boost::system::errc::no_such_file_or_directory) {
            f.id = "connect.refused";
            f.detail = "there is no socket " + path + ": the program that serves it is not running";
        } else if (ec == boost::system::errc::permission_denied) {
            f.retry = rt::retry_class::never;
            f.id = "connect.refused";
            f.detail = "no permission to use the socket " + path + ": be its owner or a member of its group";
        }
        co_return f;
    }
    co_return std::unique_ptr<stream>(
        std::make_unique<socket_stream<local::socket>>(std::move(socket), "unix:" + path));
}

}  // namespace lakeferry::http
