#include "net/dns/resolver.hpp"

#include <netdb.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace lakeferry::dns {

namespace asio = boost::asio;

rt::outcome<addresses> system_lookup(const std::string& host)
{
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (code != 0) {
        const bool unknown = code == EAI_NONAME || code == EAI_NODATA;
        rt::failure f;
        f.retry = unknown ? rt::retry_class::never : rt::retry_class::transient;
        f.id = unknown ? "connect.dns_unknown" : "connect.dns";
        f.detail = unknown ? "no host is called \"" + host + "\"; check its spelling"
                           : "the name \"" + host + "\" could not be looked up: " + ::gai_strerror(code);
        return f;
    }
    addresses out;
    for (const auto* a = found; a != nullptr; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            const auto* in = static_cast<const sockaddr_in*>(static_cast<const void*>(a->ai_addr));
            out.emplace_back(asio::ip::address_v4(ntohl(in->sin_addr.s_addr)));
        } else if (a->ai_family == AF_INET6) {
            const auto* in = static_cast<const sockaddr_in6*>(static_cast<const void*>(a->ai_addr));
            asio::ip::address_v6::bytes_type bytes{};
            std::copy(std::begin(in->sin6_addr.s6_addr), std::end(in->sin6_addr.s6_addr), bytes.begin());
            out.emplace_back(asio::ip::address_v6(bytes, in->sin6_scope_id));
        }
    }
    ::freeaddrinfo(found);
    if (out.empty())
        return rt::failure{.retry = rt::retry_class::never,
                           .id = "connect.dns_unknown",
                           .detail = "the host \"" + host + "\" has no internet address"};
    return out;
}

// What the threads own together with the resolver; outlives it when a thread is stuck in a lookup.
class resolver::workers : public std::enable_shared_from_this<workers> {
public:
    using job = std::function<std::function<void()>()>;  // runs on a thread; what it returns runs on the loop

    explicit workers(asio::any_io_executor loop) : loop_(std::move(loop)) {}

    void submit(job j)
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(j));
        if (idle_ < jobs_.size() && threads_ < threads_max) {
            ++threads_;
            std::thread([self = shared_from_this()] { self->work(); }).detach();
        }
        wake_.notify_one();
    }

    // From here on nothing reaches the loop any more.
    void close()
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        jobs_.clear();
        wake_.notify_all();
    }

private:
    static constexpr std::size_t threads_max = 2;

    void work()
    {
        std::unique_lock lock(mutex_);
        for (;;) {
            ++idle_;
            wake_.wait(lock, [this] { return closed_ || !jobs_.empty(); });
            --idle_;
            if (closed_) return;
            const job j = std::move(jobs_.front());
            jobs_.pop_front();
            lock.unlock();
            auto done = j();
            lock.lock();
            if (closed_) return;
            asio::post(loop_, std::move(done));
        }
    }

    asio::any_io_executor loop_;
    std::mutex mutex_{};
    std::condition_variable wake_{};
    std::deque<job> jobs_{};
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
    bool closed_ = false;
};

resolver::resolver(asio::any_io_executor ex, rt::time_source& clock, blocking_lookup lookup, resolver_limits limits)
    : ex_(std::move(ex)),
      clock_(clock),
      lookup_(std::move(lookup)),
      limits_(limits),
      workers_(std::make_shared<workers>(ex_))
{
}

resolver::~resolver() { workers_->close(); }

rt::awaitable<rt::outcome<addresses>> resolver::resolve(std::string host, rt::deadline limit)
{
    boost::system::error_code ec;
    const auto literal = asio::ip::make_address(host, ec);
    if (!ec) co_return addresses{literal};

    auto& slot = names_[host];
    if (!slot) {
        slot = std::make_shared<entry>(ex_);
        make_room();
    }
    const auto mine = names_[host];
    if (mine->known && !mine->under_way && clock_.now() < mine->expires) co_return mine->result;
    if (!mine->under_way) start(host, *mine);
    const auto ended = co_await rt::with_deadline(clock_, limit, mine->ready.wait());
    if (ended.has_error())
        co_return rt::failure{.retry = rt::retry_class::transient,
                              .id = "connect.timeout",
                              .detail = "looking up the name \"" + host + "\" took too long",
                              .code = asio::error::timed_out};
    co_return mine->result;
}

void resolver::start(const std::string& host, entry& of)
{
    of.under_way = true;
    of.ready.clear();
    // A thread gets neither the entry nor the resolver: it may outlive both, and the loop with them.
    workers_->submit([this, host, lookup = lookup_, alive = std::weak_ptr(alive_)] {
        auto got = std::make_shared<rt::outcome<addresses>>(lookup(host));
        return std::function<void()>([this, host, got, alive] {
            if (!alive.expired()) finish(host, std::move(*got));
        });
    });
}

void resolver::finish(const std::string& host, rt::outcome<addresses> got)
{
    auto& of = *names_.at(host);
    const bool stale_is_better = got.has_error() && of.known && of.result.has_value() &&
                                 got.error().retry != rt::retry_class::never;
    of.expires = clock_.now() + (got.has_value() ? limits_.keep_good : limits_.keep_bad);
    if (!stale_is_better) of.result = std::move(got);
    of.known = true;
    of.under_way = false;
    of.ready.set();
}

// Drops what expired first; a name that is being looked up stays.
void resolver::make_room()
{
    while (names_.size() > limits_.names_max) {
        auto oldest = names_.end();
        for (auto it = names_.begin(); it != names_.end(); ++it)
            if (it->second->known && !it->second->under_way &&
                (oldest == names_.end() || it->second->expires < oldest->second->expires))
                oldest = it;
        if (oldest == names_.end()) return;
        names_.erase(oldest);
    }
}

}  // namespace lakeferry::dns
