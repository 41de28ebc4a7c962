// A failed handshake in plain words. Internal to net.
#pragma once

#include "net/rt/failure.hpp"

#include <openssl/ssl.h>

#include <optional>
#include <string>

namespace lakeferry::tls {

// nullopt: nothing about trust or protocol, the connection just broke.
std::optional<std::string> explain(SSL* after, const rt::error_code& code, const std::string& host);

}  // namespace lakeferry::tls
