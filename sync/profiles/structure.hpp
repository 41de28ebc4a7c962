// Schema, volume, tables and columns: reads what exists, creates only what is missing.
#pragma once

#include "net/rt/deadline.hpp"
#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/databricks/statements.hpp"
#include "sync/profiles/landing_sql.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lakeferry::profiles {

// What is known of one space's schema. The picture is read by the REST API (which wakes no warehouse) once and
// then kept up by what we do ourselves; forget() after an error that says it was wrong.
class structure {
public:
    structure(databricks::statements& sql, place at, std::string warehouse_id)
        : sql_(sql), at_(std::move(at)), warehouse_id_(std::move(warehouse_id))
    {
    }

    // Afterwards schema and (if asked for) volume exist, and the fence table.
    rt::awaitable<rt::outcome<void>> ensure_schema(bool with_volume, statement_label label, rt::deadline limit);
    // Afterwards the table has at least these columns; one statement at the most.
    rt::awaitable<rt::outcome<void>> ensure_table(core::table wanted, statement_label label, rt::deadline limit);
    void forget() noexcept { read_ = false; }

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
    rt::awaitable<rt::outcome<void>> read(bool with_volume, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> send(std::string text, rt::deadline limit);

    databricks::statements& sql_;
    place at_;
    std::string warehouse_id_;
    bool read_ = false;
    bool schema_exists_ = false;
    bool volume_exists_ = false;
    std::string volume_problem_;
    // Table -> sorted digests of its columns, compared without case: small, because it stays between runs.
    std::map<std::string, std::vector<std::uint64_t>> columns_;
    std::uint64_t sent_ = 0;
};

}  // namespace lakeferry::profiles
