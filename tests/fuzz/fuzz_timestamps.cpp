// Any text as a time: what is accepted lies in the years 1 to 9999 and survives being written and read again.
#include "sync/core/timestamps.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace lakeferry::core;

namespace {

void must(bool ok)
{
    if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);
    const auto read = parse_timestamp_text(text);
    if (!read) return 0;
    must(read->us >= timestamp_min_us && read->us <= timestamp_max_us);
    must(read->has_time || (!read->has_zone && size == 10));
    must(parse_full_timestamp(text).has_value() == (read->has_time && read->has_zone));
    const auto again = parse_full_timestamp(format_timestamp(read->us));
    must(again && *again == read->us);
    return 0;
}
