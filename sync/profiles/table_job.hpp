// Work on tables that somebody asked for: fill them, give a column another type, compact files. It is written down first
// and carried out by runs, so that it survives crashes and goes on where it stopped.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/table.hpp"
#include "sync/identity/backfill.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace lakeferry::profiles {

enum class job_kind : std::uint8_t { backfill, retype, optimize };
const char* to_string(job_kind k) noexcept;

// backfill: asked → landing (all rows are in the outbox) → done. retype: asked → converting (rows that come from now on
// have the new type; nothing is loaded into the table meanwhile) → done. optimize: asked → done. failed: it was refused,
// and nothing has changed.
enum class job_step : std::uint8_t { asked, landing, converting, done, failed };
const char* to_string(job_step s) noexcept;

struct table_job {
    std::uint64_t number = 0;  // of the space
    job_kind kind = job_kind::backfill;
    job_step step = job_step::asked;
    std::vector<std::string> tables{};  // retype: one; optimize: none means all
    std::string column{};               // retype
    core::column_type to = core::column_type::string;
    bool rescue = false;                // retype: values that do not fit go to _rescued_data instead of stopping it
    identity::backfill_progress fill{};
    std::uint64_t taken_back = 0;  // retype: rescued values that fit now
    std::uint64_t rescued = 0;     // values that did not fit
    std::int64_t asked_us = 0;
    std::int64_t ended_us = 0;
    unsigned attempts = 0;
    std::string error_id{};  // of the last attempt
    std::string error{};
    std::vector<std::string> notes{};  // what there is to know of it when it has ended

    bool open() const noexcept { return step != job_step::done && step != job_step::failed; }
};

std::string encode_job(const table_job& j);
rt::outcome<table_job> decode_job(std::string_view stored);

// The jobs of a space in the store's family meta. Blocking: workers only.
rt::outcome<std::vector<table_job>> all_jobs(store::store& in, std::uint32_t space);  // by number
// Gives it a number and forgets all but the newest 20 that have ended.
rt::outcome<table_job> add_job(store::store& in, std::uint32_t space, table_job j);
void put_job(store::batch& to, std::uint32_t space, const table_job& j);
rt::outcome<void> save_job(store::store& in, std::uint32_t space, const table_job& j);

}  // namespace lakeferry::profiles
