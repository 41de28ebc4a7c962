// Whatever Retry-After says: no exception, and never longer than a quarter of an hour.
#include "auth/oauth_messages.hpp"
#include "net/rt/check.hpp"

#include <cstddef>
#include <cstdint>

using namespace lakeferry;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const std::int64_t now : {std::int64_t{0}, std::int64_t{784'111'777'000'000}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
        const auto got = auth::parse_retry_after(text, now);
        if (got) rt::check(*got >= rt::duration::zero() && *got <= std::chrono::minutes(15), "within bounds");
    }
    return 0;
}
