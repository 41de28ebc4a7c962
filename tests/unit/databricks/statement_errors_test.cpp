#include "sync/databricks/errors.hpp"

#include <gtest/gtest.h>

namespace lakeferry::databricks {
namespace {

using rt::retry_class;

struct row {
    const char* sql_state;
    const char* error_code;
    const char* message;
    const char* id;
    retry_class retry;
};

// Every row of Databricks' tables of SQLSTATEs, concurrency classes and permission texts that concerns us.
const row rows[] = {
    {"", "BAD_REQUEST", "\n[PARSE_SYNTAX_ERROR] Syntax error at or near 'INSER'. SQLSTATE: 42601 (line 1, pos 0)\n\n== SQL ==\nINSER x", "statement.parse", retry_class::never},
    {"42601", "BAD_REQUEST", "nothing to see", "statement.parse", retry_class::never},
    {"42P01", "BAD_REQUEST", "[TABLE_OR_VIEW_NOT_FOUND] The table or view `t` cannot be found.", "table.not_found", retry_class::never},
    {"", "BAD_REQUEST", "[DELTA_TABLE_NOT_FOUND] gone", "table.not_found", retry_class::never},
    {"42P01", "BAD_REQUEST", "", "table.not_found", retry_class::never},
    {"42704", "BAD_REQUEST", "[SCHEMA_NOT_FOUND] The schema `s` cannot be found.", "schema.not_found", retry_class::never},
    {"", "BAD_REQUEST", "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'main' was not found SQLSTATE: 42704", "catalog.not_found", retry_class::never},
    {"42704", "BAD_REQUEST", "Catalog 'main' was not found", "catalog.not_found", retry_class::never},
    {"42704", "BAD_REQUEST", "Volume 'a.b.c' does not exist", "volume.not_found", retry_class::never},
    {"42704", "BAD_REQUEST", "", "schema.not_found", retry_class::never},
    {"42P06", "BAD_REQUEST", "[SCHEMA_ALREADY_EXISTS] x", "schema.exists", retry_class::never},
    {"42P07", "BAD_REQUEST", "[TABLE_OR_VIEW_ALREADY_EXISTS] x", "table.exists", retry_class::never},
    {"42P07", "BAD_REQUEST", "", "table.exists", retry_class::never},
    {"42710", "BAD_REQUEST", "[FIELD_ALREADY_EXISTS] Cannot add column, because `a` already exists", "column.exists", retry_class::never},
    {"42711", "BAD_REQUEST", "[DELTA_DUPLICATE_COLUMNS_FOUND] x", "column.exists", retry_class::never},
    {"42711", "BAD_REQUEST", "", "column.exists", retry_class::never},
    {"42703", "BAD_REQUEST", "[UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `x` cannot be resolved", "column.not_found", retry_class::never},
    {"42703", "BAD_REQUEST", "", "column.not_found", retry_class::never},
    {"42KDG", "BAD_REQUEST", "[DELTA_METADATA_MISMATCH] A schema mismatch detected", "statement.mismatch", retry_class::never},
    {"22003", "BAD_REQUEST", "[CAST_OVERFLOW] x", "statement.type", retry_class::never},
    {"22005", "BAD_REQUEST", "x", "statement.type", retry_class::never},
    {"22018", "BAD_REQUEST", "[CAST_INVALID_INPUT] x", "statement.type", retry_class::never},
    {"22P02", "BAD_REQUEST", "x", "statement.type", retry_class::never},
    {"21506", "BAD_REQUEST", "[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] x", "statement.duplicate_source", retry_class::never},
    {"21506", "BAD_REQUEST", "", "statement.duplicate_source", retry_class::never},
    {"23001", "BAD_REQUEST", "[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] x", "statement.constraint", retry_class::never},
    {"23502", "BAD_REQUEST", "[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] x", "statement.constraint", retry_class::never},
    {"0A000", "BAD_REQUEST", "[TRANSACTION_NOT_SUPPORTED.DDL] x", "statement.unsupported", retry_class::never},
    {"2D521", "BAD_REQUEST", "[DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_CONCURRENT_APPEND] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_CONCURRENT_DELETE_READ.WHOLE_TABLE_READ] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_CONCURRENT_DELETE_DELETE.WITHOUT_HINT] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_CONCURRENT_WRITE] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_CONCURRENT_TRANSACTION] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_METADATA_CHANGED] x", "statement.conflict", retry_class::transient},
    {"", "BAD_REQUEST", "[DELTA_PROTOCOL_CHANGED] x", "statement.conflict", retry_class::transient},
    {"40000", "BAD_REQUEST", "[DELTA_MAX_COMMIT_RETRIES_EXCEEDED] x", "statement.conflict", retry_class::transient},
    {"2DKD0", "BAD_REQUEST", "[DELTA_POST_COMMIT_HOOK_FAILED] x", "statement.committed", retry_class::never},
    {"", "BAD_REQUEST", "[DELTA_POST_COMMIT_HOOK_FAILED] x SQLSTATE: 2DKD0", "statement.committed", retry_class::never},
    {"KD001", "BAD_REQUEST", "[FAILED_READ_FILE.FILE_NOT_EXIST] x", "file.not_found", retry_class::never},
    {"42K03", "BAD_REQUEST", "[PATH_NOT_FOUND] Path does not exist", "file.not_found", retry_class::never},
    {"57014", "CANCELLED", "x", "statement.canceled", retry_class::transient},
    {"", "CANCELLED", "x", "statement.canceled", retry_class::transient},
    {"42501", "BAD_REQUEST", "x", "permission.missing", retry_class::never},
    {"", "BAD_REQUEST", "[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have USE CATALOG on Catalog 'system'. SQLSTATE: 42501", "permission.missing", retry_class::never},
    {"", "BAD_REQUEST", "PERMISSION_DENIED: User does not have CREATE SCHEMA on Catalog 'x'. (SQLSTATE: HY000)", "permission.missing", retry_class::never},
    {"", "ABORTED", "x", "statement.failed", retry_class::transient},
    {"", "DEADLINE_EXCEEDED", "x", "statement.failed", retry_class::transient},
    {"", "INTERNAL_ERROR", "x", "statement.failed", retry_class::transient},
    {"", "IO_ERROR", "x", "statement.failed", retry_class::transient},
    {"", "RESOURCE_EXHAUSTED", "x", "statement.failed", retry_class::transient},
    {"", "SERVICE_UNDER_MAINTENANCE", "x", "statement.failed", retry_class::transient},
    {"", "TEMPORARILY_UNAVAILABLE", "x", "statement.failed", retry_class::transient},
    {"", "UNAUTHENTICATED", "x", "statement.failed", retry_class::transient},
    {"", "WORKSPACE_TEMPORARILY_UNAVAILABLE", "x", "statement.failed", retry_class::transient},
    {"", "UNKNOWN", "x", "statement.failed", retry_class::never},
    {"", "BAD_REQUEST", "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at most 26214400 bytes.", "statement.too_large", retry_class::never},
    {"", "", "", "statement.failed", retry_class::never},
};

TEST(StatementErrors, EveryKnownOneHasItsClass)
{
    for (const auto& r : rows) {
        const auto why = statement_failure({"01f0", r.sql_state, r.error_code, r.message}, "5f2c");
        EXPECT_EQ(why.id, r.id) << r.sql_state << " " << r.message;
        EXPECT_EQ(why.retry, r.retry) << r.sql_state << " " << r.message;
        EXPECT_NE(why.detail.find("01f0"), std::string::npos) << "names the statement";
    }
}

TEST(StatementErrors, PermissionsComeWithTheGrant)
{
    struct one {
        const char* message;
        const char* grant;
    };
    const one all[] = {
        {"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\nUser does not have USE CATALOG on Catalog 'main'. SQLSTATE: 42501",
         "GRANT USE CATALOG ON CATALOG `main` TO `5f2c`;"},
        {"PERMISSION_DENIED: User does not have USE SCHEMA on Schema 'c.s'.", "GRANT USE SCHEMA ON SCHEMA `c`.`s` TO `5f2c`;"},
        {"PERMISSION_DENIED: User does not have CREATE SCHEMA on Catalog 'x'. (SQLSTATE: HY000)", "GRANT CREATE SCHEMA ON CATALOG `x` TO `5f2c`;"},
        {"[INSUFFICIENT_PERMISSIONS] User does not have CREATE TABLE on Schema 'c.s'. SQLSTATE: 42501", "GRANT CREATE TABLE ON SCHEMA `c`.`s` TO `5f2c`;"},
        {"[INSUFFICIENT_PERMISSIONS] User does not have MODIFY on Table 'c.s.t'. SQLSTATE: 42501", "GRANT MODIFY ON TABLE `c`.`s`.`t` TO `5f2c`;"},
        {"PERMISSION_DENIED: User does not have READ VOLUME on Volume 'c.s.v'.", "GRANT READ VOLUME ON VOLUME `c`.`s`.`v` TO `5f2c`;"},
    };
    for (const auto& one : all) {
        const auto why = statement_failure({"01f0", "", "BAD_REQUEST", one.message}, "5f2c");
        EXPECT_EQ(why.id, "permission.missing");
        EXPECT_NE(why.detail.find(one.grant), std::string::npos) << why.detail;
    }
    const auto unknown = statement_failure({"01f0", "42501", "", "User does not have SELECT on Table 'a.b.c'"}, "");
    EXPECT_NE(unknown.detail.find("GRANT SELECT ON TABLE `a`.`b`.`c` TO `<principal>`;"), std::string::npos);
}

TEST(StatementErrors, OddPermissionTextsAreNotMisread)
{
    for (const char* text : {"User does not have ", "User does not have X", "User does not have X on Y", "User does not have X on Y '",
                             "User does not have  on Catalog 'x", "User does not have X on 1234 'x'"})
        EXPECT_FALSE(find_missing_privilege(text).has_value()) << text;
    const auto got = find_missing_privilege("User does not have SELECT on Table 'a`b.c'");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(grant_text(*got, "x`; DROP"), "GRANT SELECT ON TABLE `a``b`.`c` TO `x``; DROP`;");
}

TEST(StatementErrors, ClassAndStateAreFoundInTheMessage)
{
    EXPECT_EQ(error_class_of("\n [DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES] x"), "DELTA_CONCURRENT_APPEND.ROW_LEVEL_CHANGES");
    for (const char* none : {"", "x", "[", "[]", "[lower] x", "x [CLASS] y", "[A B] x"}) EXPECT_EQ(error_class_of(none), "") << none;
    EXPECT_EQ(sql_state_of("x SQLSTATE: 42601 (line 1)"), "42601");
    EXPECT_EQ(sql_state_of("SQLSTATE: no SQLSTATE: 2D521"), "2D521");
    for (const char* none : {"", "SQLSTATE:", "SQLSTATE: 42", "SQLSTATE: abcde"}) EXPECT_EQ(sql_state_of(none), "") << none;
}

TEST(StatementErrors, TheStatementItselfStaysOutOfTheMessage)
{
    const auto why = statement_failure({"01f0", "", "", "[PARSE_SYNTAX_ERROR] near 'x'. SQLSTATE: 42601\n\n== SQL (line 1) ==\nINSERT secret"}, "");
    EXPECT_EQ(why.detail.find("INSERT secret"), std::string::npos);
    EXPECT_LE(short_message(std::string(5000, 'x')).size(), 400U);
}

}  // namespace
}  // namespace lakeferry::databricks
