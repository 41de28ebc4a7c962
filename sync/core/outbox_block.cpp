#include "sync/core/outbox_block.hpp"

#include "sync/core/keys.hpp"

#include <zstd.h>

#include <memory>

namespace lakeferry::core {

namespace {

// Layout: "O", version, be32 rows, be32 rescued, be64 bytes of the lines, then one zstd frame with a checksum.
constexpr std::string_view magic("O\x01", 2);
constexpr std::size_t header_bytes = 2 + 4 + 4 + 8;
// Far above what a batch can bring; a damaged header must not make us reserve more.
constexpr std::uint64_t lines_bytes_max = 1ULL << 30U;

rt::failure damaged(const char* what)
{
    return {.retry = rt::retry_class::never,
            .id = "outbox.damaged",
            .detail = std::string("rows waiting in the outbox are not whole: ") + what};
}

struct context_deleter {
    void operator()(ZSTD_CCtx* c) const noexcept { ZSTD_freeCCtx(c); }
};

}  // namespace

std::string encode_outbox_block(const outbox_block& block)
{
    std::string stored(magic);
    append_be32(stored, block.rows);
    append_be32(stored, block.rescued);
    append_be64(stored, block.lines.size());
    // Freed each time: an idle space keeps no compressor.
    const std::unique_ptr<ZSTD_CCtx, context_deleter> context(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, 1);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    stored.resize(header_bytes + ZSTD_compressBound(block.lines.size()));
    const std::size_t written = ZSTD_compress2(context.get(), stored.data() + header_bytes, stored.size() - header_bytes,
                                               block.lines.data(), block.lines.size());
    stored.resize(header_bytes + written);
    stored.shrink_to_fit();
    return stored;
}

rt::outcome<outbox_block_size> measure_outbox_block(std::string_view stored)
{
    if (stored.size() < header_bytes || !stored.starts_with(magic)) return damaged("no header");
    outbox_block_size size{.rows = read_be32(stored, 2), .rescued = read_be32(stored, 6), .bytes = read_be64(stored, 10)};
    if (size.bytes > lines_bytes_max) return damaged("impossible size");
    if (size.rescued > size.rows) return damaged("impossible counts");
    return size;
}

rt::outcome<outbox_block> decode_outbox_block(std::string_view stored)
{
    const auto size = measure_outbox_block(stored);
    if (size.has_error()) return size.error();
    const std::string_view frame = stored.substr(header_bytes);
    const auto content = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (content != size->bytes) return damaged("size of the compressed rows");
    if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size())
        return damaged("length of the compressed rows");
    outbox_block block{.rows = size->rows, .rescued = size->rescued};
    block.lines.resize(size->bytes);
    const std::size_t got = ZSTD_decompress(block.lines.data(), block.lines.size(), frame.data(), frame.size());
    if (ZSTD_isError(got) != 0 || got != size->bytes) return damaged("compressed rows");
    return block;
}

std::string outbox_key(std::uint32_t space, std::uint32_t table, std::uint64_t batch)
{
    std::string key = key32(space);
    append_be32(key, table);
    append_be64(key, batch);
    return key;
}

}  // namespace lakeferry::core
