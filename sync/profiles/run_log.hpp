// Reports of runs on their way into the space's schema, where _lakeferry_syncs shows them.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/profiles/run_report.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lakeferry::profiles {

inline constexpr std::uint64_t runs_kept_in_schema = 1000;
inline constexpr unsigned reports_a_statement = 20;

// A report travels with the statement that moves the fences. Where no fence is to be moved it waits for a run that has
// one, yet no longer than this, so that it seldom costs a statement of its own.
inline constexpr std::int64_t report_waits_us = 15LL * 60 * 1'000'000;
bool worth_a_statement(bool fences_owed, std::int64_t last_reported_us, std::int64_t now_us) noexcept;

report_row row_of(const run_report& r, const std::string& state_directory);
// Leaves a table's rows to the statement that takes the report along: stands in r for them, and in the sums that they are a
// part of. Answers the numbers of its JSON that wait for the count.
late_numbers leave_open(run_report& r, const std::string& table);
// The number before which the schema forgets reports, every now and then; 0: not now.
std::uint64_t forget_before(std::uint64_t run) noexcept;

// What the last statement of a run takes along.
struct last_words {
    std::vector<report_row> reports{};
    std::uint64_t upto = 0;           // the run of the newest of them
    std::uint64_t forget_before = 0;
    late_numbers open{};              // as leave_open() answers
    bool said = false;                // the statement has ended well
};

// Earlier runs whose report is not in the schema, oldest first, at most reports_a_statement: those that ended without a
// statement, or failed. Blocking: workers only, as the next.
rt::outcome<std::vector<run_report>> unreported(store::store& in, std::uint32_t space);
rt::outcome<void> mark_reported(store::store& in, std::uint32_t space, std::uint64_t run);

}  // namespace lakeferry::profiles
