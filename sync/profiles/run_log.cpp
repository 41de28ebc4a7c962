#include "sync/profiles/run_log.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"

#include <set>

namespace lakeferry::profiles {

namespace {

constexpr std::uint64_t clean_every = 50;

std::string mark_key(std::uint32_t space) { return core::space_meta_key(space, "reported"); }

}  // namespace

bool worth_a_statement(bool fences_owed, std::int64_t last_reported_us, std::int64_t now_us) noexcept
{
    return fences_owed || now_us < last_reported_us || now_us - last_reported_us >= report_waits_us;
}

report_row row_of(const run_report& r, const std::string& state_directory)
{
    return {.key = "run " + state_directory + " " + std::to_string(r.number), .run = r.number, .report = to_json(r)};
}

late_numbers leave_open(run_report& r, const std::string& table)
{
    // More than any count of rows, so that it is found in the JSON.
    constexpr std::uint64_t to_come = 1'000'000'000'000'000'000;
    const auto family = family_of(table);
    auto& of_table = r.tables[table].rows;
    of_table += to_come;
    std::uint64_t of_family = 0;
    for (const auto& [name, t] : r.tables)
        if (family_of(name) == family) of_family += t.rows;
    late_numbers open;
    for (const auto number : std::set{of_table, of_family, r.rows()}) open.emplace_back(number, number - to_come);
    return open;
}

std::uint64_t forget_before(std::uint64_t run) noexcept
{
    return run % clean_every == 0 && run > runs_kept_in_schema ? run - runs_kept_in_schema + 1 : 0;
}

rt::outcome<std::vector<run_report>> unreported(store::store& in, std::uint32_t space)
{
    auto stored = in.get(store::family::meta, mark_key(space));
    if (stored.has_error()) return stored.error();
    const std::uint64_t last = stored->has_value() && (**stored).size() == 8 ? core::read_be64(**stored) : 0;
    std::vector<run_report> out;
    auto scanned = in.scan(store::family::runs, core::key32_64(space, last + 1), core::prefix_end(core::key32(space)),
                           [&](std::string_view, std::string_view value) {
                               // One that cannot be read is not worth holding up the others.
                               if (auto one = report_from_json(value); one.has_value()) out.push_back(std::move(*one));
                               return out.size() < reports_a_statement;
                           });
    if (scanned.has_error()) return scanned.error();
    return out;
}

rt::outcome<void> mark_reported(store::store& in, std::uint32_t space, std::uint64_t run)
{
    std::string value;
    core::append_be64(value, run);
    store::batch changes;
    changes.put(store::family::meta, mark_key(space), value);
    return in.write(std::move(changes), store::durable::no);
}

}  // namespace lakeferry::profiles
