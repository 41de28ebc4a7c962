#include "sync/profiles/run_report.hpp"

#include "sync/core/keys.hpp"
#include "sync/profiles/record_fields.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

json::object table_json(const table_report& t)
{
    json::object o{{"rows", t.rows},   {"bytes", t.bytes},     {"files", t.files},
                   {"loads", t.loads}, {"rescued", t.rescued}};
    if (t.optimized) o["optimized"] = true;
    if (!t.error_id.empty()) o["error"] = {{"id", t.error_id}, {"message", t.error}};
    return o;
}

struct error_pair {
    std::string id{};
    std::string message{};
};

error_pair error_of(const json::object& o)
{
    const auto* e = o.if_contains("error");
    if (e == nullptr) return {};
    return {text_of(e->as_object(), "id"), text_of(e->as_object(), "message")};
}

table_report table_from(const json::object& o)
{
    table_report t;
    t.rows = number_of(o, "rows");
    t.bytes = number_of(o, "bytes");
    t.files = number_of(o, "files");
    t.loads = number_of(o, "loads");
    t.rescued = number_of(o, "rescued");
    t.optimized = o.contains("optimized");
    std::tie(t.error_id, t.error) = std::pair{error_of(o).id, error_of(o).message};
    return t;
}

run_status status_from(std::string_view s)
{
    for (const auto one : {run_status::success, run_status::partial, run_status::failed})
        if (s == to_string(one)) return one;
    return run_status::running;
}

// What reports of older versions lack is zero.
std::int64_t signed_or_zero(const json::object& o, std::string_view name)
{
    const auto* found = o.if_contains(name);
    return found == nullptr || found->is_null() ? 0 : found->to_number<std::int64_t>();
}

run_report from(const json::object& o)
{
    run_report r;
    r.number = number_of(o, "number");
    r.trigger = text_of(o, "trigger");
    r.status = status_from(o.at("status").as_string());
    r.started_us = signed_of(o, "started_us");
    r.ended_us = signed_of(o, "ended_us");
    const auto& phases = o.at("phases_us").as_object();
    r.warehouse_wait_us = signed_of(phases, "warehouse_wait");
    r.structure_us = signed_of(phases, "structure");
    r.load_us = signed_of(phases, "load");
    r.stage_us = signed_or_zero(phases, "stage");
    r.warehouse_us = signed_or_zero(o, "warehouse_us");
    r.oldest_us = signed_or_zero(o, "oldest_us");
    r.refused_before = static_cast<std::uint64_t>(signed_or_zero(o, "refused_before"));
    r.refused = static_cast<std::uint64_t>(signed_or_zero(o, "refused"));
    if (const auto* host = o.if_contains("host")) r.host = std::string(host->as_string());
    if (const auto* next = o.if_contains("next")) {
        r.next_us = signed_or_zero(next->as_object(), "at_us");
        r.next_why = text_of(next->as_object(), "why");
    }
    r.frozen_batch = number_of(o, "frozen_batch");
    r.statements = number_of(o, "statements");
    r.adopted = number_of(o, "adopted");
    r.woke_warehouse = o.at("woke_warehouse").as_bool();
    const auto error = error_of(o);
    r.error_id = error.id;
    r.error = error.message;
    for (const auto& [name, t] : o.at("tables").as_object()) r.tables.emplace(name, table_from(t.as_object()));
    return r;
}

}  // namespace

const char* to_string(run_status s) noexcept
{
    switch (s) {
        case run_status::running: return "running";
        case run_status::success: return "success";
        case run_status::partial: return "partial";
        case run_status::failed: return "failed";
    }
    return "running";
}

std::uint64_t run_report::sum(std::uint64_t table_report::*count) const noexcept
{
    std::uint64_t sum = 0;
    for (const auto& [name, t] : tables) sum += t.*count;
    return sum;
}

std::uint64_t run_report::rows() const noexcept { return sum(&table_report::rows); }

std::int64_t run_report::lag_us() const noexcept
{
    return oldest_us == 0 || ended_us == 0 ? 0 : std::max<std::int64_t>(0, ended_us - oldest_us);
}

std::string run_report::cause_id() const
{
    if (!error_id.empty()) return error_id;
    for (const auto& [name, t] : tables)
        if (!t.error_id.empty()) return t.error_id;
    return {};
}

