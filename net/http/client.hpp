// HTTP client with a pool of connections per origin.
#pragma once

#include "net/http/network.hpp"

#include <cstddef>

namespace lakeferry::http {

struct send_options {
    rt::deadline limit{};                    // for the whole exchange, waiting for a connection included
    bool replayable = false;                 // sending it twice is harmless: one silent retry on a reused connection
                                             // that died before a byte of the answer
    std::size_t response_limit = 64U << 20;  // bytes of the body
};

// Failures: those of network::connect (nothing was sent), and after sending "http.cut", "http.timeout",
// "http.malformed", "http.too_large" with retry unknown_outcome, or transient if replayable. A response of any
// status is a value, not a failure. Redirects are not followed. Cancelling closes the connection.
class client {
public:
    virtual ~client() = default;
    virtual rt::awaitable<rt::outcome<response>> send(origin to, request what, send_options options) = 0;
};

struct pool_limits {
    std::size_t per_origin_max = 16;
    std::size_t waiters_max = 1024;
    rt::duration idle_max = std::chrono::seconds(30);
};

}  // namespace lakeferry::http
