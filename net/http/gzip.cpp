#include "net/http/gzip.hpp"

#include "net/rt/check.hpp"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace lakeferry::http {

namespace {

struct free_packer {
    void operator()(libdeflate_compressor* c) const noexcept { libdeflate_free_compressor(c); }
};
struct free_unpacker {
    void operator()(libdeflate_decompressor* d) const noexcept { libdeflate_free_decompressor(d); }
};

rt::failure refused(const char* id, std::string detail)
{
    return rt::failure{.retry = rt::retry_class::never, .id = id, .detail = std::move(detail)};
}

// What the last four bytes say the size is (modulo 2^32, and only of the last member): a hint, never believed.
std::size_t claimed_size(std::string_view packed) noexcept
{
    std::size_t n = 0;
    for (std::size_t i = 4; i > 0; --i) n = n << 8U | static_cast<unsigned char>(packed[packed.size() - 5 + i]);
    return n;
}

libdeflate_decompressor* unpacker()
{
    thread_local const std::unique_ptr<libdeflate_decompressor, free_unpacker> one(libdeflate_alloc_decompressor());
    if (!one) throw std::bad_alloc();
    return one.get();
}

}  // namespace

rt::outcome<std::string> inflate_gzip(std::string_view packed, std::size_t output_max)
{
    constexpr std::size_t gzip_min = 18;  // header and trailer
    std::string out;
    if (packed.size() < gzip_min) return refused("gzip.malformed", "the body is not gzip: it is too short");
    std::size_t room = std::clamp<std::size_t>(claimed_size(packed), 64, std::max<std::size_t>(output_max, 64));
    std::size_t have = 0;
    while (!packed.empty()) {
        out.resize(std::min(have + room, output_max));
        std::size_t used = 0;
        std::size_t made = 0;
        const auto result = libdeflate_gzip_decompress_ex(unpacker(), packed.data(), packed.size(), out.data() + have,
                                                          out.size() - have, &used, &made);
        if (result == LIBDEFLATE_INSUFFICIENT_SPACE) {
            if (out.size() >= output_max)
                return refused("gzip.too_large", "the body is larger than " + std::to_string(output_max) +
                                                     " bytes when it is unpacked");
            room *= 2;
            continue;
        }
        if (result != LIBDEFLATE_SUCCESS)
            return refused("gzip.malformed", "the body is not valid gzip, or was cut short");
        have += made;
        packed.remove_prefix(used);
    }
    out.resize(have);
    return out;
}

struct gzip_packer::state {
    std::unique_ptr<libdeflate_compressor, free_packer> compressor;
};

gzip_packer::gzip_packer(int level) : state_(std::make_unique<state>())
{
    rt::check(level >= 0 && level <= 12, "a gzip level is 0 to 12");
    state_->compressor.reset(libdeflate_alloc_compressor(level));
    if (!state_->compressor) throw std::bad_alloc();
}

gzip_packer::gzip_packer(gzip_packer&&) noexcept = default;
gzip_packer& gzip_packer::operator=(gzip_packer&&) noexcept = default;
gzip_packer::~gzip_packer() = default;

void gzip_packer::pack(std::string_view plain, std::string& append)
{
    auto* c = state_->compressor.get();
    const auto before = append.size();
    append.resize(before + libdeflate_gzip_compress_bound(c, plain.size()));
    const auto n =
        libdeflate_gzip_compress(c, plain.data(), plain.size(), append.data() + before, append.size() - before);
    rt::check(n > 0, "the bound of a compressed size holds");
    append.resize(before + n);
}

std::string deflate_gzip(std::string_view plain, int level)
{
    std::string out;
    gzip_packer(level).pack(plain, out);
    return out;
}

struct gzip_reader::state {
    z_stream z{};
    std::uint64_t made = 0;
    bool between = true;  // members
    bool any = false;
};

gzip_reader::gzip_reader() : state_(std::make_unique<state>())
{
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&state_->z, gzip_only) != Z_OK) throw std::bad_alloc();
}

gzip_reader::~gzip_reader() { inflateEnd(&state_->z); }

bool gzip_reader::may_end() const noexcept { return state_->between && state_->any; }

rt::outcome<std::size_t> gzip_reader::read(std::string_view& packed, std::string& append, std::size_t append_max)
{
    auto& s = *state_;
    const auto before = append.size();
    append.resize(before + append_max);
    std::size_t made = 0;
    while (!packed.empty() || !s.between) {
        if (s.between && !packed.empty() && s.any) inflateReset(&s.z);
        const auto input = std::min<std::size_t>(packed.size(), 1U << 30);
        const auto room = std::min<std::size_t>(append_max - made, 1U << 30);
        // zlib reads through a pointer that it declares mutable.
        s.z.next_in = static_cast<Bytef*>(static_cast<void*>(const_cast<char*>(packed.data())));
        s.z.avail_in = static_cast<uInt>(input);
        s.z.next_out = static_cast<Bytef*>(static_cast<void*>(append.data() + before + made));
        s.z.avail_out = static_cast<uInt>(room);
        if (!packed.empty()) s.between = false, s.any = true;
        const int result = inflate(&s.z, Z_NO_FLUSH);
        packed.remove_prefix(input - s.z.avail_in);
        made += room - s.z.avail_out;
        s.made += room - s.z.avail_out;
        if (result == Z_STREAM_END) {
            s.between = true;
            continue;
        }
        if (result == Z_BUF_ERROR || (result == Z_OK && (s.z.avail_out == 0 || packed.empty()))) break;
        if (result == Z_OK) continue;
        append.resize(before + made);
        return refused("gzip.malformed", "not valid gzip after " + std::to_string(s.made) + " unpacked bytes" +
                                             (s.z.msg ? std::string(": ") + s.z.msg : std::string()));
    }
    append.resize(before + made);
    return made;
}

}  // namespace lakeferry::http
