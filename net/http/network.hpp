// The door to the network: byte streams and listeners. Real sockets (TCP, TLS, Unix) in production,
// a seeded fake in the test world.
#pragma once

#include "net/http/message.hpp"
#include "net/rt/deadline.hpp"
#include "net/rt/failure.hpp"

#include <boost/asio/buffer.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace lakeferry::http {

// One connection. Destroying it closes it. A read or write that was cancelled or failed leaves it
// unusable. One read and one write may be under way at once.
class stream {
public:
    virtual ~stream() = default;
    // {error, bytes}; error::eof at the end. Throws only operation_aborted of a cancelled caller.
    virtual rt::awaitable<std::pair<rt::error_code, std::size_t>> read_some(boost::asio::mutable_buffer) = 0;
    // Writes everything or fails.
    virtual rt::awaitable<rt::error_code> write(boost::asio::const_buffer) = 0;
    // Says that no more will be written (TLS: close_notify, briefly). Never fails.
    virtual rt::awaitable<void> finish() = 0;
    virtual void close() noexcept = 0;
    // Between two exchanges: the peer has closed, so that a further request would be lost. Never blocks; false may
    // be wrong an instant later.
    virtual bool ended() const noexcept { return false; }
    // For logs: address of the peer.
    virtual std::string peer() const = 0;
};

class listener {
public:
    virtual ~listener() = default;
    // Fails with id "listen.closed" after close(); other failures are passing (out of descriptors).
    virtual rt::awaitable<rt::outcome<std::unique_ptr<stream>>> accept() = 0;
    virtual void close() noexcept = 0;
    // "127.0.0.1:8400", "[::1]:8400" or a socket's path; the port is the real one even if 0 was asked for.
    virtual std::string address() const = 0;
};

// Failures of connect(): retry transient ("connect.refused", "connect.timeout", "connect.dns",
// "connect.reset") or never ("connect.tls": the certificate or handshake; "connect.dns_unknown"):
// in each of them not one byte of a request was sent.
class network {
public:
    virtual ~network() = default;
    virtual rt::awaitable<rt::outcome<std::unique_ptr<stream>>> connect(origin to, rt::deadline limit) = 0;
    // where: "host:port" or "unix:/path". tls: PEM files, both or none.
    struct tls_files {
        std::string certificate{};
        std::string key{};
    };
    virtual rt::outcome<std::unique_ptr<listener>> listen(const std::string& where, const tls_files& tls) = 0;
};

}  // namespace lakeferry::http
