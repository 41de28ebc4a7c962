// Any bytes as a stored block of events: refused, or views into the bytes that encode to the same calls again.
#include "sync/core/event_block.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
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
    const std::string_view stored(static_cast<const char*>(static_cast<const void*>(data)), size);
    const auto block = decode_event_block(stored);
    if (block.has_error()) {
        must(block.error().id == "events.damaged");
        return 0;
    }
    std::size_t bytes = 0;
    for (const auto& call : block->calls) {
        must(call.source < block->sources.size());
        bytes += call.text.size();
    }
    must(bytes <= size);
    const std::string again = encode_event_block(*block);
    const auto twice = decode_event_block(again);
    must(twice.has_value() && twice->calls.size() == block->calls.size());
    for (std::size_t i = 0; i < block->calls.size(); ++i)
        must(twice->calls[i].text == block->calls[i].text && twice->calls[i].received_us == block->calls[i].received_us);
    return 0;
}
