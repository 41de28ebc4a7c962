// gzip: round trips, members, limits, damage.
#include "net/http/gzip.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace http = lakeferry::http;

namespace {

std::string sample(std::size_t size)
{
    std::mt19937_64 rng(size);
    std::string out;
    while (out.size() < size) out += "{\"type\":\"track\",\"n\":" + std::to_string(rng() % 1000) + "}\n";
    out.resize(size);
    return out;
}

// Everything that a reader gives when it is fed `step` bytes at a time; empty id: it went well.
std::pair<std::string, std::string> read_all(std::string_view packed, std::size_t step, std::size_t append_max)
{
    http::gzip_reader reader;
    std::string out;
    while (!packed.empty()) {
        auto piece = packed.substr(0, step);
        packed.remove_prefix(piece.size());
        for (;;) {
            const auto got = reader.read(piece, out, append_max);
            if (got.has_error()) return {out, got.error().id};
            if (piece.empty() && *got < append_max) break;
        }
    }
    return {out, reader.may_end() ? "" : "cut"};
}

}  // namespace

TEST(Gzip, RoundTripsAtEverySizeAndLevel)
{
    for (const std::size_t size : {0U, 1U, 100U, 5000U, 1000000U})
        for (const int level : {0, 1, 6, 12}) {
            const auto plain = sample(size);
            const auto packed = http::deflate_gzip(plain, level);
            const auto back = http::inflate_gzip(packed, plain.size());
            ASSERT_TRUE(back.has_value()) << size << " " << level << " " << back.error().detail;
            EXPECT_EQ(*back, plain);
            EXPECT_EQ(read_all(packed, 4096, 10000).first, plain);
        }
}

TEST(Gzip, JoinsMembers)
{
    http::gzip_packer packer(1);
    std::string packed;
    packer.pack("one ", packed);
    packer.pack("", packed);
    packer.pack(sample(9000), packed);
    const auto plain = "one " + sample(9000);
    EXPECT_EQ(*http::inflate_gzip(packed, 10000), plain);
    for (const std::size_t step : {1U, 7U, 100000U})
        EXPECT_EQ(read_all(packed, step, 100), (std::pair<std::string, std::string>(plain, ""))) << step;
}

TEST(Gzip, NeverUnpacksMoreThanAllowed)
{
    const auto bomb = http::deflate_gzip(std::string(50'000'000, '0'), 9);
    EXPECT_LT(bomb.size(), 100'000U);
    const auto got = http::inflate_gzip(bomb, 1'000'000);
    ASSERT_TRUE(got.has_error());
    EXPECT_EQ(got.error().id, "gzip.too_large");
    EXPECT_EQ(http::inflate_gzip(http::deflate_gzip("abcdef", 1), 5).error().id, "gzip.too_large");
    // A trailer that lies about the size changes nothing.
    auto lies = http::deflate_gzip(sample(5000), 1);
    lies += http::deflate_gzip("x", 1);
    EXPECT_EQ(http::inflate_gzip(lies, 5001)->size(), 5001U);
    EXPECT_EQ(http::inflate_gzip(lies, 5000).error().id, "gzip.too_large");
}

TEST(Gzip, RefusesDamage)
{
    const auto packed = http::deflate_gzip(sample(5000), 6);
    auto flipped = packed;
    flipped[packed.size() / 2] = static_cast<char>(flipped[packed.size() / 2] ^ 0x55);
    for (const std::string& bad : {std::string(), std::string("not gzip at all, but long enough"), flipped,
                                   packed.substr(0, packed.size() - 1), packed.substr(0, 100), packed + "trailing junk..."}) {
        const auto got = http::inflate_gzip(bad, 1'000'000);
        ASSERT_TRUE(got.has_error()) << bad.size();
        EXPECT_EQ(got.error().id, "gzip.malformed");
        EXPECT_NE(read_all(bad, 64, 1000).second, "") << bad.size();
    }
}
