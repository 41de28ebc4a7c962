#include "tests/support/fake_net/fake_net.hpp"

#include "tests/support/fake_net/pipe.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <deque>

namespace lakeferry::test {

namespace {

namespace asio = boost::asio;

rt::failure failed(rt::retry_class retry, const char* id, std::string detail, rt::error_code code = {})
{
    return rt::failure{.retry = retry, .id = id, .detail = std::move(detail), .code = code};
}

}  // namespace

// Both directions of one connection.
struct fake_net::link {
    pipe to_server;
    pipe to_client;

    link(const asio::any_io_executor& ex, world& w, pipe_plan up, pipe_plan down)
        : to_server(ex, w.time, w.rng, up), to_client(ex, w.time, w.rng, down)
    {
    }
    void reset()
    {
        to_server.reset();
        to_client.reset();
    }
};

struct fake_net::port {
    rt::event arrived;
    std::deque<std::unique_ptr<http::stream>> backlog{};
    bool closed = false;
    explicit port(const asio::any_io_executor& ex) : arrived(ex) {}
};

namespace {

class fake_stream final : public http::stream {
public:
    fake_stream(std::shared_ptr<fake_net::link> of, bool server, std::string peer, std::shared_ptr<std::size_t> open)
        : link_(std::move(of)), server_(server), peer_(std::move(peer)), open_(std::move(open))
    {
        ++*open_;
    }
    ~fake_stream() override { fake_stream::close(); }

    rt::awaitable<std::pair<rt::error_code, std::size_t>> read_some(asio::mutable_buffer to) override
    {
        if (closed_) co_return std::pair(rt::error_code(asio::error::bad_descriptor), std::size_t{0});
        const auto keep = link_;
        auto got = co_await incoming().read_some(to);
        if (closed_) co_return std::pair(rt::error_code(asio::error::operation_aborted), std::size_t{0});
        co_return got;
    }
    rt::awaitable<rt::error_code> write(asio::const_buffer from) override
    {
        if (closed_) co_return rt::error_code(asio::error::bad_descriptor);
        const auto keep = link_;
        co_return co_await outgoing().write(from);
    }
    rt::awaitable<void> finish() override
    {
        outgoing().finish();
        co_return;
    }
    // As with sockets: closing with unread bytes, or while the peer still sends, resets; else it is an end.
    void close() noexcept override
    {
        if (std::exchange(closed_, true)) return;
        --*open_;
        const bool unread = incoming().has_bytes();
        outgoing().finish();
        if (unread) outgoing().reset();
        incoming().reset();
    }
    bool ended() const noexcept override
    {
        const auto& in = server_ ? link_->to_server : link_->to_client;
        return in.finished() || in.is_reset() || in.has_bytes();
    }
    std::string peer() const override { return peer_; }

private:
    pipe& incoming() noexcept { return server_ ? link_->to_server : link_->to_client; }
    pipe& outgoing() noexcept { return server_ ? link_->to_client : link_->to_server; }

    std::shared_ptr<fake_net::link> link_;
    bool server_;
    bool closed_ = false;
    std::string peer_;
    std::shared_ptr<std::size_t> open_;
};

class fake_listener final : public http::listener {
public:
    fake_listener(std::shared_ptr<fake_net::port> at, std::string address)
        : at_(std::move(at)), address_(std::move(address))
    {
    }
    ~fake_listener() override { fake_listener::close(); }

