#include "tests/support/parquet_pages.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

namespace lakeferry::test::parquet_format {

namespace {

// What one page may take in memory, whatever its header claims.
constexpr std::size_t page_bytes_max = std::size_t{256} << 20;

void append_unpacked(std::string& out, const char* from, std::size_t bytes, std::size_t size)
{
    if (bytes > size - out.size()) throw unreadable("a page is larger when unpacked than its header says");
    out.append(from, bytes);
}

std::string gunzip(std::string_view packed, std::size_t size)
{
    z_stream z{};
    // 16: gzip framing alone, as the specification wants it; not zlib's.
    if (inflateInit2(&z, 15 + 16) != Z_OK) throw unreadable("zlib cannot begin");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> ends(&z, inflateEnd);
    // zlib takes its input without const and does not write to it.
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    z.avail_in = static_cast<uInt>(packed.size());
    std::string out;
    std::array<char, 8192> buffer;
    for (;;) {
        z.next_out = reinterpret_cast<Bytef*>(buffer.data());
        z.avail_out = static_cast<uInt>(buffer.size());
        const int rc = inflate(&z, Z_NO_FLUSH);
        append_unpacked(out, buffer.data(), buffer.size() - z.avail_out, size);
        if (rc == Z_STREAM_END && z.avail_in == 0) return out;
        if (rc == Z_STREAM_END && inflateReset(&z) == Z_OK) continue;  // another member
        if (rc != Z_OK) throw unreadable("a page is not gzip, or a damaged one");
    }
}

std::string unzstd(std::string_view packed, std::size_t size)
{
    const std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> z(ZSTD_createDStream(), ZSTD_freeDStream);
    ZSTD_inBuffer in{packed.data(), packed.size(), 0};
    std::string out;
    std::array<char, 8192> buffer;
    for (;;) {
        ZSTD_outBuffer to{buffer.data(), buffer.size(), 0};
        const auto rc = ZSTD_decompressStream(z.get(), &to, &in);
        if (ZSTD_isError(rc) != 0) throw unreadable(std::string("a page is not zstd, or a damaged one: ") + ZSTD_getErrorName(rc));
        append_unpacked(out, buffer.data(), to.pos, size);
        if (rc == 0 && in.pos == in.size) return out;
        if (in.pos == in.size && to.pos < to.size) throw unreadable("a zstd page ends too early");
    }
}

}  // namespace

std::string codec_name(std::int32_t codec)
{
    static constexpr std::array<const char*, 8> names{"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"};
    const bool known = codec >= 0 && static_cast<std::size_t>(codec) < names.size();
    const std::string name = known ? names.at(static_cast<std::size_t>(codec)) : std::to_string(codec);
    if (codec != 0 && codec != 2 && codec != 6) throw unreadable("the codec " + name + " is not supported");
    return name;
}

std::string unpack(std::int32_t codec, std::string_view packed, std::size_t size)
{
    if (size > page_bytes_max) throw unreadable("a page claims more than 256 MiB");
    std::string out;
    switch (codec) {
        case 0: out = packed; break;
        case 2: out = gunzip(packed, size); break;
        case 6: out = unzstd(packed, size); break;
        default: throw unreadable("the codec " + codec_name(codec) + " is not supported");
    }
    if (out.size() != size)
        throw unreadable("a page has " + std::to_string(out.size()) + " bytes when unpacked, its header says " + std::to_string(size));
    return out;
}

std::vector<std::uint32_t> hybrid_numbers(std::string_view bytes, unsigned width, std::size_t count)
{
    if (width > 32) throw unreadable("numbers of " + std::to_string(width) + " bits");
    byte_cursor at(bytes);
    std::vector<std::uint32_t> out;
    while (out.size() < count) {
        const auto head = at.varint();
        const std::uint64_t length = head >> 1U;
        if (length == 0) throw unreadable("a run of no numbers");
        const std::size_t left = count - out.size();
        if ((head & 1U) == 0) {
            if (length > left) throw unreadable("a run is longer than its page");
            std::uint32_t value = 0;
            const auto stored = at.take((width + 7) / 8);
            for (std::size_t i = stored.size(); i-- > 0;) value = (value << 8U) | static_cast<std::uint8_t>(stored[i]);
            if (width < 32 && value >> width != 0) throw unreadable("a run's number has more bits than its width");
            out.insert(out.end(), static_cast<std::size_t>(length), value);
            continue;
        }
        // Groups of eight; only the last may be padded.
        if (length > (left + 7) / 8) throw unreadable("bit-packed groups reach beyond their page");
        const auto stored = at.take(length * width);
        const std::size_t here = std::min<std::size_t>(left, static_cast<std::size_t>(length) * 8);
        for (std::size_t i = 0; i < here; ++i) {
            std::uint32_t value = 0;
            for (unsigned b = 0; b < width; ++b) {
                const std::size_t bit = i * width + b;
                const auto of = static_cast<std::uint8_t>(stored[bit / 8]);
                value |= ((std::uint32_t{of} >> (bit % 8)) & 1U) << b;
            }
            out.push_back(value);
        }
    }
    if (at.left() != 0) throw unreadable("there are bytes behind the last run of a page");
    return out;
}

std::vector<std::string> plain_values(std::string_view bytes, physical type, std::size_t count)
{
    byte_cursor at(bytes);
    std::vector<std::string> out;
    if (type == physical::boolean) {
        const auto bits = at.take((count + 7) / 8);
        for (std::size_t i = 0; i < count; ++i)
            out.emplace_back(1, static_cast<char>((static_cast<std::uint8_t>(bits[i / 8]) >> (i % 8)) & 1U));
    } else {
        for (std::size_t i = 0; i < count; ++i) out.emplace_back(at.take(type == physical::byte_array ? at.le32() : 8));
    }
    if (at.left() != 0) throw unreadable("there are bytes behind the last value of a page");
    return out;
}

std::int64_t int64_of(std::string_view plain)
{
    byte_cursor at(plain);
    const std::uint64_t low = at.le32();
    return static_cast<std::int64_t>(low | std::uint64_t{at.le32()} << 32U);
}

double double_of(std::string_view plain) { return std::bit_cast<double>(int64_of(plain)); }

bool before(physical type, std::string_view a, std::string_view b)
{
    switch (type) {
        case physical::int64: return int64_of(a) < int64_of(b);
        case physical::double_: return double_of(a) < double_of(b);
        default: return a < b;  // char_traits<char> compares as unsigned bytes
    }
}

}  // namespace lakeferry::test::parquet_format
