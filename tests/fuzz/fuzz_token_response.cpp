// Whatever a token endpoint answers: no exception, no token that a header cannot carry, no absurd life.
#include "auth/oauth_messages.hpp"
#include "net/rt/check.hpp"

#include <cstddef>
#include <cstdint>

using namespace lakeferry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto grant = auth::parse_token_response(body);
    if (grant.has_value()) {
        rt::check(grant->life >= std::chrono::seconds(1) && grant->life <= std::chrono::hours(24 * 31), "a sane life");
        rt::check(!grant->access_token.empty(), "a token");
        for (const char c : grant->access_token.reveal()) rt::check(c > 0x20 && c < 0x7f, "a token that a header can carry");
    }
    http::response answer;
    answer.status = size == 0 ? 400 : 300 + data[0] % 300U;
    answer.body = body;
    const auto why = auth::parse_token_error(answer);
    rt::check(!why.id.empty() && why.detail.size() < 4096, "a failure has an id and bounded words");
    for (const char c : why.detail) rt::check(c != '\n' && c != '\r', "one line");
    const http::origin host{"https", "dbc-1.test", "443"};
    const auto at = auth::parse_discovery(host, body);
    if (at.has_value()) rt::check(at->origin.scheme == "https" && at->target.starts_with("/"), "the secret goes out encrypted");
    return 0;
}
