// What both sides of TLS trust and show. Internal to net.
#pragma once

#include "net/rt/failure.hpp"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace lakeferry::tls {

// Trusts the system's authorities and those of a PEM file (empty: none). TLS 1.2 and newer. There is no way to turn
// verification off.
rt::outcome<std::shared_ptr<boost::asio::ssl::context>> client_context(const std::string& extra_authorities);

// Shows a certificate with its chain. Fails with "listen.tls": a file is missing, unreadable, or the key is
// another certificate's.
rt::outcome<std::shared_ptr<boost::asio::ssl::context>> server_context(const std::string& certificate_file,
                                                                       const std::string& key_file);

}  // namespace lakeferry::tls
