#include "sync/core/table.hpp"

#include <gtest/gtest.h>

namespace lakeferry::core {
namespace {

table sample()
{
    table t{.name = "user_traits", .kind = table_kind::keyed};
    t.columns = {{"canonical_segment_id", column_type::string, "The \"profile\"."},
                 {"b", column_type::boolean, ""},
                 {"i", column_type::bigint, "x\ny"},
                 {"d", column_type::double_, ""},
                 {"t", column_type::timestamp, "ü"}};
    t.key = {"canonical_segment_id"};
    t.cluster_by = {"canonical_segment_id", "b"};
    t.comment = "Words.";
    t.number = 4'000'000'000;
    return t;
}

TEST(TableRecord, ComesBackAsItWas)
{
    for (const auto& t : {sample(), table{.name = "x"}}) {
        const auto read = decode_table(encode_table(t));
        ASSERT_TRUE(read) << read.error().detail;
        EXPECT_EQ(*read, t);
    }
}

TEST(TableRecord, WhatIsNotWholeIsRefused)
{
    const std::string stored = encode_table(sample());
    for (std::size_t n = 0; n < stored.size(); ++n) {
        const auto read = decode_table(stored.substr(0, n));
        ASSERT_TRUE(read.has_error()) << n;
        EXPECT_EQ(read.error().id, "schema.damaged");
    }
    for (const char* text : {"{}", "[]", "null", R"({"name":1})",
                             R"({"name":"n","kind":"other","number":1,"comment":"","key":[],"cluster_by":[],"columns":[]})",
                             R"({"name":"n","kind":"append","number":-1,"comment":"","key":[],"cluster_by":[],"columns":[]})",
                             R"({"name":"n","kind":"append","number":1,"comment":"","key":[1],"cluster_by":[],"columns":[]})",
                             R"({"name":"n","kind":"append","number":1,"comment":"","key":[],"cluster_by":[],"columns":[["a","INT",""]]})"})
        EXPECT_TRUE(decode_table(text).has_error()) << text;
}

TEST(TableRecord, ColumnsAreFoundByName)
{
    const auto t = sample();
    ASSERT_NE(t.find("i"), nullptr);
    EXPECT_EQ(t.find("i")->type, column_type::bigint);
    EXPECT_EQ(t.find("nothing"), nullptr);
}

TEST(ColumnType, NamesOfSql)
{
    for (const auto type : {column_type::boolean, column_type::bigint, column_type::double_, column_type::timestamp,
                            column_type::string})
        EXPECT_EQ(column_type_of(sql_name(type)), type);
    EXPECT_EQ(std::string(sql_name(column_type::bigint)), "BIGINT");
    EXPECT_EQ(column_type_of("bigint"), std::nullopt);
}

}  // namespace
}  // namespace lakeferry::core
