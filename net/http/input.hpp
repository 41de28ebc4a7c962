// Bytes that arrive on a stream, and reading one message's body from them. Shared by client and server.
#pragma once

#include "net/http/codec.hpp"
#include "net/http/network.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace lakeferry::http {

// A small reused buffer in front of a stream. What was read and not consumed stays for the next message.
class input {
public:
    explicit input(stream& from) : from_(from) {}

    std::string_view ready() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }
    void consume(std::size_t n) noexcept;
    // Reads once. size_max bounds what is kept unread; the caller has seen that there is room.
    rt::awaitable<rt::error_code> fill(std::size_t size_max);
    // Reads once straight into `to`, which must only be used while nothing is buffered.
    rt::awaitable<std::pair<rt::error_code, std::size_t>> read_into(char* to, std::size_t size);
    // Between messages: gives memory back that only a large head needed.
    void shrink();

private:
    stream& from_;
    std::string buffer_{};
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

struct body_end {
    enum class kind { complete, too_large, malformed, cut };
    kind how = kind::complete;
    rt::error_code code{};  // with cut
};

// Reads a body into `out`, without copying what is not yet buffered. Never keeps more than `limit` bytes.
rt::awaitable<body_end> read_body(input& from, codec::framing how, std::size_t length, codec::chunked_body* chunked,
                                  std::size_t limit, std::string& out);

}  // namespace lakeferry::http
