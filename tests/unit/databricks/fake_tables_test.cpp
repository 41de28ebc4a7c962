// The model of tables must behave as Delta does, or simulated runs prove nothing.
#include "tests/support/fake_databricks/fake_tables.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace lakeferry::fake_databricks {
namespace {

const std::string name = "main.acme.t";

fake_tables made()
{
    fake_tables out;
    out.create_schema("main.acme", true);
    out.create(name, {{"id", "STRING", ""}, {"v", "STRING", ""}, {"seq", "BIGINT", ""}}, true);
    out.create("main.acme.fences", {{"table_name", "STRING", ""}, {"load_seq", "BIGINT", ""}}, true);
    return out;
}

row one(const char* id, const char* v, const char* seq, const char* op = "upsert")
{
    return {{"id", id}, {"v", v}, {"seq", seq}, {"_op", op}};
}

TEST(FakeTables, CopyIntoLoadsAFileOnce)
{
    auto t = made();
    const auto read = [](const std::string& path) -> std::optional<std::vector<row>> {
        if (path == "gone") return std::nullopt;
        return std::vector<row>{{{"id", path}, {"v", std::nullopt}}, {{"id", path}}};
    };
    EXPECT_EQ(t.copy_into(name, {"id", "v"}, {"a", "b"}, read).inserted, 4);
    EXPECT_EQ(t.copy_into(name, {"id", "v"}, {"a", "b"}, read).inserted, 0);
    EXPECT_EQ(t.copy_into(name, {"id"}, {"gone"}, read).error->sql_state, "KD001");
    EXPECT_EQ(t.copy_into(name, {"nope"}, {"c"}, read).error->sql_state, "42703");
    EXPECT_EQ(t.copy_into(name, {"id"}, {"c", "gone"}, read).error->sql_state, "KD001");
    EXPECT_EQ(t.find(name)->rows.size(), 4U) << "all or nothing";
    EXPECT_EQ(t.copy_into("main.acme.none", {"id"}, {"a"}, read).error->sql_state, "42P01");
}

TEST(FakeTables, MergeIsGuardedBySeqAndFenced)
{
    auto t = made();
    const std::vector<std::string> key{"id"};
    const std::vector<std::string> all{"id", "v", "seq"};
    const auto merge = [&](std::vector<row> rows, std::int64_t load) {
        return t.merge_keyed(name, key, all, rows, fake_tables::fence_guard{"main.acme.fences", "t", load});
    };
    EXPECT_EQ(merge({one("a", "1", "5"), one("b", "1", "6")}, 1).inserted, 2);
    EXPECT_EQ(merge({one("a", "1", "5"), one("b", "1", "6")}, 1).affected(), 0) << "replayed";
    t.move_fence("main.acme.fences", "t", 1);
    const auto second = merge({one("a", "", "7", "delete"), one("b", "2", "8")}, 2);
    EXPECT_EQ(second.deleted, 1);
    EXPECT_EQ(second.updated, 1);
    t.move_fence("main.acme.fences", "t", 2);
    EXPECT_EQ(merge({one("a", "1", "5")}, 1).affected(), 0) << "a zombie does not bring back what was deleted";
    EXPECT_EQ(t.move_fence("main.acme.fences", "t", 1).affected(), 0) << "never backwards";
    EXPECT_EQ(t.fence_of("main.acme.fences", "t"), 2);
    EXPECT_EQ(t.dump(name), std::vector<std::string>{"id=b|seq=8|v=2|"});
    EXPECT_EQ(t.dump(name, {"seq"}), std::vector<std::string>{"id=b|v=2|"});
    EXPECT_EQ(merge({one("x", "1", "9"), one("x", "2", "10")}, 3).error->sql_state, "21506");
    EXPECT_EQ(merge({one("x", "1", "9", "delete")}, 3).affected(), 0);
}

TEST(FakeTables, InsertNewComparesWithTheTableAsItWas)
{
    auto t = made();
    EXPECT_EQ(t.insert_new(name, {"id"}, {{{"id", "a"}}, {{"id", "b"}}}).inserted, 2);
    EXPECT_EQ(t.insert_new(name, {"id"}, {{{"id", "a"}}, {{"id", "c"}}}).inserted, 1);
    EXPECT_EQ(t.insert_new(name, {"id"}, {{{"nope", "a"}}}).error->sql_state, "42703");
}

TEST(FakeTables, DdlAnswersLikeAWarehouse)
{
    auto t = made();
    EXPECT_EQ(t.create("main.none.t", {}, true)->sql_state, "42704");
    EXPECT_EQ(t.create(name, {}, false)->sql_state, "42P07");
    EXPECT_FALSE(t.create(name, {}, true).has_value());
    EXPECT_EQ(t.add_columns(name, {{"V", "STRING", ""}})->sql_state, "42711");
    EXPECT_FALSE(t.add_columns("MAIN.ACME.T", {{"w", "STRING", ""}}).has_value());
    EXPECT_EQ(t.drop("main.acme.none", false)->sql_state, "42P01");
    EXPECT_FALSE(t.drop_schema("main.acme").has_value());
    EXPECT_TRUE(t.names().empty());
}

TEST(FakeTables, ReadsStagedRows)
{
    const auto rows = read_ndjson("{\"id\":\"a\",\"n\":9007199254740993,\"b\":true,\"x\":null}\n\n{\"id\":\"b\",\"o\":{\"k\":[1]}}\n");
    ASSERT_TRUE(rows.has_value());
    ASSERT_EQ(rows->size(), 2U);
    EXPECT_EQ((*rows)[0].at("n"), "9007199254740993");
    EXPECT_EQ((*rows)[0].at("b"), "true");
    EXPECT_EQ((*rows)[0].at("x"), std::nullopt);
    EXPECT_EQ((*rows)[1].at("o"), "{\"k\":[1]}");
    EXPECT_FALSE(read_ndjson("{\"id\":").has_value());
    EXPECT_FALSE(read_ndjson(std::string_view("\x1f\x8b broken", 9)).has_value());
    EXPECT_EQ(read_json_rows("[{\"a\":1}]")->size(), 1U);
    EXPECT_FALSE(read_json_rows("{}").has_value());
}

TEST(FakeTables, ReadsStagedFilesByWhatTheyAre)
{
    std::ifstream in(LAKEFERRY_SOURCE_DIR "/tests/support/parquet_samples/dictionary_zstd.parquet", std::ios::binary);
    const std::string parquet{std::istreambuf_iterator<char>(in), {}};
    const std::string lines = "{\"id\":\"a\",\"price\":0.5}\n";
    std::string why;
    const auto rows = read_staged(parquet, {.format = "PARQUET", .needs = {"id", "nothing"}}, why);
    ASSERT_TRUE(rows.has_value()) << why;
    ASSERT_EQ(rows->size(), 21U);
    EXPECT_EQ((*rows)[20].at("id"), "id-20");
    EXPECT_EQ((*rows)[2].at("name"), std::nullopt);
    EXPECT_EQ((*rows)[2].at("price"), read_staged(lines, {}, why)->front().at("price").value().insert(0, "-"));
    EXPECT_EQ((*rows)[0].at("at"), "2026-01-31T23:59:59.123456Z");

    const auto some = read_staged(parquet, {.schema = {{"seq", "BIGINT"}, {"gone", "STRING"}}}, why);
    ASSERT_TRUE(some.has_value()) << why;
    EXPECT_EQ((*some)[0], (row{{"seq", "9007199254740993"}}));

    const auto refused = [&why](std::string_view bytes, const file_request& how) {
        why.clear();
        EXPECT_FALSE(read_staged(bytes, how, why).has_value());
        return why;
    };
    EXPECT_EQ(refused(parquet, {.format = "json"}), "it is read as json, but it is parquet");
    EXPECT_EQ(refused(lines, {.format = "PARQUET"}), "it is read as PARQUET, but it is json");
    EXPECT_EQ(refused(parquet, {.needs = {"id", "gone"}}), "it has no column gone");
    EXPECT_EQ(refused(parquet, {.schema = {{"seq", "STRING"}}}), "the column seq is BIGINT, the schema says STRING");
    EXPECT_EQ(refused(parquet.substr(0, 100), {}), "the file does not end with PAR1: it is cut or encrypted");
    EXPECT_EQ(refused("{", {}), "it is not newline-separated JSON, plain or gzip");
}

}  // namespace
}  // namespace lakeferry::fake_databricks
