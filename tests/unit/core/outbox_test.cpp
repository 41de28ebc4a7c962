#include "sync/core/outbox_block.hpp"

#include <gtest/gtest.h>

#include <random>

namespace lakeferry::core {
namespace {

outbox_block sample()
{
    outbox_block block{.rows = 3, .rescued = 1};
    for (int i = 0; i < 3; ++i) block.lines += "{\"id\":\"" + std::to_string(i) + "\"}\n";
    return block;
}

TEST(OutboxBlock, ComesBackAsItWas)
{
    for (const auto& block : {sample(), outbox_block{}}) {
        const auto read = decode_outbox_block(encode_outbox_block(block));
        ASSERT_TRUE(read);
        EXPECT_EQ(*read, block);
    }
}

TEST(OutboxBlock, IsMeasuredWithoutDecompressing)
{
    const auto size = measure_outbox_block(encode_outbox_block(sample()));
    ASSERT_TRUE(size);
    EXPECT_EQ(size->rows, 3U);
    EXPECT_EQ(size->rescued, 1U);
    EXPECT_EQ(size->bytes, sample().lines.size());
}

TEST(OutboxBlock, IsCompressed)
{
    outbox_block block{.rows = 1000};
    for (int i = 0; i < 1000; ++i) block.lines += "{\"id\":\"always the same words\"}\n";
    EXPECT_LT(encode_outbox_block(block).size(), block.lines.size() / 10);
}

TEST(OutboxBlock, EveryCutIsRefused)
{
    const std::string stored = encode_outbox_block(sample());
    for (std::size_t n = 0; n < stored.size(); ++n) {
        const auto read = decode_outbox_block(stored.substr(0, n));
        ASSERT_TRUE(read.has_error()) << n;
        EXPECT_EQ(read.error().id, "outbox.damaged");
        EXPECT_EQ(read.error().retry, rt::retry_class::never);
    }
    EXPECT_TRUE(decode_outbox_block(stored + "x").has_error());
}

TEST(OutboxBlock, FlippedBitsOfTheRowsAreNoticed)
{
    const std::string stored = encode_outbox_block(sample());
    for (std::size_t i = 18; i < stored.size(); ++i) {
        for (const char bit : {'\x01', '\x10', '\x80'}) {
            auto damaged = stored;
            damaged[i] = static_cast<char>(damaged[i] ^ bit);
            const auto read = decode_outbox_block(damaged);
            // Bits of the frame's header may mean nothing; then the rows must be right.
            if (read.has_value()) EXPECT_EQ(read->lines, sample().lines) << i;
        }
    }
}

TEST(OutboxBlock, ImpossibleSizesAreRefusedBeforeAnythingIsReserved)
{
    std::string stored = encode_outbox_block(sample());
    for (std::size_t i = 10; i < 18; ++i) stored[i] = '\x7F';
    EXPECT_TRUE(measure_outbox_block(stored).has_error());
    EXPECT_TRUE(decode_outbox_block(stored).has_error());
}

TEST(OutboxBlock, KeysSortBySpaceTableBatch)
{
    EXPECT_LT(outbox_key(1, 2, 3), outbox_key(1, 2, 4));
    EXPECT_LT(outbox_key(1, 2, 300), outbox_key(1, 3, 0));
    EXPECT_LT(outbox_key(1, 300, 300), outbox_key(2, 0, 0));
    EXPECT_EQ(outbox_key(1, 2, 3).size(), 16U);
}

}  // namespace
}  // namespace lakeferry::core
