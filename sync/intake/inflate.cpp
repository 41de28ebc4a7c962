#include "sync/intake/inflate.hpp"

#include "net/rt/check.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <memory>

namespace lakeferry::intake {
namespace {

struct free_decompressor {
    void operator()(libdeflate_decompressor* d) const noexcept { libdeflate_free_decompressor(d); }
};

libdeflate_decompressor& decompressor()
{
    thread_local const std::unique_ptr<libdeflate_decompressor, free_decompressor> one(
        libdeflate_alloc_decompressor());
    rt::check(one != nullptr, "there is memory for a decompressor");
    return *one;
}

// The size that the last member's trailer claims: a hint, no more.
std::size_t claimed_size(std::string_view packed) noexcept
{
    if (packed.size() < 18) return 0;
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i)
        size |= std::size_t{static_cast<unsigned char>(packed[packed.size() - 4 + i])} << (8 * i);
    return size;
}

inflated unpack(std::string_view packed, std::size_t room, std::string& to)
{
    to.resize(room);
    std::size_t filled = 0;
    while (!packed.empty()) {
        std::size_t used = 0;
        std::size_t made = 0;
        const auto how = libdeflate_gzip_decompress_ex(&decompressor(), packed.data(), packed.size(), to.data() + filled,
                                                       room - filled, &used, &made);
        if (how == LIBDEFLATE_INSUFFICIENT_SPACE) return inflated::too_large;
        if (how != LIBDEFLATE_SUCCESS) return inflated::broken;
        packed.remove_prefix(used);
        filled += made;
    }
    to.resize(filled);
    return inflated::whole;
}

}  // namespace

inflated inflate_gzip(std::string_view packed, std::size_t bytes_max, std::string& to)
{
    if (packed.empty()) return inflated::broken;
    const std::size_t hint = std::min(claimed_size(packed), bytes_max);
    const auto first = unpack(packed, hint, to);
    if (first != inflated::too_large || hint == bytes_max) return first;
    return unpack(packed, bytes_max, to);
}

}  // namespace lakeferry::intake
