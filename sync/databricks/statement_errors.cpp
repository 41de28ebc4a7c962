// The class of every failed statement. Databricks' public docs: SQLSTATE error codes, error classes; Delta
// Lake's public docs: concurrency control.
#include "sync/databricks/errors.hpp"

#include <array>

namespace lakeferry::databricks {

using rt::failure;
using rt::retry_class;

namespace {

bool has(std::string_view text, std::string_view part) noexcept
{
    return text.find(part) != std::string_view::npos;
}

struct rule {
    std::string_view key;
    const char* id;
    const char* words;
};

// Prefixes of error classes: sub-classes follow after a dot. They say more than the state does.
constexpr std::array classes{
    rule{"TABLE_OR_VIEW_NOT_FOUND", "table.not_found", "A table or view does not exist, or is hidden from the principal."},
    rule{"DELTA_TABLE_NOT_FOUND", "table.not_found", "A table does not exist any more."},
    rule{"DELTA_PATH_DOES_NOT_EXIST", "table.not_found", "A table does not exist any more."},
    rule{"NO_SUCH_CATALOG_EXCEPTION", "catalog.not_found", "The catalog does not exist, or is hidden from the principal: check its name, or grant USE CATALOG on it."},
    rule{"CATALOG_NOT_FOUND", "catalog.not_found", "The catalog does not exist, or is hidden from the principal: check its name, or grant USE CATALOG on it."},
    rule{"SCHEMA_NOT_FOUND", "schema.not_found", "The schema does not exist, or is hidden from the principal."},
    rule{"VOLUME_NOT_FOUND", "volume.not_found", "The volume does not exist, or is hidden from the principal."},
    rule{"VOLUME_DOES_NOT_EXIST", "volume.not_found", "The volume does not exist, or is hidden from the principal."},
    rule{"PATH_NOT_FOUND", "file.not_found", "A staged file is not there any more."},
    rule{"FAILED_READ_FILE.FILE_NOT_EXIST", "file.not_found", "A staged file is not there any more."},
    rule{"FAILED_READ_FILE.NO_HINT", "statement.unreadable_file", "A staged file could not be read."},
    rule{"COPY_INTO_SOURCE_FILE_NOT_FOUND", "file.not_found", "A staged file is not there any more."},
    rule{"UNRESOLVED_COLUMN", "column.not_found", "A column does not exist."},
    rule{"DELTA_COLUMN_NOT_FOUND", "column.not_found", "A column does not exist."},
    rule{"DELTA_MERGE_UNRESOLVED_EXPRESSION", "column.not_found", "A column does not exist."},
    rule{"FIELD_ALREADY_EXISTS", "column.exists", "A column exists already."},
    rule{"FIELDS_ALREADY_EXISTS", "column.exists", "A column exists already."},
    rule{"COLUMN_ALREADY_EXISTS", "column.exists", "A column exists already."},
    rule{"DELTA_DUPLICATE_COLUMNS_FOUND", "column.exists", "A column exists already."},
    rule{"DELTA_TABLE_ALREADY_EXISTS", "table.exists", "The table exists already."},
    rule{"TABLE_OR_VIEW_ALREADY_EXISTS", "table.exists", "The table exists already."},
    rule{"SCHEMA_ALREADY_EXISTS", "schema.exists", "The schema exists already."},
    rule{"VOLUME_ALREADY_EXISTS", "volume.exists", "The volume exists already."},
    rule{"DELTA_MULTIPLE_SOURCE_ROW_MATCHING", "statement.duplicate_source", "Two source rows matched one row of the table."},
};

constexpr std::array states{
    rule{"42P01", "table.not_found", "A table or view does not exist, or is hidden from the principal."},
    rule{"42P06", "schema.exists", "The schema exists already."},
    rule{"42P07", "table.exists", "The table exists already."},
    rule{"42710", "column.exists", "A column exists already."},
    rule{"42711", "column.exists", "A column exists already."},
    rule{"42703", "column.not_found", "A column does not exist."},
    rule{"42704", "schema.not_found", "A catalog, schema or volume does not exist, or is hidden from the principal."},
    rule{"42601", "statement.parse", "The warehouse does not understand the statement."},
    rule{"42K03", "file.not_found", "A staged file is not there any more."},
    rule{"42KDG", "statement.mismatch", "The rows do not fit the schema of the table."},
    rule{"22003", "statement.type", "A number does not fit the type of its column."},
    rule{"21506", "statement.duplicate_source", "Two source rows matched one row of the table."},
    rule{"0A000", "statement.unsupported", "The warehouse does not support this."},
};

bool is_class(std::string_view found, std::string_view prefix) noexcept
{
    return found.starts_with(prefix);
}

bool is_conflict(std::string_view state, std::string_view error_class) noexcept
{
    if (state == "2D521" || state == "40000") return true;
    for (const std::string_view prefix : {"DELTA_CONCURRENT_", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED",
                                          "DELTA_MAX_COMMIT_RETRIES_EXCEEDED"})
        if (is_class(error_class, prefix)) return true;
    return false;
}

bool is_passing(std::string_view code) noexcept
{
    for (const std::string_view one :
         {"ABORTED", "DEADLINE_EXCEEDED", "INTERNAL_ERROR", "IO_ERROR", "RESOURCE_EXHAUSTED", "SERVICE_UNDER_MAINTENANCE",
          "TEMPORARILY_UNAVAILABLE", "UNAUTHENTICATED", "WORKSPACE_TEMPORARILY_UNAVAILABLE"})
        if (code == one) return true;
    return false;
}

std::string tail(const statement_error& e)
{
    return " (statement " + e.statement_id + ": " + short_message(e.message) + ")";
}

failure permission(const statement_error& e, const std::string& principal)
{
    const std::string who = principal.empty() ? "The principal" : "The principal " + principal;
    if (const auto missing = find_missing_privilege(e.message))
        return {retry_class::never, "permission.missing",
                who + " lacks " + missing->privilege + " on " + missing->object + ": " + grant_text(*missing, principal) + tail(e)};
    return {retry_class::never, "permission.missing", who + " lacks a privilege for this statement." + tail(e)};
}

// 42704 is said of catalogs, schemas and volumes alike.
rule refined(const rule& r, std::string_view message)
{
    if (r.key != "42704") return r;
    if (has(message, "atalog") && !has(message, "chema"))
        return {r.key, "catalog.not_found", "The catalog does not exist, or is hidden from the principal."};
    if (has(message, "olume ")) return {r.key, "volume.not_found", "The volume does not exist, or is hidden from the principal."};
    return r;
}

failure by_state(std::string_view state, const statement_error& e)
{
    for (const auto& one : states) {
        if (state != one.key) continue;
        const auto r = refined(one, e.message);
        return {retry_class::never, r.id, r.words + tail(e)};
    }
    if (state.starts_with("22"))
        return {retry_class::never, "statement.type", "A value does not fit the type of its column." + tail(e)};
    if (state.starts_with("23"))
        return {retry_class::never, "statement.constraint", "A constraint of the table (NOT NULL or CHECK) refuses a row." + tail(e)};
    if (has(e.message, "25 MiB") || has(e.message, "Inline byte limit exceeded"))
        return {retry_class::never, "statement.too_large", "The result is larger than what one answer may hold (25 MiB)." + tail(e)};
    if (is_passing(e.error_code))
        return {retry_class::transient, "statement.failed", "The warehouse could not finish the statement." + tail(e)};
    return {retry_class::never, "statement.failed", "The statement failed." + tail(e)};
}

}  // namespace

failure statement_failure(const statement_error& error, const std::string& principal)
{
    const auto state = error.sql_state.empty() ? sql_state_of(error.message) : std::string_view(error.sql_state);
    const auto found = error_class_of(error.message);
    if (state == "2DKD0" || is_class(found, "DELTA_POST_COMMIT_HOOK_FAILED"))
        return {retry_class::never, "statement.committed",
                "The data was committed; a step after the commit failed." + tail(error)};
    if (state == "42501" || has(error.message, "INSUFFICIENT_PERMISSIONS") || has(error.message, "PERMISSION_DENIED"))
        return permission(error, principal);
    if (is_conflict(state, found))
        return {retry_class::transient, "statement.conflict",
                "Another writer changed the table at the same time; nothing was committed." + tail(error)};
    if (state == "57014" || error.error_code == "CANCELLED")
        return {retry_class::transient, "statement.canceled", "The statement was cancelled." + tail(error)};
    for (const auto& one : classes)
        if (is_class(found, one.key)) return {retry_class::never, one.id, one.words + tail(error)};
    return by_state(state, error);
}

}  // namespace lakeferry::databricks
