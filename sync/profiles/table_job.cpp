#include "sync/profiles/table_job.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"
#include "sync/profiles/record_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

constexpr std::size_t ended_kept = 20;
constexpr std::array<const char*, 3> kinds{"backfill", "retype", "optimize"};
constexpr std::array<const char*, 5> steps{"asked", "landing", "converting", "done", "failed"};

template <class Enum, std::size_t N>
Enum read_name(const std::array<const char*, N>& names, const json::value& from)
{
    const auto found = std::find_if(names.begin(), names.end(), [&](const char* n) { return from.as_string() == n; });
    if (found == names.end()) throw std::invalid_argument("name");
    return static_cast<Enum>(found - names.begin());
}

// 16 bytes are no text.
std::string to_hex(std::string_view bytes)
{
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        out += digits[static_cast<unsigned char>(c) >> 4U];
        out += digits[static_cast<unsigned char>(c) & 0xFU];
    }
    return out;
}

std::string from_hex(std::string_view text)
{
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        unsigned byte = 0;
        std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
        out += static_cast<char>(byte);
    }
    return out;
}

std::string job_key(std::uint32_t space, std::uint64_t number)
{
    std::string digits = std::to_string(number);
    return core::space_meta_key(space, "job/" + std::string(12 - std::min<std::size_t>(12, digits.size()), '0') + digits);
}

table_job from(const json::object& o)
{
    table_job j;
    j.number = number_of(o, "number");
    j.kind = read_name<job_kind>(kinds, o.at("kind"));
    j.step = read_name<job_step>(steps, o.at("step"));
    j.tables = texts_of(o, "tables");
    j.column = text_of(o, "column");
    j.to = core::column_type_of(text_of(o, "type")).value();
    j.rescue = o.at("rescue").as_bool();
    j.fill.cursor = from_hex(text_of(o, "cursor"));
    j.fill.profiles = number_of(o, "profiles");
    j.fill.rows = number_of(o, "rows");
    j.fill.first_seq = number_of(o, "first_seq");
    j.fill.last_batch = number_of(o, "last_batch");
    j.fill.finished = o.at("written").as_bool();
    j.taken_back = number_of(o, "taken_back");
    j.rescued = number_of(o, "rescued");
    j.asked_us = signed_of(o, "asked_us");
    j.ended_us = signed_of(o, "ended_us");
    j.attempts = o.at("attempts").to_number<unsigned>();
    j.error_id = text_of(o, "error_id");
    j.error = text_of(o, "error");
    j.notes = texts_of(o, "notes");
    return j;
}

}  // namespace

const char* to_string(job_kind k) noexcept { return kinds.at(static_cast<std::size_t>(k)); }
const char* to_string(job_step s) noexcept { return steps.at(static_cast<std::size_t>(s)); }

std::string encode_job(const table_job& j)
{
    return json::serialize(json::object{{"number", j.number},
                                        {"kind", to_string(j.kind)},
                                        {"step", to_string(j.step)},
                                        {"tables", json::array(j.tables.begin(), j.tables.end())},
                                        {"column", j.column},
                                        {"type", core::sql_name(j.to)},
                                        {"rescue", j.rescue},
                                        {"cursor", to_hex(j.fill.cursor)},
                                        {"profiles", j.fill.profiles},
                                        {"rows", j.fill.rows},
                                        {"first_seq", j.fill.first_seq},
                                        {"last_batch", j.fill.last_batch},
                                        {"written", j.fill.finished},
                                        {"taken_back", j.taken_back},
                                        {"rescued", j.rescued},
                                        {"asked_us", j.asked_us},
                                        {"ended_us", j.ended_us},
                                        {"attempts", j.attempts},
                                        {"error_id", j.error_id},
                                        {"error", j.error},
                                        {"notes", json::array(j.notes.begin(), j.notes.end())}});
}

rt::outcome<table_job> decode_job(std::string_view stored)
{
    const rt::failure damaged{rt::retry_class::never, "jobs.damaged", "a stored job cannot be read: restore the state directory"};
    return read_record(stored, damaged, from);
}

rt::outcome<std::vector<table_job>> all_jobs(store::store& in, std::uint32_t space)
{
    std::vector<table_job> all;
    std::optional<rt::failure> bad;
    const std::string from = core::space_meta_key(space, "job/");
    auto scanned = in.scan(store::family::meta, from, core::prefix_end(from), [&](std::string_view, std::string_view value) {
        auto one = decode_job(value);
        if (one.has_error()) {
            bad = one.error();
            return false;
        }
        all.push_back(std::move(*one));
        return true;
    });
    if (scanned.has_error()) return scanned.error();
    if (bad) return *bad;
    return all;
}

void put_job(store::batch& to, std::uint32_t space, const table_job& j)
{
    to.put(store::family::meta, job_key(space, j.number), encode_job(j));
}

rt::outcome<void> save_job(store::store& in, std::uint32_t space, const table_job& j)
{
    store::batch changes;
    put_job(changes, space, j);
    return in.write(std::move(changes), store::durable::yes);
}

rt::outcome<table_job> add_job(store::store& in, std::uint32_t space, table_job j)
{
    auto all = all_jobs(in, space);
    if (all.has_error()) return all.error();
    j.number = all->empty() ? 1 : all->back().number + 1;
    store::batch changes;
    put_job(changes, space, j);
    auto ended = static_cast<std::size_t>(std::count_if(all->begin(), all->end(), [](const table_job& o) { return !o.open(); }));
    for (const auto& old : *all) {
        if (ended <= ended_kept) break;
        if (old.open()) continue;
        changes.remove(store::family::meta, job_key(space, old.number));
        --ended;
    }
    if (auto written = in.write(std::move(changes), store::durable::yes); written.has_error()) return written.error();
    return j;
}

}  // namespace lakeferry::profiles
