// HTTP/1.1 on the wire: parsing of heads and chunked bodies by Beast, writing of heads. Nobody outside
// net/http includes this.
#pragma once

#include "net/http/message.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::http::codec {

inline constexpr std::size_t fields_max = 100;

enum class framing { none, length, chunked, to_eof };

// Why a message is refused; status is what a server answers.
struct problem {
    unsigned status = 400;
    std::string why{};
};

// Where the head ends (one past its empty line); npos: not yet. from: where an earlier search stopped.
std::size_t find_head_end(std::string_view text, std::size_t from) noexcept;

struct request_parts {
    request message{};
    bool http11 = true;
    bool keep_alive = true;
    bool expects_continue = false;
    framing body = framing::none;
    std::size_t length = 0;  // with framing::length
};

struct response_parts {
    response message{};
    bool keep_alive = true;
    framing body = framing::none;
    std::size_t length = 0;
};

// A chunked body, fed piece by piece. Chunk extensions and trailers are read and dropped.
class chunked_body {
public:
    enum class state { more, done, too_large, malformed };

    // append: the body so far. Stops at the end of the body or when more than `limit` bytes would be in it.
    // consumed says how much of `data` it used; the caller keeps the rest and sends it again with what follows.
    virtual ~chunked_body() = default;
    virtual state feed(std::string_view data, std::size_t& consumed, std::string& append, std::size_t limit) = 0;
};

// head: exactly one head with its empty line. Applies what Beast is lenient about: exactly one Host (RFC 9112
// section 3.2), no folded lines (5.2), no Transfer-Encoding beside Content-Length (6.1), no chunked in HTTP/1.0.
// chunked: set if the body is chunked.
std::optional<problem> parse_request(std::string_view head, request_parts& out, std::unique_ptr<chunked_body>& chunked);

// to_head: the request was HEAD, its answer has no body whatever it says.
std::optional<problem> parse_response(std::string_view head, bool to_head, response_parts& out,
                                      std::unique_ptr<chunked_body>& chunked);

// Line breaks and other control characters would let a value pretend to be further fields.
bool valid_field(std::string_view name, std::string_view value) noexcept;
bool valid_request_line(std::string_view method, std::string_view target) noexcept;

// Appends the whole head. Content-Length and Connection are the codec's own: fields of these names are left out.
void write_response_head(const response& what, bool http11, bool keep_alive, std::string& out);
// Appends status line, fields and body (without it for HEAD) as they are sent.
void write_response(const response& what, bool to_head, bool http11, bool keep_alive, std::string& out);
void write_request_head(const request& what, const origin& to, std::string& out);

}  // namespace lakeferry::http::codec
