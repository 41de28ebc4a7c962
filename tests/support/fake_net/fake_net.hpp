// A network in memory: listeners by name, streams with seeded faults, counts of what happened.
#pragma once

#include "net/http/network.hpp"
#include "net/rt/event.hpp"
#include "tests/support/world/world.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::test {

// Chances are per connection, drawn when it is made; zero is off. A connection suffers at most one of them.
struct net_faults {
    rt::duration latency_min{};
    rt::duration latency_max{};
    bool chunking = false;     // reads return random pieces
    double refuse = 0;         // nobody listens
    double blackhole = 0;      // connecting never ends
    double reset_request = 0;  // connection reset inside what the client sends
    double reset_answer = 0;   // connection reset inside what the server sends
    double stall = 0;          // silence inside what the server sends
    double half_close = 0;     // what the server sends ends early
    std::size_t within = 1500;  // the fault strikes after so many bytes at most
};

struct net_counts {
    std::uint64_t connects = 0;  // that were made
    std::uint64_t refused = 0;
    std::uint64_t blackholed = 0;
    std::uint64_t resets_request = 0;
    std::uint64_t resets_answer = 0;
    std::uint64_t stalls = 0;
    std::uint64_t half_closes = 0;
};

// Peers are named "host:port" ("adb.example:443"; the port of a scheme is filled in) or "unix:/path"; TLS is not
// imitated, so https and http differ only in their port. Port 0 gets a number. Outlives its streams.
class fake_net final : public http::network {
public:
    explicit fake_net(world& w) : world_(w) {}

    rt::awaitable<rt::outcome<std::unique_ptr<http::stream>>> connect(http::origin to, rt::deadline limit) override;
    rt::outcome<std::unique_ptr<http::listener>> listen(const std::string& where, const tls_files& tls) override;

    net_faults faults{};                                // for every peer that has none of its own
    std::map<std::string, net_faults> faults_of{};      // by peer
    std::set<std::string> unknown_hosts{};              // fail with "connect.dns_unknown"
    std::map<std::string, std::string> broken_tls{};    // peer: what is wrong with its certificate
    std::set<std::string> down{};                       // peers that refuse
    std::set<std::string> unreachable{};                // peers whose packets vanish

    const net_counts& counts() const noexcept { return counts_; }
    // Streams that are open, both ends counted.
    std::size_t open_streams() const noexcept { return *open_; }
    // Resets every connection to a peer, as its crash would.
    void cut(const std::string& peer);

    struct link;
    struct port;

private:
    std::shared_ptr<link> make_link(const std::string& peer, const net_faults& f);
    bool strikes(double chance);

    world& world_;
    net_counts counts_{};
    std::shared_ptr<std::size_t> open_ = std::make_shared<std::size_t>(0);
    std::map<std::string, std::weak_ptr<port>> ports_{};
    std::vector<std::pair<std::string, std::weak_ptr<link>>> links_{};
    unsigned next_port_ = 40000;
};

// "adb.example:443" for {"https", "adb.example", ""}.
std::string peer_name(const http::origin& to);

}  // namespace lakeferry::test
