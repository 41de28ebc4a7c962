// The statements of an erasure, as text. Pure. Run on a real engine by tests/e2e.
//
// What names a person never travels: identifiers are compared by their salted SHA-256, so that neither the
// query history nor the history of a table (which keeps the predicate of every DELETE) learns them. Segment ids stand as
// they are: they are random, name nobody once the person is gone, and let the engine skip files.
#pragma once

#include "sync/core/erasure.hpp"
#include "sync/profiles/erasure_rows.hpp"
#include "sync/profiles/landing_sql.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::profiles {

// A table that may hold people, with those of its columns that matter.
struct erasure_target {
    std::string name{};
    bool events = false;
    std::vector<std::string> profile{};      // of profile_columns()
    std::vector<std::string> identifiers{};  // of event tables
    bool external_ids = false;
    bool rescued = false;
    bool processed = false;  // it has uuid_ts
};

// So many people at once that a statement stays short.
struct erasure_slice {
    std::vector<std::string> segments{};
    std::map<std::string, std::vector<std::string>> by_column{};  // hashes
    std::vector<std::string> any{};                               // all hashes
    std::string salt{};
    std::string cut{};  // "2026-01-31T23:59:59.123456Z": identifiers in rows made later may be a new person's
};
inline constexpr std::size_t erasure_slice_max = 200;  // ids, and identifiers
std::vector<erasure_slice> slices_of(const core::people& who, const columns_of_type& columns, const std::string& salt,
                                     const std::string& cut);

// Columns table_name, removed, blanked: how many rows each table holds, one row a table.
std::string census(const place& at, std::span<const erasure_target> targets, const erasure_slice& who,
                   const statement_label& label);
// Which tables of track events hold the people: column event. `tracks` has a row for each of their rows.
std::string event_tables_of(const place& at, const erasure_target& tracks, const erasure_slice& who,
                            const statement_label& label);
std::string delete_rows(const place& at, const erasure_target& t, const erasure_slice& who, const statement_label& label);
// Identifiers of the people in rows of others become NULL.
std::string blank_rows(const place& at, const erasure_target& t, const erasure_slice& who, const statement_label& label);
// Rewrites the files that hold deleted rows (deletion vectors leave them where they are), so that VACUUM can remove them.
std::string purge(const place& at, std::string_view table, const statement_label& label);
std::string vacuum(const place& at, std::string_view table, const statement_label& label);

}  // namespace lakeferry::profiles
