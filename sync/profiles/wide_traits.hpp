// profile_traits: profiles as one wide row each. Made by the warehouse from the update tables that have landed, so that
// no snapshot is staged twice: of all rows of a segment id in id_graph_updates and profile_traits_updates the newest
// one says what the profile shows. A snapshot gives its traits; a row of the graph gives none, and merged_to if it
// points away.
#pragma once

#include "sync/core/table.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::profiles {

inline constexpr std::string_view wide_table = "profile_traits";
inline constexpr std::string_view graph_log = "id_graph_updates";
inline constexpr std::string_view traits_log = "profile_traits_updates";
constexpr bool is_wide_log(std::string_view table) noexcept { return table == graph_log || table == traits_log; }

// How far profile_traits is. Kept in the store's family meta, moved in the same step as the loads.
struct wide_progress {
    std::uint64_t upto = 0;      // every row of the logs up to this seq is in it
    std::uint64_t log_load = 0;  // the last load of a log that is perhaps not in it; 0: it is current
};
// Blocking: workers only.
rt::outcome<wide_progress> read_wide_progress(store::store& in, std::uint32_t space);
// The next run fills profile_traits from the whole of its logs: the table is new, or columns of it are to be filled
// again.
rt::outcome<void> reset_wide_progress(store::store& in, std::uint32_t space);
// A load of a log has landed.
void note_log_landed(store::batch& to, std::uint32_t space, std::uint64_t load);
// The same, with rows that may be older than what profile_traits has already: it is looked at from the beginning.
void note_log_filled(store::batch& to, std::uint32_t space, std::uint64_t load);
// A load of profile_traits has landed. `now`: as it is in the store.
void note_wide_landed(store::batch& to, std::uint32_t space, const load& landed, const wide_progress& now);

// Rows of the logs with from < seq <= upto. from = 0 also writes again what is there with the same seq (columns that
// were left out before). Guarded and fenced like every keyed table: sent twice it changes nothing, and late, nothing.
struct wide_source {
    std::uint64_t from = 0;
    std::uint64_t upto = 0;
    const core::table* traits =
        nullptr;  // profile_traits_updates with its columns; nullptr: there is no such table yet
};
std::string merge_wide(const place& at,
                       const core::table& wide,
                       const wide_source& source,
                       const statement_label& label);
// The same as the part of a script.
std::string wide_part(const place& at, const core::table& wide, const wide_source& source, std::uint64_t load);
// One number: how many rows of profile_traits have a seq inside the bounds, which are those that the statement writes; 0 if
// another owner of the schema has moved the fence.
std::string count_wide(const place& at, const wide_source& source, std::uint64_t load);

}  // namespace lakeferry::profiles
