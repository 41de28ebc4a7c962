// Types of values, conversions, rows and flattening: section 9 of the identity rules.
#include "sync/core/row.hpp"

#include "sync/core/json.hpp"
#include "sync/core/row_names.hpp"

#include <gtest/gtest.h>

#include <map>

namespace lakeferry::core {
namespace {

// A value on its own.
struct held_cell {
    explicit held_cell(std::string_view json)
    {
        json_reader reader;
        const auto parsed = reader.parse(json);
        EXPECT_TRUE(parsed) << json;
        if (parsed) bounds = append_cell(buffer, **parsed);
    }
    cell view() const { return at(buffer, bounds); }

    std::string buffer{};
    cell_range bounds{};
};

cell_kind kind_of(std::string_view json) { return held_cell(json).view().kind; }

// "no" where it does not fit.
std::string fitted(std::string_view json, column_type to)
{
    const held_cell value(json);
    std::string out = "before ";
    if (!append_fitting(out, value.view(), to)) return out == "before " ? "no" : "left something behind";
    return out.substr(7);
}

bool same(std::string_view a, std::string_view b)
{
    const held_cell x(a);
    const held_cell y(b);
    return same_value(x.view(), y.view());
}

using enum column_type;

TEST(Cells, TypesOfFirstValues)
{
    EXPECT_EQ(kind_of("true"), cell_kind::boolean);
    EXPECT_EQ(kind_of("12"), cell_kind::bigint);
    EXPECT_EQ(kind_of("-9223372036854775808"), cell_kind::bigint);
    EXPECT_EQ(kind_of("12.5"), cell_kind::double_);
    EXPECT_EQ(kind_of("12.0"), cell_kind::double_);
    EXPECT_EQ(kind_of("[1]"), cell_kind::array);
    EXPECT_EQ(kind_of("\"x\""), cell_kind::string);
    EXPECT_EQ(kind_of("\"2026-01-31T10:00:00Z\""), cell_kind::timestamp);
    EXPECT_EQ(kind_of("\"2026-01-31 10:00+02:00\""), cell_kind::timestamp);
    for (const char* text : {"\"2026-01-31\"", "\"2026-01-31T10:00:00\"", "\"2026-02-30T10:00:00Z\"", "\"2026-01-31T10:00:60Z\"",
                             "\"\"", "\"10:00\""})
        EXPECT_EQ(kind_of(text), cell_kind::string) << text;
}

TEST(Cells, WholeNumbersBeyondBigintKeepTheirDigitsAsText)
{
    EXPECT_EQ(fitted("9223372036854775808", string), "\"9223372036854775808\"");
    EXPECT_EQ(kind_of("9223372036854775808"), cell_kind::string);
    EXPECT_EQ(kind_of("123456789012345678901234567890"), cell_kind::string);
}

TEST(Conversions, NothingIsLost)
{
    EXPECT_EQ(fitted("12", double_), "12");
    EXPECT_EQ(fitted("9007199254740993", double_), "no");
    EXPECT_EQ(fitted("9007199254740992", double_), "9007199254740992");
    EXPECT_EQ(fitted("12.0", bigint), "12");
    EXPECT_EQ(fitted("12.5", bigint), "no");
    EXPECT_EQ(fitted("1e300", bigint), "no");
    EXPECT_EQ(fitted("true", string), "\"true\"");
    EXPECT_EQ(fitted("5", string), "\"5\"");
    EXPECT_EQ(fitted("0.10", string), "\"0.1\"");
    EXPECT_EQ(fitted("[1,\"a\"]", string), R"("[1,\"a\"]")");
    EXPECT_EQ(fitted("\"2026-01-31T12:00:00+02:00\"", timestamp), "\"2026-01-31T10:00:00.000000Z\"");
    EXPECT_EQ(fitted("\"2026-01-31T12:00:00+02:00\"", string), "\"2026-01-31T12:00:00+02:00\"") << "the text as sent";
}

TEST(Conversions, TextsThatLookExactlyLikeTheValue)
{
    EXPECT_EQ(fitted("\"5\"", bigint), "5");
    EXPECT_EQ(fitted("\"-5\"", bigint), "-5");
    for (const char* text : {"\"05\"", "\"5.0\"", "\"+5\"", "\" 5\"", "\"-0\"", "\"five\"", "\"\"", "\"-\"", "\"9223372036854775808\""})
        EXPECT_EQ(fitted(text, bigint), "no") << text;
    EXPECT_EQ(fitted("\"1.5\"", double_), "1.5");
    for (const char* text : {"\"1.50\"", "\"NaN\"", "\"inf\"", "\"1e5\""}) EXPECT_EQ(fitted(text, double_), "no") << text;
    EXPECT_EQ(fitted("\"true\"", boolean), "true");
    EXPECT_EQ(fitted("\"TRUE\"", boolean), "no");
}

TEST(Conversions, WhatCannotBeConverted)
{
    EXPECT_EQ(fitted("1", boolean), "no");
    EXPECT_EQ(fitted("true", bigint), "no");
    EXPECT_EQ(fitted("true", double_), "no");
    EXPECT_EQ(fitted("5", timestamp), "no");
    EXPECT_EQ(fitted("\"2026-01-31\"", timestamp), "no");
    EXPECT_EQ(fitted("[5]", bigint), "no");
    EXPECT_EQ(fitted("\"2026-01-31T12:00:00Z\"", bigint), "no");
}

TEST(Cells, EqualityIsThatOfValues)
{
    EXPECT_TRUE(same("12", "12.0"));
    EXPECT_FALSE(same("12", "\"12\""));
    EXPECT_FALSE(same("true", "\"true\""));
    EXPECT_FALSE(same("[1]", "\"[1]\""));
    EXPECT_TRUE(same("\"2026-01-31T12:00:00Z\"", "\"2026-01-31T12:00:00Z\""));
    EXPECT_FALSE(same("\"2026-01-31T12:00:00Z\"", "\"2026-01-31T12:00:00+00:00\"")) << "another text";
}

TEST(Rows, AreLinesOfJson)
{
    std::string out;
    row_writer row(out);
    row.begin();
    row.text("a", "x\"\n");
    row.text_if("absent", "");
    row.bigint("n", -5);
    row.timestamp("t", 0);
    row.raw("r", "true");
    row.end();
    row.begin();
    row.end();
    EXPECT_EQ(out, "{\"a\":\"x\\\"\\n\",\"n\":-5,\"t\":\"1970-01-01T00:00:00.000000Z\",\"r\":true}\n{}\n");
}

TEST(Rows, RescuedValuesAreOneJsonText)
{
    std::string out;
    row_writer row(out);
    rescued_values unfit;
    row.begin();
    unfit.flush(row);
    unfit.add("n", held_cell("\"fi\\\"ve\"").view());
    unfit.add("b", held_cell("7").view());
    unfit.flush(row);
    row.end();
    EXPECT_TRUE(unfit.empty());
    EXPECT_EQ(out, "{\"_rescued_data\":\"{\\\"n\\\":\\\"fi\\\\\\\"ve\\\",\\\"b\\\":7}\"}\n");
}

// column -> JSON
std::map<std::string, std::string> flattened(std::string_view json, name_cache& names, bool all = false)
{
    json_reader reader;
    const auto parsed = reader.parse(json);
    EXPECT_TRUE(parsed) << json;
    std::string buffer;
    flat_values flat;
    if (all)
        names.flatten_all((*parsed)->as_object(), buffer, flat);
    else
        names.flatten((*parsed)->as_object(), buffer, flat);
    std::map<std::string, std::string> found;
    for (const auto& value : flat.values) {
        EXPECT_TRUE(!found.contains(std::string(value.column)) || all) << value.column;
        found[std::string(value.column)] = at(buffer, value.range).json;
    }
    return found;
}
using columns = std::map<std::string, std::string>;

TEST(Flattening, ObjectsToAnyDepthArraysAsText)
{
    name_cache names;
    EXPECT_EQ(flattened(R"({"a":{"b":{"c":1}},"l":[{"x":1}],"n":null,"e":{},"deep":{"n":null}})", names),
              (columns{{"a_b_c", "1"}, {"l", R"("[{\"x\":1}]")"}}));
}

TEST(Flattening, TheLaterNonNullValueOfAColumnStands)
{
    name_cache names;
    EXPECT_EQ(flattened(R"({"aB":1,"a":{"b":2},"a_b":null})", names), (columns{{"a_b", "2"}}));
}

TEST(Flattening, ReservedNamesAreAvoidedOutsideContext)
{
    name_cache names;
    EXPECT_EQ(flattened(R"({"id":1,"user":{"id":2},"context":{"x":3}})", names),
              (columns{{"_id", "1"}, {"_user_id", "2"}, {"_context_x", "3"}}));
    json_reader reader;
    const auto parsed = reader.parse(R"({"app":{"Version":"1"},"id":5})");
    std::string buffer;
    flat_values flat;
    names.flatten_context(merged_object(nullptr, &(*parsed)->as_object()), buffer, flat);
    ASSERT_EQ(flat.values.size(), 2U);
    EXPECT_EQ(flat.values[0].column, "context_app_version");
    EXPECT_EQ(flat.values[1].column, "context_id");
}

TEST(Flattening, AFullCacheGivesTheSameNames)
{
    const std::string_view text = R"({"aB":1,"a":{"b":2},"x":{"y":{"z":3}},"id":4,"A-b":5})";
    name_cache roomy;
    for (std::size_t room = 0; room < 8; ++room) {
        name_cache tight(room);
        EXPECT_EQ(flattened(text, tight), flattened(text, roomy)) << room;
        EXPECT_LE(tight.nodes(), room);
    }
}

TEST(Flattening, AllValuesKnowTheirTopLevelKey)
{
    name_cache names;
    json_reader reader;
    const auto parsed = reader.parse(R"({"a":{"x":1,"y":2},"n":null,"b":3,"A":{"x":4}})");
    std::string buffer;
    flat_values flat;
    names.flatten_all((*parsed)->as_object(), buffer, flat);
    ASSERT_EQ(flat.values.size(), 4U);
    EXPECT_EQ(flat.values[1].root, 0U);
    EXPECT_EQ(flat.values[2].root, 2U);
    EXPECT_EQ(flat.values[3].root, 3U);
    EXPECT_EQ(flat.values[3].column, "a_x");
    EXPECT_EQ(names.name_of("firstName", flat), "first_name");
}

}  // namespace
}  // namespace lakeferry::core
