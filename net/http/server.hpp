// HTTP/1.1 server: keep-alive, limits, deadlines, bounded number of connections.
#pragma once

#include "net/http/network.hpp"

#include <cstddef>
#include <optional>

namespace lakeferry::http {

struct server_limits {
    std::size_t header_bytes_max = 16U << 10;
    std::size_t connections_max = 4096;
    rt::duration head_timeout = std::chrono::seconds(15);   // first byte of a request to the end of its head
    rt::duration idle_timeout = std::chrono::seconds(60);   // between requests
    rt::duration body_timeout = std::chrono::seconds(30);   // whole body
    rt::duration write_timeout = std::chrono::seconds(30);  // whole answer
};

// The head of a request, before its body is read. Views live until admit() returns.
struct request_head {
    std::string_view method{};
    std::string_view target{};
    const headers* fields = nullptr;
    std::optional<std::size_t> content_length{};  // absent: chunked or none
};

// What one listener answers. admit() runs before a byte of the body is read: an answer there refuses the
// request (the connection closes when a body was announced). body_limit: larger bodies are answered with
// refuse_large() without being read whole. handle() may be a long coroutine; it is cancelled at stop.
class service {
public:
    virtual ~service() = default;
    virtual std::optional<response> admit(const request_head& head) = 0;
    virtual std::size_t body_limit(const request_head& head) = 0;
    virtual response refuse_large(const request_head& head, std::size_t limit) = 0;
    // A malformed, slow or cut request (400, 408, 417, 431, 501, 505): the JSON or text for it.
    virtual response refuse_malformed(unsigned status, std::string_view why) = 0;
    virtual rt::awaitable<response> handle(request what) = 0;
    // handle() threw, which is a defect: `what` is for the log, the peer learns nothing of it.
    virtual response refuse_broken(std::string_view what)
    {
        (void)what;
        return refuse_malformed(500, "internal error");
    }
};

// Accepts and serves until cancelled or the listener is closed. total: close the listener, finish the requests
// in hand (answers say "Connection: close"); terminal: now. Returns when no connection is left, without
// throwing. The caller keeps all arguments until then.
//
// Requests of one connection are answered one after the other, in order. At connections_max the connection
// that has been idle for longest makes room; if none is idle, the next one that is answered closes and newcomers wait
// until then. Time limits are kept to within a second.
rt::awaitable<void> serve(rt::time_source& clock, listener& from, service& answers, server_limits limits);

}  // namespace lakeferry::http
