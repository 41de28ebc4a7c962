// A byte stream over TLS. Internal to net/http.
#pragma once

#include "net/http/network.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace lakeferry::http {

// The client's side: handshake with SNI and verification of the host. Failures: "connect.tls" (what is wrong with
// the certificate, and what to do), "connect.timeout", "connect.reset".
rt::awaitable<rt::outcome<std::unique_ptr<stream>>> tls_connect(rt::time_source& clock,
                                                                std::shared_ptr<boost::asio::ssl::context> context,
                                                                boost::asio::ip::tcp::socket socket,
                                                                std::string host, std::string name,
                                                                rt::deadline limit);

// The server's side: the handshake is part of the first read, so that accepting never waits for a peer.
std::unique_ptr<stream> tls_accepted(std::shared_ptr<boost::asio::ssl::context> context,
                                     boost::asio::ip::tcp::socket socket, std::string peer);

}  // namespace lakeferry::http
