// Stored rows that are not whole are refused; nothing is read beyond them, nothing impossible is reserved.
#include "sync/core/outbox_block.hpp"

#include "net/rt/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view stored(reinterpret_cast<const char*>(data), size);
    const auto measured = lakeferry::core::measure_outbox_block(stored);
    const auto read = lakeferry::core::decode_outbox_block(stored);
    if (read.has_value()) {
        lakeferry::rt::check(measured.has_value() && measured->bytes == read->lines.size(), "both agree on the size");
        const auto again = lakeferry::core::decode_outbox_block(lakeferry::core::encode_outbox_block(*read));
        lakeferry::rt::check(again.has_value() && *again == *read, "what was read can be written");
    } else {
        lakeferry::rt::check(read.error().id == "outbox.damaged", "the refusal has its name");
    }
    // Any bytes are rows to a block.
    const lakeferry::core::outbox_block block{.rows = 1, .lines = std::string(stored)};
    const auto back = lakeferry::core::decode_outbox_block(lakeferry::core::encode_outbox_block(block));
    lakeferry::rt::check(back.has_value() && *back == block, "what was written can be read");
    return 0;
}
