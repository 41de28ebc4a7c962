// What our writer wrote, another reader reads: random rows of every type, and the shapes at the edges.
#include "sync/core/timestamps.hpp"
#include "sync/parquet/file_writer.hpp"
#include "tests/support/parquet_reader.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <random>

namespace lakeferry::test {
namespace {

using parquet::value_type;

// A value as it is given to the writer; whichever its column's type takes.
struct given {
    std::string text{};
    std::int64_t integer = 0;
    double number = 0;
    bool boolean = false;
};
using given_row = std::vector<std::optional<given>>;

// What makes a column's values: each is worth a shape of its own in the file.
enum class habit { any, few, runs, never, always, rare };

struct plan {
    std::string name;
    value_type type;
    habit how;
};

class maker {
public:
    explicit maker(std::uint64_t seed) : random_(seed) {}

    std::uint64_t below(std::uint64_t n) { return random_() % n; }

    std::optional<given> value(const plan& p, std::size_t row)
    {
        switch (p.how) {
            case habit::never: return std::nullopt;
            case habit::always: return any(p.type);
            case habit::rare:
                if (below(50) != 0) return std::nullopt;
                return any(p.type);
            case habit::runs: {
                // The same for a while, null for a while.
                const auto phase = row / 37;
                if (phase % 3 == 2) return std::nullopt;
                maker same(phase * 7 + 1);
                return same.any(p.type);
            }
            case habit::few: {
                if (below(4) == 0) return std::nullopt;
                maker same(below(5) + 100);
                return same.any(p.type);
            }
            case habit::any: break;
        }
        if (below(4) == 0) return std::nullopt;
        return any(p.type);
    }

private:
    given any(value_type type)
    {
        given out;
        switch (type) {
            case value_type::text: out.text = text(); break;
            case value_type::int64: out.integer = integer(); break;
            case value_type::float64: out.number = number(); break;
            case value_type::timestamp:
                out.integer = core::timestamp_min_us +
                              static_cast<std::int64_t>(
                                  below(static_cast<std::uint64_t>(core::timestamp_max_us - core::timestamp_min_us) + 1));
                break;
            case value_type::boolean: out.boolean = below(2) == 0; break;
        }
        return out;
    }

