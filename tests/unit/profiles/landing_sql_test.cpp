// Texts of the landing's statements: exact, because what is sent must be known, and safe for hostile names.
#include "tests/unit/profiles/sql_fixture.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::profiles;
using test::at;
using test::label;

namespace {

core::table tracks()
{
    return {.name = "tracks",
            .columns = {{"id", core::column_type::string, "Message id"},
                        {"received_at", core::column_type::timestamp, ""},
                        {"n", core::column_type::bigint, ""}},
            .cluster_by = {"received_at"},
            .comment = "One row a track call"};
}

core::table traits()
{
    return {.name = "user_traits",
            .kind = core::table_kind::keyed,
            .columns = {{"canonical_segment_id"}, {"name"}, {"value"}, {"seq", core::column_type::string, ""}},
            .key = {"canonical_segment_id", "name"}};
}

}  // namespace

TEST(LandingSql, CopyCastsEveryColumnAndNamesItsFiles)
{
    const std::vector<std::string> files{"load-1.parquet", "load-2.parquet"};
    EXPECT_EQ(copy_into(at, tracks(), "/Volumes/main/acme/lakeferry", files, label),
              "/* lakeferry space=acme run=7 load=tracks-12 */\n"
              "COPY INTO `main`.`acme`.`tracks`\n"
              "FROM (SELECT CAST(`id` AS STRING) AS `id`, CAST(`received_at` AS TIMESTAMP) AS `received_at`, "
              "CAST(`n` AS BIGINT) AS `n` FROM '/Volumes/main/acme/lakeferry')\n"
              "FILEFORMAT = PARQUET\nFILES = ('load-1.parquet', 'load-2.parquet')\n"
              "FORMAT_OPTIONS ('datetimeRebaseMode' = 'CORRECTED')");
}

TEST(LandingSql, KeyedMergeIsFencedGuardedAndBounded)
{
    const std::string sql = merge_keyed(at, traits(), {"/Volumes/main/acme/lakeferry/x.parquet", "use_a", "use_z"}, label);
    EXPECT_NE(sql.find("coalesce(max(load_seq), 0) FROM `main`.`acme`.`_lakeferry_loads` WHERE table_name IN "
                       "('user_traits', '*')) < 12"),
              std::string::npos)
        << sql;
    EXPECT_NE(sql.find("t.`canonical_segment_id` BETWEEN 'use_a' AND 'use_z'"), std::string::npos) << sql;
    EXPECT_NE(sql.find("WHEN MATCHED AND s._op = 'delete' AND t.seq < s.seq THEN DELETE"), std::string::npos) << sql;
    EXPECT_NE(sql.find("WHEN NOT MATCHED AND s._op <> 'delete' THEN INSERT"), std::string::npos) << sql;
    EXPECT_NE(sql.find("read_files('/Volumes/main/acme/lakeferry/x.parquet', format => 'parquet', schema => '_op STRING, "
                       "`canonical_segment_id` STRING, "),
              std::string::npos)
        << sql;
    EXPECT_NE(sql.find("datetimeRebaseMode => 'CORRECTED', schemaEvolutionMode => 'none')"), std::string::npos) << sql;
}

TEST(LandingSql, RowsInsideTheStatementAreInsertOnly)
{
    const std::string sql = merge_rows(at, tracks(), {.since = "2026-01-01T00:00:00.000000Z"}, label);
    EXPECT_NE(sql.find("from_json(:rows, 'array<struct<`id` STRING, `received_at` STRING, `n` STRING>>')"),
              std::string::npos)
        << sql;
    EXPECT_NE(sql.find("ON t.`id` = s.`id` AND t.`received_at` >= CAST('2026-01-01T00:00:00.000000Z' AS TIMESTAMP)"),
              std::string::npos)
        << sql;
    EXPECT_EQ(sql.find("WHEN MATCHED"), std::string::npos) << sql;
}

TEST(LandingSql, RowsOfFilesAreInsertOnlyAndCountedAgainstThem)
{
    const append_source from{"2026-01-01T00:00:00.000000Z", "/Volumes/main/acme/lakeferry/x.parquet"};
    const std::string sql = merge_rows_part(at, tracks(), from);
    EXPECT_NE(sql.find("FROM read_files('/Volumes/main/acme/lakeferry/x.parquet', format => 'parquet', schema => '`id` STRING, "
                       "`received_at` TIMESTAMP, `n` "),
              std::string::npos)
        << sql;
    EXPECT_EQ(sql.find("WHEN MATCHED"), std::string::npos) << sql;
    EXPECT_TRUE(merge_rows(at, tracks(), from, label).ends_with(sql));
    EXPECT_EQ(count_rows(at, tracks(), from),
              "SELECT count(*) FROM read_files('/Volumes/main/acme/lakeferry/x.parquet', format => 'parquet', schema => '`id` STRING', "
              "datetimeRebaseMode => 'CORRECTED', schemaEvolutionMode => 'none') AS s LEFT SEMI JOIN `main`.`acme`.`tracks` AS t ON "
              "t.`id` = s.`id` AND t.`received_at` >= CAST('2026-01-01T00:00:00.000000Z' AS TIMESTAMP)");
}

