// The server's side of the codec, with the bytes cut at places that the input chooses: never throws, never keeps more
// than its limits, and says the same however the bytes are cut.
#include "net/http/codec.hpp"
#include "net/rt/check.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace {

namespace codec = lakeferry::http::codec;
using lakeferry::rt::check;

constexpr std::size_t head_max = 4096;
constexpr std::size_t body_max = 1000;

struct verdict {
    unsigned refused = 0;
    std::string target{};
    std::string body{};
    bool complete = false;
    friend bool operator==(const verdict&, const verdict&) = default;
};

// As the server reads: head first, then the body; `cut` says how many bytes come at a time.
template <class Cut>
verdict read_request(std::string_view input, Cut cut)
{
    verdict out;
    std::string buffer;
    std::size_t searched = 0;
    const auto more = [&] {
        const auto n = std::min(input.size(), std::max<std::size_t>(1, cut()));
        buffer.append(input.substr(0, n));
        input.remove_prefix(n);
        return n > 0;
    };
    std::size_t end = std::string_view::npos;
    while ((end = codec::find_head_end(buffer, searched)) == std::string_view::npos) {
        searched = buffer.size();
        if (buffer.size() > head_max || !more()) return out;
    }
    codec::request_parts parts;
    std::unique_ptr<codec::chunked_body> chunked;
    if (const auto bad = codec::parse_request(std::string_view(buffer).substr(0, end), parts, chunked)) {
        check(bad->status >= 400 && bad->status <= 505 && !bad->why.empty(), "a refusal has a status and a reason");
        out.refused = bad->status;
        return out;
    }
    check(!parts.message.method.empty() && !parts.message.target.empty(), "a request has a method and a target");
    check(parts.message.target == "*" || parts.message.target.front() == '/', "a target is a path");
    check(!parts.http11 || parts.message.fields.count("Host") == 1, "there is exactly one Host");
    check((parts.body == codec::framing::chunked) == (chunked != nullptr), "a chunked body has a decoder");
    out.target = parts.message.target;
    buffer.erase(0, end);
    if (!chunked) {
        out.complete = true;
        return out;
    }
    for (;;) {
        std::size_t used = 0;
        const auto state = chunked->feed(buffer, used, out.body, body_max);
        check(used <= buffer.size(), "no more is consumed than there is");
        check(out.body.size() <= body_max, "a body keeps to its limit");
        buffer.erase(0, used);
        if (state == codec::chunked_body::state::done) out.complete = true;
        if (state == codec::chunked_body::state::malformed || state == codec::chunked_body::state::too_large)
            out.body.clear(), out.refused = 1;
        if (state != codec::chunked_body::state::more) return out;
        if (used > 0 && !buffer.empty()) continue;
        if (buffer.size() > 65536 || !more()) {
            out.body.clear();
            return out;
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 4) return 0;
    std::uint32_t cuts = data[0] | static_cast<std::uint32_t>(data[1]) << 8U | 1U;
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(data + 2)), size - 2);
    const auto random = [&] {
        cuts = cuts * 1664525U + 1013904223U;
        return static_cast<std::size_t>(cuts >> 26U);
    };
    const auto whole = read_request(text, [&] { return text.size(); });
    const auto pieces = read_request(text, random);
    check(text.size() > head_max || whole == pieces, "how the bytes are cut makes no difference");
    return 0;
}