    std::string text()
    {
        static const std::vector<std::string> fixed{"", "a", "Zoë", "日本", "\xF0\x9F\x9A\xA2", "line\nbreak", "q\"uo'te",
                                                    std::string("\0zero", 5), "null", "PAR1"};
        switch (below(6)) {
            case 0: return fixed[below(fixed.size())];
            case 1: return std::string(below(100'000), static_cast<char>('a' + below(26)));
            default: break;
        }
        std::string out;
        for (auto n = below(40); n > 0; --n) out.push_back(static_cast<char>(' ' + below(95)));
        return out;
    }

    std::int64_t integer()
    {
        switch (below(4)) {
            case 0: return std::numeric_limits<std::int64_t>::min();
            case 1: return std::numeric_limits<std::int64_t>::max();
            case 2: return static_cast<std::int64_t>(below(20)) - 10;
            default: return static_cast<std::int64_t>(random_());
        }
    }

    double number()
    {
        for (;;) {
            const double v = below(2) == 0 ? std::bit_cast<double>(random_()) : static_cast<double>(below(2000)) / 16 - 50;
            if (std::isfinite(v)) return v;
        }
    }

    std::mt19937_64 random_;
};

std::string write(const std::vector<plan>& columns, const std::vector<given_row>& rows, std::size_t group_bytes)
{
    std::vector<parquet::column_schema> schema;
    for (const auto& p : columns) schema.push_back({p.name, p.type});
    parquet::file_writer to(std::move(schema), group_bytes);
    for (const auto& r : rows) {
        for (std::size_t c = 0; c < columns.size(); ++c) {
            if (!r[c]) continue;
            switch (columns[c].type) {
                case value_type::text: to.text(c, r[c]->text); break;
                case value_type::int64:
                case value_type::timestamp: to.integer(c, r[c]->integer); break;
                case value_type::float64: to.number(c, r[c]->number); break;
                case value_type::boolean: to.boolean(c, r[c]->boolean); break;
            }
        }
        to.end_row();
    }
    return to.take();
}

// What was read says the same as what was given.
bool same(value_type type, const std::optional<given>& wanted, const std::optional<std::string>& found)
{
    if (!wanted || !found) return !wanted && !found;
    switch (type) {
        case value_type::text: return *found == wanted->text;
        case value_type::int64: return *found == std::to_string(wanted->integer);
        case value_type::timestamp: return *found == core::format_timestamp(wanted->integer);
        case value_type::float64: return std::strtod(found->c_str(), nullptr) == wanted->number;
        case value_type::boolean: return *found == (wanted->boolean ? "true" : "false");
    }
    return false;
}

std::optional<parquet_table> expect_same(const std::vector<plan>& columns, const std::vector<given_row>& rows,
                                         std::size_t group_bytes)
{
    const auto file = write(columns, rows, group_bytes);
    std::string why;
    auto t = read_parquet(file, &why);
    EXPECT_TRUE(t.has_value()) << why;
    if (!t) return t;
    EXPECT_EQ(t->columns.size(), columns.size());
    for (std::size_t c = 0; c < std::min(columns.size(), t->columns.size()); ++c) {
        const auto& found = t->columns[c];
        EXPECT_EQ(found.name, columns[c].name);
        EXPECT_EQ(found.values.size(), rows.size()) << found.name;
        for (std::size_t r = 0; r < std::min(rows.size(), found.values.size()); ++r) {
            if (same(columns[c].type, rows[r][c], found.values[r])) continue;
            ADD_FAILURE() << found.name << ", row " << r << ": " << found.values[r].value_or("null").substr(0, 200);
            return t;
        }
    }
    return t;
}

std::vector<given_row> rows_of(const std::vector<plan>& columns, std::size_t count, maker& from)
{
    std::vector<given_row> out(count);
    for (std::size_t r = 0; r < count; ++r)
        for (const auto& p : columns) out[r].push_back(from.value(p, r));
    return out;
}

std::vector<plan> every_column()
{
    static const std::vector<std::pair<std::string, value_type>> types{{"text", value_type::text},
                                                                       {"int64", value_type::int64},
                                                                       {"float64", value_type::float64},
                                                                       {"timestamp", value_type::timestamp},
                                                                       {"boolean", value_type::boolean}};
    static const std::vector<std::pair<std::string, habit>> habits{{"any", habit::any},     {"few", habit::few},
                                                                   {"runs", habit::runs},   {"never", habit::never},
                                                                   {"always", habit::always}, {"rare", habit::rare}};
    std::vector<plan> out;
    for (const auto& [name, type] : types)
        for (const auto& [how, of] : habits) out.push_back({name + " " + how, type, of});
    return out;
}

TEST(ParquetRoundTrip, RandomRowsOfEveryTypeComeBack)
{
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        maker from(seed);
        // A random choice of the columns, in a random order.
        std::vector<plan> columns;
        auto left = every_column();
        for (auto n = 1 + from.below(left.size()); n > 0; --n) {
            const auto at = static_cast<std::ptrdiff_t>(from.below(left.size()));
            columns.push_back(left[static_cast<std::size_t>(at)]);
            left.erase(left.begin() + at);
        }
        const auto rows = rows_of(columns, 1 + from.below(400), from);
        expect_same(columns, rows, std::size_t{1} << (10 + from.below(14)));
    }
}

TEST(ParquetRoundTrip, EveryTypeWithEveryHabitInSeveralRowGroups)
{
    maker from(99);
    const auto columns = every_column();
    const auto rows = rows_of(columns, 300, from);
    const auto t = expect_same(columns, rows, 200'000);
    ASSERT_TRUE(t.has_value());
    EXPECT_GT(t->row_groups.size(), 1U);
    for (const auto& c : t->columns) {
        EXPECT_TRUE(c.optional) << c.name;
        EXPECT_EQ(c.chunks.size(), t->row_groups.size()) << c.name;
    }
}

// Counts around the groups of eight and around the lengths at which a run's head takes another byte.
TEST(ParquetRoundTrip, EveryCountOfRows)
{
    const auto columns = every_column();
    for (const std::size_t count : {1U, 2U, 7U, 8U, 9U, 15U, 16U, 17U, 63U, 64U, 65U, 127U, 128U, 129U}) {
        SCOPED_TRACE(std::to_string(count) + " rows");
        maker from(count);
        const auto t = expect_same(columns, rows_of(columns, count, from), std::size_t{1} << 26U);
        ASSERT_TRUE(t.has_value());
        EXPECT_EQ(t->row_groups, std::vector<std::uint64_t>{count});
    }
}

// Dictionaries of 1 to 4097 entries: every width of their indices, each with its last entry in use.
TEST(ParquetRoundTrip, DictionariesOfEveryWidth)
{
    const std::vector<plan> columns{{"v", value_type::text, habit::always}};
    for (std::size_t distinct = 1; distinct <= 4097; distinct = distinct * 2 + (distinct % 2 == 0 ? 1 : 0)) {
        SCOPED_TRACE(std::to_string(distinct) + " values");
        std::vector<given_row> rows;
        for (std::size_t i = 0; i < 3 * distinct; ++i) {
            if (i % 11 == 3) rows.push_back({std::nullopt});
            rows.push_back({given{.text = "value-" + std::to_string(i * 7919 % distinct)}});
        }
        const auto t = expect_same(columns, rows, std::size_t{1} << 26U);
        ASSERT_TRUE(t.has_value());
        EXPECT_LE(t->columns[0].chunks[0].dictionary_values, distinct);
    }
}

TEST(ParquetRoundTrip, RepeatedTextsAreInADictionaryAndDistinctOnesAreNot)
{
    const std::vector<plan> columns{{"few", value_type::text, habit::few}, {"many", value_type::text, habit::any}};
    std::vector<given_row> rows;
    for (std::size_t i = 0; i < 50'000; ++i)
        rows.push_back({given{.text = "plan " + std::to_string(i % 3)},
                        given{.text = "a text that no other row has: " + std::to_string(i * 2'654'435'761U)}});
    const auto t = expect_same(columns, rows, std::size_t{1} << 26U);
    ASSERT_TRUE(t.has_value());
    EXPECT_TRUE(t->find("few")->chunks[0].all_from_dictionary);
    EXPECT_EQ(t->find("few")->chunks[0].dictionary_values, 3U);
    EXPECT_FALSE(t->find("many")->chunks[0].all_from_dictionary);
}

TEST(ParquetRoundTrip, TypesAreThoseThatEnginesKnow)
{
    const std::vector<plan> columns{{"s", value_type::text, habit::always},
                                    {"i", value_type::int64, habit::always},
                                    {"t", value_type::timestamp, habit::always},
                                    {"d", value_type::float64, habit::always},
                                    {"b", value_type::boolean, habit::always},
                                    {"Ünïcode `name`", value_type::text, habit::never}};
    maker from(5);
    const auto t = expect_same(columns, rows_of(columns, 3, from), 1000);
    ASSERT_TRUE(t.has_value());
    const auto type = [&t](const char* name) {
        const auto* c = t->find(name);
        return c->physical + "|" + c->converted + "|" + c->logical;
    };
    EXPECT_EQ(type("s"), "BYTE_ARRAY|UTF8|STRING");
    EXPECT_EQ(type("t"), "INT64|TIMESTAMP_MICROS|TIMESTAMP(MICROS, UTC)");
    EXPECT_EQ(t->find("i")->physical, "INT64");
    EXPECT_EQ(type("d"), "DOUBLE||");
    EXPECT_EQ(type("b"), "BOOLEAN||");
    EXPECT_NE(t->created_by.find("akeferry"), std::string::npos) << t->created_by;
}

TEST(ParquetRoundTrip, TheSameWriterMakesOneFileAfterAnother)
{
    parquet::file_writer to({{"id", value_type::text}, {"n", value_type::int64}}, 1000);
    for (int file = 0; file < 3; ++file) {
        for (int i = 0; i <= file; ++i) {
            to.text(0, "file " + std::to_string(file));
            if (i == 1) to.integer(1, i);
            to.end_row();
        }
        std::string why;
        const auto t = read_parquet(to.take(), &why);
        ASSERT_TRUE(t.has_value()) << why;
        ASSERT_EQ(t->rows(), static_cast<std::size_t>(file) + 1);
        EXPECT_EQ(t->columns[0].values.back(), "file " + std::to_string(file));
        EXPECT_EQ(t->columns[1].values.front(), std::nullopt);
    }
}

}  // namespace
}  // namespace lakeferry::test