    rt::awaitable<rt::outcome<std::unique_ptr<http::stream>>> accept() override
    {
        const auto at = at_;
        while (at->backlog.empty()) {
            if (at->closed) break;
            at->arrived.clear();
            co_await at->arrived.wait_once();
            if (!at->arrived.is_set()) break;
        }
        if (at->closed || at->backlog.empty())
            co_return failed(rt::retry_class::never, "listen.closed", "the listener is closed",
                             asio::error::operation_aborted);
        auto one = std::move(at->backlog.front());
        at->backlog.pop_front();
        co_return one;
    }
    void close() noexcept override
    {
        at_->closed = true;
        at_->backlog.clear();
        at_->arrived.set();
    }
    std::string address() const override { return address_; }

private:
    std::shared_ptr<fake_net::port> at_;
    std::string address_;
};

}  // namespace

std::string peer_name(const http::origin& to)
{
    if (to.scheme == "unix") return "unix:" + to.host;
    const auto port = !to.port.empty() ? to.port : to.scheme == "https" ? "443" : "80";
    return (to.host.find(':') == std::string::npos ? to.host : "[" + to.host + "]") + ":" + port;
}

bool fake_net::strikes(double chance)
{
    return chance > 0 && std::uniform_real_distribution<double>(0, 1)(world_.rng) < chance;
}

std::shared_ptr<fake_net::link> fake_net::make_link(const std::string& peer, const net_faults& f)
{
    pipe_plan up{.latency_min = f.latency_min, .latency_max = f.latency_max, .chunked = f.chunking};
    pipe_plan back = up;
    const auto after = [&] { return static_cast<std::size_t>(world_.rng() % (f.within + 1)); };
    if (strikes(f.reset_request))
        up.reset_after = after();
    else if (strikes(f.reset_answer))
        back.reset_after = after();
    else if (strikes(f.stall))
        back.stall_after = after();
    else if (strikes(f.half_close))
        back.end_after = after();

    auto made = std::make_shared<link>(world_.executor(), world_, up, back);
    auto* raw = made.get();  // the pipes are parts of the link
    made->to_server.on_reset = [this, raw] {
        ++counts_.resets_request;
        raw->reset();
    };
    made->to_client.on_reset = [this, raw] {
        ++counts_.resets_answer;
        raw->reset();
    };
    made->to_client.on_stall = [this] { ++counts_.stalls; };
    made->to_client.on_early_end = [this] { ++counts_.half_closes; };
    std::erase_if(links_, [](const auto& one) { return one.second.expired(); });
    links_.emplace_back(peer, made);
    return made;
}

rt::awaitable<rt::outcome<std::unique_ptr<http::stream>>> fake_net::connect(http::origin to, rt::deadline limit)
{
    using rt::retry_class;
    const auto peer = peer_name(to);
    const auto own = faults_of.find(peer);
    const auto f = own == faults_of.end() ? faults : own->second;
    if (unknown_hosts.contains(to.host))
        co_return failed(retry_class::never, "connect.dns_unknown",
                         "no host is called \"" + to.host + "\"; check its spelling");
    if (unreachable.contains(peer) || strikes(f.blackhole)) {
        ++counts_.blackholed;
        rt::event never(world_.executor());
        (void)co_await rt::with_deadline(world_.time, limit, never.wait());
        co_return failed(retry_class::transient, "connect.timeout", peer + " did not answer in time",
                         asio::error::timed_out);
    }
    if (f.latency_max > rt::duration{}) {
        auto waiting = rt::sleep_for(world_.time, f.latency_min + f.latency_max);
        if ((co_await rt::with_deadline(world_.time, limit, std::move(waiting))).has_error())
            co_return failed(retry_class::transient, "connect.timeout", peer + " did not answer in time",
                             asio::error::timed_out);
    }
    const auto found = ports_.find(peer);
    const auto at = found == ports_.end() ? nullptr : found->second.lock();
    if (!at || at->closed || down.contains(peer) || strikes(f.refuse)) {
        ++counts_.refused;
        co_return failed(retry_class::transient, "connect.refused",
                         peer + " refused the connection: nothing listens there, or a firewall says no",
                         asio::error::connection_refused);
    }
    if (const auto bad = broken_tls.find(peer); bad != broken_tls.end())
        co_return failed(retry_class::never, "connect.tls", peer + ": " + bad->second);
    ++counts_.connects;
    auto made = make_link(peer, f);
    at->backlog.push_back(std::make_unique<fake_stream>(made, true, "client", open_));
    at->arrived.set();
    co_return std::unique_ptr<http::stream>(std::make_unique<fake_stream>(std::move(made), false, peer, open_));
}

rt::outcome<std::unique_ptr<http::listener>> fake_net::listen(const std::string& where, const tls_files&)
{
    auto name = where;
    if (name.ends_with(":0")) name = name.substr(0, name.size() - 1) + std::to_string(next_port_++);
    auto& slot = ports_[name];
    if (const auto there = slot.lock(); there && !there->closed)
        return failed(rt::retry_class::never, "listen.in_use", "the address " + name + " is taken");
    auto made = std::make_shared<port>(world_.executor());
    slot = made;
    return std::unique_ptr<http::listener>(std::make_unique<fake_listener>(std::move(made), name));
}

void fake_net::cut(const std::string& peer)
{
    for (auto& [name, one] : links_)
        if (const auto alive = one.lock(); alive && name == peer) alive->reset();
}

}  // namespace lakeferry::test
