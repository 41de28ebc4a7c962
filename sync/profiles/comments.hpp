// The data dictionary of tables that were there before this daemon: comments that nobody has written are put in.
#pragma once

#include "sync/profiles/pending.hpp"
#include "sync/profiles/table_lander.hpp"

#include <string_view>

namespace lakeferry::profiles {

// Statements of one run; what is left over waits for the next.
inline constexpr std::uint64_t comments_a_run = 100;

std::string comment_on_table(const place& at, std::string_view table, std::string_view comment,
                             const statement_label& label);

// At the end of a run, while the warehouse is awake anyway, for the tables that it loaded. Looked at once after the schema
// was read: a table whose comments are all there costs nothing, another one a request and a statement for each comment
// that is missing. What somebody wrote stays. A failure ("comment.not_set" in the log) fails no run; it is tried again
// after the schema was read anew.
rt::awaitable<void> add_missing_comments(landing_run& run, const pending_work& work, const std::string& warehouse_id);

}  // namespace lakeferry::profiles
