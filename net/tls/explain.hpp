// A failed handshake in plain words. Internal to net.
#pragma once

#include "net/rt/failure.hpp"

#include <openssl/ssl.h>

#include <optional>
#include <string>

namespace lakeferry::tls {

// The hosts that a certificate is for, as it says itself.
std::string names_of(X509* certificate);

// shown: names_of() the certificate that was refused, empty if unknown. nullopt: nothing about trust or protocol, the
// connection just broke.
std::optional<std::string> explain(SSL* after, const rt::error_code& code, const std::string& host,
                                   const std::string& shown);

}  // namespace lakeferry::tls
