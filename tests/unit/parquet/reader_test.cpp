// The reader that judges our files is itself judged by files of another writer, and by damage.
#include "sync/core/timestamps.hpp"
#include "tests/support/parquet_reader.hpp"

#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <random>

namespace lakeferry::test {
namespace {

std::string sample(const std::string& name)
{
    std::ifstream in(LAKEFERRY_SOURCE_DIR "/tests/support/parquet_samples/" + name, std::ios::binary);
    std::string out{std::istreambuf_iterator<char>(in), {}};
    EXPECT_FALSE(out.empty()) << name;
    return out;
}

using texts = std::vector<std::optional<std::string>>;

// The rows of make_samples.py.
template <class F>
texts some(std::size_t count, std::size_t every, F&& value)
{
    texts out;
    for (std::size_t i = 0; i < count; ++i) {
        if (i % every == every - 1)
            out.emplace_back();
        else
            out.emplace_back(value(i));
    }
    return out;
}

std::string quarters(std::size_t i)
{
    // i / 4 - 1; JSON writes 1.25 as 1.25E0.
    static constexpr std::array<const char*, 4> below{"-1", "-7.5E-1", "-5E-1", "-2.5E-1"};
    if (i < below.size()) return below.at(i);
    const std::string whole = std::to_string(i / 4 - 1);
    if (i % 4 == 0) return whole;
    const std::string fraction = i % 4 == 1 ? "25" : i % 4 == 2 ? "5" : "75";
    if (whole == "0") return fraction.substr(0, 1) + (fraction.size() > 1 ? "." + fraction.substr(1) : "") + "E-1";
    return whole + "." + fraction + "E0";
}

void expect_rows(const parquet_table& t, std::size_t count)
{
    static constexpr std::array<const char*, 4> names{"", "Zoë", "a\nb\"c", "日本"};
    const std::int64_t begin = *core::parse_timestamp("2026-01-31T23:59:59.123456Z");
    ASSERT_EQ(t.columns.size(), 7U);
    const auto values = [&t](const char* name) { return t.find(name)->values; };
    EXPECT_EQ(values("id"), some(count, count + 1, [](std::size_t i) { return "id-" + std::to_string(i); }));
    EXPECT_EQ(values("name"), some(count, 3, [](std::size_t i) { return std::string(names.at(i % 4)); }));
    EXPECT_EQ(values("seq"), some(count, 5, [](std::size_t i) {
                  return std::to_string(9'007'199'254'740'993 - 1000 * static_cast<std::int64_t>(i * i));
              }));
    EXPECT_EQ(values("at"), some(count, 4, [&](std::size_t i) {
                  return core::format_timestamp(begin + static_cast<std::int64_t>(i));
              }));
    EXPECT_EQ(values("price"), some(count, 6, quarters));
    EXPECT_EQ(values("paid"), some(count, 7, [](std::size_t i) { return std::string(i % 2 == 0 ? "true" : "false"); }));
    EXPECT_EQ(values("nothing"), texts(count));
}

struct shape {
    std::string physical;
    std::string converted;
    std::string logical;
    bool optional;
};

TEST(ParquetReader, ReadsFilesOfAnotherWriter)
{
    struct expected {
        const char* file;
        std::size_t rows;
        std::vector<std::uint64_t> groups;
        const char* codec;
        bool dictionary;
    };
    const std::vector<expected> files{{"dictionary_zstd.parquet", 21, {20, 1}, "ZSTD", true},
                                      {"plain_gzip.parquet", 30, {30}, "GZIP", false},
                                      {"pages_uncompressed.parquet", 40, {40}, "UNCOMPRESSED", true}};
    for (const auto& one : files) {
        SCOPED_TRACE(one.file);
        std::string why;
        const auto t = read_parquet(sample(one.file), &why);
        ASSERT_TRUE(t.has_value()) << why;
        EXPECT_EQ(t->row_groups, one.groups);
        EXPECT_NE(t->created_by.find("parquet-cpp"), std::string::npos) << t->created_by;
        expect_rows(*t, one.rows);
        const auto& seq = t->find("seq")->chunks;
        ASSERT_EQ(seq.size(), one.groups.size());
        EXPECT_EQ(seq[0].codec, one.codec);
        EXPECT_EQ(seq[0].all_from_dictionary, one.dictionary);
        EXPECT_EQ(seq[0].null_count, one.groups[0] / 5);
        EXPECT_TRUE(seq[0].has_bounds);
    }
}

TEST(ParquetReader, SaysTheTypesOfColumns)
{
    const auto t = read_parquet(sample("plain_gzip.parquet"), nullptr);
    ASSERT_TRUE(t.has_value());
    const std::vector<std::pair<std::string, shape>> wanted{
        {"id", {"BYTE_ARRAY", "UTF8", "STRING", false}},
        {"name", {"BYTE_ARRAY", "UTF8", "STRING", true}},
        {"seq", {"INT64", "", "", true}},
        {"at", {"INT64", "TIMESTAMP_MICROS", "TIMESTAMP(MICROS, UTC)", true}},
        {"price", {"DOUBLE", "", "", true}},
        {"paid", {"BOOLEAN", "", "", true}},
    };
    for (const auto& [name, s] : wanted) {
        const auto* c = t->find(name);
        ASSERT_NE(c, nullptr) << name;
        EXPECT_EQ(c->physical, s.physical) << name;
        EXPECT_EQ(c->converted, s.converted) << name;
        EXPECT_EQ(c->logical, s.logical) << name;
        EXPECT_EQ(c->optional, s.optional) << name;
    }
    EXPECT_EQ(t->find("none"), nullptr);
}

TEST(ParquetReader, RefusesWithASentence)
{
    const auto refused = [](std::string_view file) {
        std::string why;
        EXPECT_FALSE(read_parquet(file, &why).has_value());
        return why;
    };
    EXPECT_EQ(refused(sample("refused_snappy.parquet")), "row group 1: the column id: the codec SNAPPY is not supported");
    EXPECT_EQ(refused(sample("refused_v2.parquet")), "row group 1: the column id: data pages of version 2 are not supported");
    EXPECT_EQ(refused(""), "the file does not begin with PAR1");
    EXPECT_EQ(refused("PAR1PAR1"), "the file does not begin with PAR1");
    EXPECT_EQ(refused("{\"id\":\"a long enough line\"}\n"), "the file does not begin with PAR1");
    EXPECT_EQ(refused(std::string("PAR1\xFF\xFF\xFF\x7FPAR1", 12)), "the footer is longer than the file");
    EXPECT_EQ(refused(std::string("PAR1\0\0\0\0PAR1", 12)), "the bytes end too early");
}

TEST(ParquetReader, RefusesEveryCutFile)
{
    for (const char* name : {"dictionary_zstd.parquet", "plain_gzip.parquet", "pages_uncompressed.parquet"}) {
        const auto whole = sample(name);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            // A copy of its own size, so that a read behind its end is seen.
            const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(read_parquet({cut.data(), cut.size()}, nullptr).has_value()) << name << " of " << size << " bytes";
        }
        // And with its end put back, so that the cut reaches the footer's reader and the pages'.
        for (std::size_t at = 4; at + 8 < whole.size(); at += 3) {
            auto holed = whole;
            holed.erase(at, 3);
            EXPECT_FALSE(read_parquet(holed, nullptr).has_value()) << name << " without the bytes at " << at;
        }
    }
}

// A changed byte may go unseen (a letter of a value, a creator's name), but never reads outside of the file, never takes
// the memory that it claims, and never changes how many rows there are.
TEST(ParquetReader, SurvivesChangedBytes)
{
    std::mt19937_64 random(20260131);
    for (const char* name : {"dictionary_zstd.parquet", "plain_gzip.parquet", "pages_uncompressed.parquet"}) {
        const auto whole = sample(name);
        const auto rows = read_parquet(whole, nullptr)->rows();
        std::size_t refused = 0;
        const auto look = [&](const std::string& damaged) {
            const std::vector<char> exact(damaged.begin(), damaged.end());
            std::string why;
            const auto t = read_parquet({exact.data(), exact.size()}, &why);
            refused += t ? 0 : 1;
            EXPECT_NE(t.has_value(), !why.empty());
            if (t && !t->columns.empty()) EXPECT_EQ(t->rows(), rows) << name;
        };
        for (std::size_t at = 0; at < whole.size(); ++at) {
            auto damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
            look(damaged);
        }
        for (int i = 0; i < 60; ++i) {
            auto damaged = whole;
            for (auto n = 2 + random() % 6; n > 0; --n) damaged[random() % damaged.size()] = static_cast<char>(random());
            look(damaged);
        }
        EXPECT_GT(refused, whole.size() / 2) << name;
    }
}

}  // namespace
}  // namespace lakeferry::test