std::string run_report::cause() const
{
    if (!error_id.empty()) return error;
    for (const auto& [name, t] : tables)
        if (!t.error_id.empty()) return "table " + name + ": " + t.error;
    return {};
}

std::string_view family_of(std::string_view table) noexcept
{
    constexpr std::array<std::string_view, 6> calls{"identifies", "tracks", "pages", "screens", "groups", "aliases"};
    constexpr std::array<std::string_view, 4> profiles{"user_traits", "user_identifiers", "profile_merges", "profile_traits"};
    constexpr std::array<std::string_view, 3> updates{"id_graph_updates", "external_id_mapping_updates",
                                                      "profile_traits_updates"};
    const auto one_of = [&](const auto& names) { return std::find(names.begin(), names.end(), table) != names.end(); };
    if (one_of(updates)) return "updates";
    if (one_of(profiles)) return "profiles";
    return one_of(calls) ? "calls" : "events";
}

run_status verdict(const run_report& r) noexcept
{
    const bool table_failed =
        std::any_of(r.tables.begin(), r.tables.end(), [](const auto& t) { return !t.second.error_id.empty(); });
    if (r.error_id.empty() && !table_failed) return run_status::success;
    return r.rows() > 0 ? run_status::partial : run_status::failed;
}

std::string to_json(const run_report& r)
{
    json::object tables;
    std::map<std::string_view, std::uint64_t> rows_of;
    for (const auto& [name, t] : r.tables) {
        tables[name] = table_json(t);
        rows_of[family_of(name)] += t.rows;
    }
    json::object families;
    for (const auto& [family, rows] : rows_of) families[family] = rows;
    json::object o{{"number", r.number},
                   {"host", r.host},
                   {"trigger", r.trigger},
                   {"status", to_string(r.status)},
                   {"started_us", r.started_us},
                   {"ended_us", r.ended_us},
                   {"rows", r.rows()},
                   {"rescued", r.sum(&table_report::rescued)},
                   {"refused", r.refused},
                   {"refused_before", r.refused_before},
                   {"bytes", r.sum(&table_report::bytes)},
                   {"files", r.sum(&table_report::files)},
                   {"phases_us",
                    {{"warehouse_wait", r.warehouse_wait_us},
                     {"structure", r.structure_us},
                     {"stage", r.stage_us},
                     {"load", r.load_us}}},
                   {"warehouse_us", r.warehouse_us},
                   {"oldest_us", r.oldest_us},
                   {"lag_us", r.oldest_us == 0 ? json::value(nullptr) : json::value(r.lag_us())},
                   {"frozen_batch", r.frozen_batch},
                   {"statements", r.statements},
                   {"adopted", r.adopted},
                   {"woke_warehouse", r.woke_warehouse},
                   {"families", std::move(families)},
                   {"tables", std::move(tables)}};
    if (!r.error_id.empty()) o["error"] = {{"id", r.error_id}, {"message", r.error}};
    if (const auto cause = r.cause_id(); !cause.empty()) o["cause"] = {{"id", cause}, {"message", r.cause()}};
    if (r.next_us != 0 || !r.next_why.empty())
        o["next"] = {{"at_us", r.next_us == 0 ? json::value(nullptr) : json::value(r.next_us)}, {"why", r.next_why}};
    return json::serialize(o);
}

rt::outcome<run_report> report_from_json(std::string_view text)
{
    const rt::failure damaged{rt::retry_class::never, "runs.damaged", "a stored report of a run cannot be read"};
    return read_record(text, damaged, from);
}

rt::outcome<void> save_report(store::store& in, std::uint32_t space, const run_report& r, unsigned keep)
{
    store::batch changes;
    changes.put(store::family::runs, core::key32_64(space, r.number), to_json(r));
    if (r.number > keep)
        changes.remove_range(store::family::runs, core::key32_64(space, 0), core::key32_64(space, r.number - keep + 1));
    return in.write(std::move(changes), store::durable::no);
}

rt::outcome<std::vector<run_report>> recent_reports(store::store& in, std::uint32_t space, unsigned most)
{
    std::vector<run_report> out;
    std::string to = core::prefix_end(core::key32(space));
    while (out.size() < most) {
        auto found = in.last(store::family::runs, core::key32(space), to);
        if (found.has_error()) return found.error();
        if (!found->has_value()) break;
        auto report = report_from_json((**found).second);
        if (report.has_value()) out.push_back(std::move(*report));
        to = (**found).first;
    }
    return out;
}

}  // namespace lakeferry::profiles
