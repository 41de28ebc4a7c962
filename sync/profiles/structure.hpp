// Schema, volume, tables, views and columns: reads what exists, creates only what is missing.
#pragma once

#include "net/rt/deadline.hpp"
#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/profiles/phase_meter.hpp"
#include "sync/profiles/views.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// What a run needs; tables: those that are missing.
struct wanted_parts {
    bool volume = false;
    std::vector<core::table> tables{};
    std::vector<view> views{};  // made as far as their tables are there then
};

// What is known of one space's schema. The picture is read by the REST API (which wakes no warehouse) once and
// then kept up by what we do ourselves; forget() after an error that says it was wrong.
class structure {
public:
    structure(databricks::statements& sql, place at, std::string warehouse_id)
        : sql_(sql), at_(std::move(at)), warehouse_id_(std::move(warehouse_id))
    {
    }

    // Afterwards it is known what exists: one look by the REST API, unless it is known.
    rt::awaitable<rt::outcome<void>> know(bool with_volume, rt::deadline limit);
    // After know(), with the lease settled as far as there is a fence table: makes all that is missing, also schema, fence
    // table and volume, with one statement, a script (more if it is very long). Nothing is sent where a script would save
    // nothing, or is refused. A failure is the script's: what it has not made is for the single steps below to make or
    // to explain, after a new look at the lease, for it also ends at a fence table that another daemon has made
    // meanwhile.
    rt::awaitable<rt::outcome<void>> make_together(wanted_parts wanted, statement_label label, rt::deadline limit);
    // As databricks::statements knows of the warehouse.
    bool takes_scripts() const { return sql_.takes_scripts(warehouse_id_); }
    bool note_if_no_scripts(const rt::failure& why) { return sql_.note_if_no_scripts(warehouse_id_, why); }
    // Afterwards schema and (if asked for) volume exist, and the fence table, whose owner we are if it is new.
    rt::awaitable<rt::outcome<void>> ensure_schema(bool with_volume, statement_label label, rt::deadline limit);
    // Afterwards the table has at least these columns; one statement at the most. Failures of its own: "table.foreign"
    // (never; there is something else of that name), "table.column_type" (never; a column has a type that cannot hold
    // ours).
    rt::awaitable<rt::outcome<void>> ensure_table(core::table wanted, statement_label label, rt::deadline limit);
    // Afterwards the views exist whose tables do. Something else of a view's name is left alone; its name is returned.
    rt::awaitable<rt::outcome<std::vector<std::string>>> ensure_views(std::vector<view> wanted, statement_label label,
                                                                      rt::deadline limit);
    void forget() noexcept { read_ = false; }
    // Who is written into a fence table that is made.
    void set_owner(lease_holder owner) { owner_ = std::move(owner); }
    // As far as is known.
    bool has_table(const std::string& name) const;
    // True once for a table that was found with something that has no comment.
    bool take_bare(const std::string& name);
    // Statements of a run count their time here; nullptr: nowhere.
    void set_meter(phase_meter* meter) noexcept { meter_ = meter; }

    const place& at() const noexcept { return at_; }
    // False: the volume is missing and may not be created; rows then travel inside the statements.
    bool volume_usable() const noexcept { return volume_exists_; }
    const std::string& volume_problem() const noexcept { return volume_problem_; }
    // Something of the volume was refused after all.
    void give_up_volume(std::string why)
    {
        volume_exists_ = false;
        volume_problem_ = std::move(why);
    }
    // Since the last reset_count().
    std::uint64_t statements_sent() const noexcept { return sent_; }
    void reset_count() noexcept { sent_ = 0; }

private:
    struct relation {
        std::vector<std::uint64_t> columns{};  // sorted marks of its columns: small, because it stays between runs
        std::string type{};                    // "MANAGED" is left empty
        std::string comment{};                 // of a view
        bool bare = false;                     // a table of which something has no comment
    };

    rt::awaitable<rt::outcome<void>> read(bool with_volume, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> send(std::string text, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> ensure_fence_table(statement_label label, rt::deadline limit);
    void note(const databricks::table_info& seen);
    struct script_plan;
    script_plan plan(const wanted_parts& wanted) const;
    // False: it is there in this form, somebody else's, or made of tables that are not there (nor in `soon`).
    bool view_missing(const view& v, const std::vector<core::table>& soon) const;
    // What of the table is missing, or a failure that a second look may take back.
    rt::outcome<std::vector<core::column>> missing_in(const relation& known, const core::table& wanted) const;

    databricks::statements& sql_;
    place at_;
    std::string warehouse_id_;
    bool read_ = false;
    bool schema_exists_ = false;
    bool volume_exists_ = false;
    std::string volume_problem_;
    // Refused when they were last made: kept out of scripts, which would end there.
    bool volume_refused_ = false;
    bool view_refused_ = false;
    std::map<std::string, relation> relations_;
    lease_holder owner_{};
    phase_meter* meter_ = nullptr;
    std::uint64_t sent_ = 0;
};

}  // namespace lakeferry::profiles
