#include "sync/profiles/row_file.hpp"

#include "tests/support/parquet_reader.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::profiles;

namespace {

using core::column_type;
using cells = std::vector<std::optional<std::string>>;

core::table every_type()
{
    return {.name = "tracks",
            .columns = {{"id"},
                        {"at", column_type::timestamp},
                        {"n", column_type::bigint},
                        {"price", column_type::double_},
                        {"gift", column_type::boolean}}};
}

test::parquet_table written(row_file& file)
{
    std::string why;
    auto read = test::read_parquet(file.take(), &why);
    EXPECT_TRUE(read) << why;
    return read ? *read : test::parquet_table();
}

cells column(const test::parquet_table& of, std::string_view name)
{
    const auto* found = of.find(name);
    return found ? found->values : cells{"no such column"};
}

std::string refused(const core::table& t, std::string_view lines)
{
    row_file file(t, 1U << 20);
    auto added = file.add(lines);
    return added.has_error() ? added.error().id + ": " + added.error().detail : "taken";
}

}  // namespace

TEST(RowFile, ValuesArriveWithTheTypesOfTheirColumns)
{
    row_file file(every_type(), 1U << 20);
    ASSERT_TRUE(file.add(R"({"id":"a","at":"0001-01-01T00:00:00.000000Z","n":-9223372036854775808,"price":129.95,"gift":true})" "\n"
                         R"({"gift":false,"price":7,"n":"42","at":"2026-01-31T23:59:59.123456Z","id":"b \"\u00e9\u20ac\n"})" "\n"
                         R"({"id":"c"})" "\n").has_value());
    ASSERT_TRUE(file.add("{}\n").has_value());
    EXPECT_EQ(file.rows(), 4U);
    const auto read = written(file);
    EXPECT_EQ(column(read, "id"), (cells{"a", "b \"é€\n", "c", std::nullopt}));
    EXPECT_EQ(column(read, "at"), (cells{"0001-01-01T00:00:00.000000Z", "2026-01-31T23:59:59.123456Z", std::nullopt, std::nullopt}));
    EXPECT_EQ(column(read, "n"), (cells{"-9223372036854775808", "42", std::nullopt, std::nullopt}));
    EXPECT_EQ(column(read, "price"), (cells{"1.2995E2", "7", std::nullopt, std::nullopt}));
    EXPECT_EQ(column(read, "gift"), (cells{"true", "false", std::nullopt, std::nullopt}));
    EXPECT_EQ(read.find("at")->logical, "TIMESTAMP(MICROS, UTC)");
    EXPECT_EQ(read.find("id")->logical, "STRING");
}

// Boost's own conversion of decimal text is wrong in the last place at times.
TEST(RowFile, NumbersAreTheNearestOnes)
{
    row_file file(every_type(), 1U << 20);
    ASSERT_TRUE(file.add(R"({"price":0.1e-6})" "\n" R"({"price":9007199254740993})" "\n"
                         R"({"price":2.2250738585072011e-308})" "\n" R"({"price":"-1e400"})" "\n").has_value());
    EXPECT_EQ(column(written(file), "price"), (cells{"1E-7", "9007199254740992", "2.225073858507201E-308", "-Infinity"}));
}

TEST(RowFile, ATextColumnTakesEverythingAsItsText)
{
    row_file file(every_type(), 1U << 20);
    ASSERT_TRUE(file.add(R"({"id":12.50})" "\n" R"({"id":true})" "\n" R"({"id":""})" "\n" R"({"id":null})" "\n").has_value());
    EXPECT_EQ(column(written(file), "id"), (cells{"12.50", "true", "", std::nullopt}));
}

TEST(RowFile, KeyedTablesHaveTheOperationFirst)
{
    core::table t{.name = "user_traits", .kind = core::table_kind::keyed, .columns = {{"name"}}, .key = {"name"}};
    row_file file(t, 1U << 20);
    ASSERT_TRUE(file.add(R"({"_op":"delete","name":"plan","of_another_table":{})").has_error());
    row_file again(t, 1U << 20);
    ASSERT_TRUE(again.add(R"({"_op":"delete","name":"plan","unknown":1})").has_value());
    const auto read = written(again);
    ASSERT_EQ(read.columns.size(), 2U);
    EXPECT_EQ(read.columns[0].name, "_op");
    EXPECT_EQ(column(read, "_op"), cells{"delete"});
}

TEST(RowFile, WhatDoesNotFitIsRefusedWithItsPlace)
{
    const auto t = every_type();
    EXPECT_EQ(refused(t, R"({"id":"a"})" "\n" R"({"n":1.5})"),
              "outbox.damaged: row 2 of a load of tracks cannot be read at byte 8, column \"n\"");
    for (const char* line : {R"({"n":"12x"})", R"({"n":9223372036854775808})", R"({"n":true})", R"({"price":"much"})",
                             R"({"price":""})", R"({"gift":1})", R"({"at":"yesterday"})", R"({"at":5})", R"({"id":[1]})",
                             R"({"id":{"a":1}})", R"({"id":"a","id":"b"})", R"({"id":"a")", R"(["a"])", "7", R"({"id":"a"} x)"})
        EXPECT_TRUE(refused(t, line).starts_with("outbox.damaged: row 1 of a load of tracks")) << line << refused(t, line);
}

TEST(RowFile, RowGroupsEndWithTheirBytesAndTheFileGoesOn)
{
    row_file file(every_type(), 4096);
    std::string lines;
    cells expected;
    for (int i = 0; i < 2000; ++i) {
        expected.push_back("row " + std::to_string(i));
        lines += "{\"id\":\"" + *expected.back() + "\"}\n";
    }
    ASSERT_TRUE(file.add(lines).has_value());
    EXPECT_GT(file.written(), 4096U);
    auto read = written(file);
    EXPECT_GT(read.row_groups.size(), 3U);
    EXPECT_EQ(column(read, "id"), expected);
    EXPECT_EQ(file.rows(), 0U) << "a new file";
    ASSERT_TRUE(file.add(R"({"id":"next"})").has_value());
    EXPECT_EQ(column(written(file), "id"), cells{"next"});
}
