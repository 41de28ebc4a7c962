// OPTIMIZE where small files pile up (Databricks' public docs: OPTIMIZE, predictive optimization). Only at the end of a run,
// in a warehouse that is awake anyway, and never a reason for a run to fail.
#pragma once

#include "sync/profiles/pending.hpp"
#include "sync/profiles/table_lander.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// What has been loaded into a table since it was last optimized, as far as we know. Every load leaves small files behind.
struct table_wear {
    std::uint64_t loads = 0;
    std::uint64_t bytes = 0;  // uncompressed
};
// By table. In the store's family meta; blocking.
rt::outcome<std::map<std::string, table_wear>> read_wear(store::store& in, std::uint32_t space);
rt::outcome<void> write_wear(store::store& in, std::uint32_t space, const std::map<std::string, table_wear>& wear);

// So many loads, and small ones: OPTIMIZE puts files together up to about 1 GiB, and a table that was loaded in large pieces
// gains nothing.
inline constexpr std::uint64_t worn_loads = 100;
inline constexpr std::uint64_t small_load_bytes = 64ULL << 20;
// Of one run; the others wait for the next.
inline constexpr std::size_t optimized_a_run = 10;

// Tables that are due, the most worn first.
std::vector<std::string> worn_tables(const std::map<std::string, table_wear>& wear);

std::string optimize_table(const place& at, std::string_view table, const statement_label& label);

// Counts the loads of a run, and optimizes what is due if `enabled`.
rt::awaitable<void> care_for_tables(landing_run& run, const pending_work& work, bool enabled, const std::string& warehouse_id);
// By hand: these tables, or all that have landed.
struct hand_care {
    std::vector<std::string> notes{};   // what there is to say of each table
    std::vector<std::string> failed{};  // those of them that were to be optimized and could not be
};
rt::awaitable<hand_care> optimize_by_hand(landing_run& run, const pending_work& work, std::vector<std::string> tables,
                                          const std::string& warehouse_id);

}  // namespace lakeferry::profiles
