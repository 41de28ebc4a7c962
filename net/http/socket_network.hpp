// The real network: TCP, TLS and Unix sockets.
#pragma once

#include "net/dns/resolver.hpp"
#include "net/http/network.hpp"

#include <memory>
#include <string>

namespace lakeferry::http {

struct socket_options {
    std::string extra_authorities{};  // a PEM file trusted beside the system's; empty: none
    rt::duration address_stagger = std::chrono::milliseconds(250);  // before the next address is tried as well
};

// connect(): names are looked up off the loop; the addresses are tried in their order, the next one as soon as
// the former failed or the stagger has passed; TLS 1.2 and newer with the host verified. Cancelling closes.
// listen(): "127.0.0.1:8400", "[::1]:8400", "localhost:8400", ":8400" (every address) or "unix:/path" (mode 0660;
// a socket file that nobody answers on is replaced, and removed at close). Failures: "listen.in_use",
// "listen.forbidden", "listen.address", "listen.tls". Loop thread only; outlives its streams and listeners.
class socket_network : public network {
public:
    // A listening socket that somebody else opened (socket activation). Takes the descriptor over.
    virtual rt::outcome<std::unique_ptr<listener>> adopt(int descriptor, const tls_files& tls) = 0;
};

// "connect.tls" if extra_authorities cannot be read.
rt::outcome<std::unique_ptr<socket_network>> make_socket_network(rt::asio::any_io_executor ex, rt::time_source& clock,
                                                                 socket_options options = {},
                                                                 dns::blocking_lookup lookup = dns::system_lookup);

}  // namespace lakeferry::http
