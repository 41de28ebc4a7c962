// The HTTP client: connections per origin, kept and used again.
#pragma once

#include "net/http/client.hpp"
#include "net/http/input.hpp"
#include "net/rt/limiter.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <vector>

namespace lakeferry::http {

// At most per_origin_max exchanges per origin are under way, further ones wait in order under their own deadline
// ("connect.timeout", or "connect.busy" at once beyond waiters_max: nothing was sent). The connection used last is
// used first; one that was idle for idle_max is closed by run(). A connection is only used again after a whole
// exchange that the peer did not end with "close", with nothing unread.
//
// The owner spawns run() in its group and keeps clock and network until it and all sends have ended. Cancelling run()
// closes the idle connections.
class pool final : public client {
public:
    pool(boost::asio::any_io_executor ex, rt::time_source& clock, network& via, pool_limits limits = {});
    pool(const pool&) = delete;
    pool& operator=(const pool&) = delete;
    ~pool() override;

    rt::awaitable<rt::outcome<response>> send(origin to, request what, send_options options) override;
    // Evicts idle connections until cancelled. Sleeps while there is none.
    rt::awaitable<void> run();

    std::size_t idle() const noexcept { return idle_count_; }
    std::size_t in_use() const noexcept;
    std::size_t waiting() const noexcept { return waiting_; }
    // Connections opened, exchanges on a reused one, silent retries.
    struct totals {
        std::uint64_t opened = 0;
        std::uint64_t reused = 0;
        std::uint64_t retried = 0;
    };
    const totals& counts() const noexcept { return totals_; }

private:
    struct connection {
        std::unique_ptr<stream> bytes;
        input in;
        rt::time_point idle_since{};
        explicit connection(std::unique_ptr<stream> s) : bytes(std::move(s)), in(*bytes) {}
    };
    struct host {
        rt::limiter slots;
        std::vector<std::unique_ptr<connection>> idle{};  // the one used last is at the end
        std::size_t users = 0;
        host(const boost::asio::any_io_executor& ex, std::size_t max) : slots(ex, max) {}
    };
    using hosts = std::map<origin, host>;
    class visit;
    struct progress;

    rt::awaitable<rt::outcome<response>> send_on(hosts::iterator at, const request& what, const send_options& options);
    rt::awaitable<rt::outcome<response>> exchange(hosts::iterator at, std::unique_ptr<connection> on,
                                                  const request& what, const send_options& options, progress& how);
    std::unique_ptr<connection> take_idle(host& of);
    void keep(host& of, std::unique_ptr<connection> one);
    void forget_if_unused(hosts::iterator at);
    rt::time_point evict(rt::time_point now);

    boost::asio::any_io_executor ex_;
    rt::time_source& clock_;
    network& via_;
    pool_limits limits_;
    hosts hosts_{};
    rt::event has_idle_;
    std::size_t idle_count_ = 0;
    std::size_t waiting_ = 0;
    totals totals_{};
};

}  // namespace lakeferry::http
