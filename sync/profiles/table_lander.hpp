// Lands one table: finishes what an earlier run left, then stages and sends slice after slice.
#pragma once

#include "sync/core/outbox_block.hpp"
#include "sync/profiles/fences.hpp"
#include "sync/profiles/lease.hpp"
#include "sync/profiles/load_sender.hpp"
#include "sync/profiles/run_report.hpp"
#include "sync/profiles/structure.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// What the tables of one run share. Owned by the run.
struct landing_run {
    sync_parts& with;
    const core::limits& limits;
    std::string space;
    std::uint32_t space_number;
    std::uint64_t number;         // of the run
    std::uint64_t frozen;         // rows of later batches wait
    std::uint64_t last_load = 0;  // numbers given out
    structure& shape;
    load_journal& journal;
    load_sender& sender;
    debts& owed;
    run_report& report;
    rt::deadline limit;
    lease& hold;
    run_meters& meters;

    std::uint64_t more_statements = 0;  // of jobs and table care

    // Before a load of a table is sent: the schema is still ours, and the load before it must not land any more.
    rt::awaitable<rt::outcome<void>> may_send(std::string table);
    statement_label label(std::uint64_t load = 0) const { return {space, number, load}; }
    // Sent so far.
    std::uint64_t statements() const noexcept
    {
        return shape.statements_sent() + sender.statements_sent() + owed.statements_sent() + hold.statements_sent() +
               more_statements;
    }
};

class closing;

// Counts a load that has landed.
void note_landed(run_report& report, const load& l);

class table_lander {
public:
    // fill: lands the table's second lane, rows that may be there already. last: of the run's loads, and what travels with it;
    // nullptr: others come behind it. Outlives this.
    table_lander(landing_run& run, core::table table, bool fill = false, closing* last = nullptr)
        : run_(run), table_(std::move(table)), fill_(fill), closing_(last)
    {
        if (fill_) table_.number |= core::fill_lane;
    }

    // stage_more: false: the table is left out by now, only what is under way is finished. unfinished: staged loads of this table of earlier runs, in order. Reports rows and errors into the run's
    // report; the failure is also returned, so that the run can stop where it would hit every table.
    rt::awaitable<rt::outcome<void>> land(std::vector<load> unfinished, bool stage_more = true);

private:
    rt::awaitable<rt::outcome<void>> finish(load& l, bool fresh, std::vector<inline_part> rows);
    rt::awaitable<rt::outcome<void>> send(load& l, bool fresh, load_sender::rows_of_part rows);
    rt::awaitable<rt::outcome<bool>> files_are_gone(load& l, const rt::failure& why);
    rt::awaitable<rt::outcome<void>> volume_again();
    rt::awaitable<rt::outcome<void>> landed(load& l);
    rt::awaitable<rt::outcome<std::optional<load>>> stage(std::vector<inline_part>& rows);
    rt::awaitable<rt::outcome<bool>> upload_append(load& l, slice_facts& facts);
    rt::awaitable<rt::outcome<bool>> upload_keyed(load& l, slice_facts& facts);
    rt::awaitable<rt::outcome<void>> upload(load& l, staged_file file);
    rt::awaitable<rt::outcome<std::vector<inline_part>>> pack(load& l, slice_facts& facts);
    rt::awaitable<rt::outcome<std::vector<inline_part>>> pack_again(const load& l);
    void write_parts(load& l, const slice_facts& facts, const std::vector<inline_part>& rows);
    std::size_t slice_bytes(bool with_files) const noexcept;
    std::string file_stem(const load& l) const;
    std::string path_of(const load& l) const;

    landing_run& run_;
    core::table table_;
    bool fill_;
    closing* closing_;
    std::string nonce_{};  // of the load in hand
};

}  // namespace lakeferry::profiles