TEST(LandingSql, UpdateLogsAreToldApartBySeq)
{
    core::table log{.name = "id_graph_updates", .columns = {{"segment_id"}, {"seq"}, {"uuid_ts", core::column_type::timestamp}}};
    EXPECT_EQ(row_key(log), "seq");
    EXPECT_EQ(row_key(tracks()), "id");
    core::table mapping{.name = "m", .columns = {{"id"}, {"received_at"}, {"seq"}}};
    EXPECT_EQ(row_key(mapping), "seq");
}

TEST(LandingSql, NamesAndCommentsCannotEscapeTheirQuotes)
{
    core::table odd{.name = "a`; DROP TABLE x", .columns = {{"c`1", core::column_type::string, "it's \\ here"}}};
    const std::string sql = create_table(at, odd, label);
    EXPECT_NE(sql.find("`main`.`acme`.`a``; DROP TABLE x` (`c``1` STRING COMMENT '"), std::string::npos) << sql;
    EXPECT_EQ(sql.find("'it's"), std::string::npos) << sql;
}

TEST(LandingSql, AScriptMakesAllThatASchemaLacks)
{
    const core::table a{.name = "a", .columns = {{"x", core::column_type::bigint, "one; END"}}, .comment = "A"};
    const std::string sql = set_up_script(std::vector{table_part(at, a), table_part(at, tracks())}, label);
    const std::string head = sql.substr(0, sql.find("BEGIN"));
    EXPECT_TRUE(head.starts_with("/*") || head.starts_with("--")) << sql;
    EXPECT_NE(sql.find("BEGIN\nCREATE TABLE IF NOT EXISTS `main`.`acme`.`a` (`x` BIGINT COMMENT 'one; END') COMMENT 'A';\n"
                       "CREATE TABLE IF NOT EXISTS `main`.`acme`.`tracks` ("),
              std::string::npos)
        << sql;
    EXPECT_TRUE(sql.ends_with(";\nEND")) << sql;
    // Alone or in a script, the same is made; only the fence table must be new in a script.
    EXPECT_TRUE(create_schema(at, label).ends_with("*/\n" + schema_part(at)));
    EXPECT_TRUE(create_volume(at, label).ends_with("*/\n" + volume_part(at)));
    EXPECT_TRUE(create_table(at, a, label).ends_with("*/\n" + table_part(at, a)));
    const std::string fence = fence_table_part(at, {.id = "o"});
    EXPECT_TRUE(fence.starts_with("CREATE TABLE `main`.`acme`.`_lakeferry_loads` (")) << fence;
    const std::string columns_on = fence.substr(std::string_view("CREATE TABLE").size());
    EXPECT_TRUE(create_fence_table(at, {.id = "o"}, label).ends_with(columns_on));
}

TEST(LandingSql, AllNewColumnsGoIntoOneStatement)
{
    const std::vector<core::column> columns{{"a", core::column_type::bigint, "x"}, {"b", core::column_type::double_, ""}};
    EXPECT_NE(add_columns(at, "tracks", columns, label)
                  .find("ALTER TABLE `main`.`acme`.`tracks` ADD COLUMNS (`a` BIGINT COMMENT 'x', `b` DOUBLE)"),
              std::string::npos);
}

TEST(LandingSql, OneStatementMovesTheFencesOfAllTables)
{
    const std::vector<std::pair<std::string, std::uint64_t>> fences{{"a", 3}, {"b", 9}};
    const std::string sql = move_fences(at, fences, label);
    EXPECT_NE(sql.find("VALUES ('a', CAST(3 AS BIGINT), CAST(NULL AS STRING)), ('b', CAST(9 AS BIGINT), CAST(NULL AS STRING))"),
              std::string::npos)
        << sql;
    EXPECT_NE(sql.find("t.load_seq < s.load_seq THEN UPDATE"), std::string::npos) << sql;
    EXPECT_EQ(sql.find("BY SOURCE"), std::string::npos) << sql;
    const report_row report{"run x 7", 7, R"({"why":"it's"})"};
    const std::string with_report = move_fences(at, {}, label, std::span(&report, 1), 5);
    EXPECT_NE(with_report.find(R"(VALUES ('run x 7', CAST(7 AS BIGINT), '{"why":"it\'s"}'))"), std::string::npos) << with_report;
    EXPECT_NE(with_report.find("WHEN NOT MATCHED BY SOURCE AND t.report IS NOT NULL AND t.load_seq < 5 THEN DELETE"),
              std::string::npos)
        << with_report;
}
