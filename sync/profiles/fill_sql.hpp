// The statement for rows that may have landed before: fillings, and loads that are sent anew.
#pragma once

#include "sync/profiles/landing_sql.hpp"

#include <string>

namespace lakeferry::profiles {

// MERGE that inserts the rows that the append-only table lacks, and puts values where rows that are there have none (columns
// that were left out); it changes nothing else. Sent twice, or late, it changes nothing. Of rows that came twice one counts.
// A row is there if its table has one
//   id_graph_updates               with the same segment_id and canonical_segment_id (a pair never comes back),
//   external_id_mapping_updates    with the same external_id_hash (there is one per identifier),
//   profile_traits_updates         with the same seq; a filled snapshot also with the same profile and received_at,
//   events                         with the same id.
// path: staged files, one or a pattern; empty: the rows travel in :rows. Not pruned by time, for the rows may be of any.
std::string merge_missing(const place& at, const core::table& t, const std::string& path, const statement_label& label);

// After a current table was filled: rows older than the filling are of keys that are no more. `below`: its first seq.
std::string sweep_stale(const place& at, const core::table& t, std::uint64_t below, const statement_label& label);

}  // namespace lakeferry::profiles
