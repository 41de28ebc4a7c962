// Host names to addresses, without blocking the loop.
#pragma once

#include "net/rt/deadline.hpp"
#include "net/rt/event.hpp"
#include "net/rt/failure.hpp"

#include <boost/asio/ip/address.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace lakeferry::dns {

using addresses = std::vector<boost::asio::ip::address>;
// Blocks; runs on a resolver thread. Fails with "connect.dns" (try again) or "connect.dns_unknown".
using blocking_lookup = std::function<rt::outcome<addresses>(const std::string& host)>;

// The system's: hosts file, DNS and whatever else nsswitch.conf names.
rt::outcome<addresses> system_lookup(const std::string& host);

struct resolver_limits {
    rt::duration keep_good = std::chrono::seconds(30);
    rt::duration keep_bad = std::chrono::seconds(2);
    std::size_t names_max = 256;
};

// Two threads of its own (started by the first lookup) call the blocking system resolver; one lookup per name is
// under way at a time, whoever asks. A waiter whose deadline passes abandons the lookup and leaves it to its
// thread, which touches nothing but shared state; a stuck thread therefore delays neither a request nor
// the end of the process. Loop thread only. Nobody may wait when it is destroyed.
class resolver {
public:
    resolver(rt::asio::any_io_executor ex, rt::time_source& clock, blocking_lookup lookup = system_lookup,
             resolver_limits limits = {});
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;
    ~resolver();

    // At least one address. An address written out is itself. Good answers are kept for a while, and for longer
    // when a new lookup fails; failures briefly. "connect.timeout" at the deadline.
    rt::awaitable<rt::outcome<addresses>> resolve(std::string host, rt::deadline limit);

private:
    struct entry {
        rt::event ready;
        rt::outcome<addresses> result{rt::failure{}};
        rt::time_point expires{};
        bool under_way = false;
        bool known = false;
        explicit entry(const rt::asio::any_io_executor& ex) : ready(ex) {}
    };
    class workers;

    void start(const std::string& host, entry& of);
    void finish(const std::string& host, rt::outcome<addresses> got);
    void make_room();

    rt::asio::any_io_executor ex_;
    rt::time_source& clock_;
    blocking_lookup lookup_;
    resolver_limits limits_;
    std::map<std::string, std::shared_ptr<entry>> names_{};
    std::shared_ptr<workers> workers_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace lakeferry::dns
