// The client's side of the codec: never throws, never keeps more than its limits.
#include "net/http/codec.hpp"
#include "net/http/gzip.hpp"
#include "net/rt/check.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace {

namespace codec = lakeferry::http::codec;
using lakeferry::rt::check;

void read_response(std::string_view text, bool to_head)
{
    const auto end = codec::find_head_end(text, 0);
    if (end == std::string_view::npos) return;
    codec::response_parts parts;
    std::unique_ptr<codec::chunked_body> chunked;
    if (codec::parse_response(text.substr(0, end), to_head, parts, chunked)) return;
    check(parts.message.status >= 100 && parts.message.status <= 999, "a status has three digits");
    check(!to_head || parts.body == codec::framing::none, "an answer of HEAD has no body");
    check(!(parts.body == codec::framing::to_eof && parts.keep_alive), "the end of the connection is no keep-alive");
    text.remove_prefix(end);
    std::string body;
    while (chunked && !text.empty()) {
        std::size_t used = 0;
        const auto state = chunked->feed(text, used, body, 500);
        check(used <= text.size() && body.size() <= 500, "a body keeps to its limit");
        text.remove_prefix(used);
        if (state != codec::chunked_body::state::more || used == 0) return;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
    read_response(text, false);
    read_response(text, true);
    const auto plain = lakeferry::http::inflate_gzip(text, 3000);
    check(plain.has_error() || plain->size() <= 3000, "unpacking keeps to its limit");
    return 0;
}
