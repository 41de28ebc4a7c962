#include "sync/profiles/run_report.hpp"

#include "sync/core/keys.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace lakeferry::profiles {

namespace json = boost::json;

namespace {

json::object table_json(const table_report& t)
{
    json::object o{{"rows", t.rows},   {"bytes", t.bytes},     {"files", t.files},
                   {"loads", t.loads}, {"rescued", t.rescued}};
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
    return {std::string(e->as_object().at("id").as_string()), std::string(e->as_object().at("message").as_string())};
}

table_report table_from(const json::object& o)
{
    table_report t;
    t.rows = o.at("rows").to_number<std::uint64_t>();
    t.bytes = o.at("bytes").to_number<std::uint64_t>();
    t.files = o.at("files").to_number<std::uint64_t>();
    t.loads = o.at("loads").to_number<std::uint64_t>();
    t.rescued = o.at("rescued").to_number<std::uint64_t>();
    std::tie(t.error_id, t.error) = std::pair{error_of(o).id, error_of(o).message};
    return t;
}

run_status status_from(std::string_view s)
{
    for (const auto one : {run_status::success, run_status::partial, run_status::failed})
        if (s == to_string(one)) return one;
    return run_status::running;
}

run_report from(const json::object& o)
{
    run_report r;
    r.number = o.at("number").to_number<std::uint64_t>();
    r.trigger = std::string(o.at("trigger").as_string());
    r.status = status_from(o.at("status").as_string());
    r.started_us = o.at("started_us").to_number<std::int64_t>();
    r.ended_us = o.at("ended_us").to_number<std::int64_t>();
    const auto& phases = o.at("phases_us").as_object();
    r.warehouse_wait_us = phases.at("warehouse_wait").to_number<std::int64_t>();
    r.structure_us = phases.at("structure").to_number<std::int64_t>();
    r.load_us = phases.at("load").to_number<std::int64_t>();
    r.frozen_batch = o.at("frozen_batch").to_number<std::uint64_t>();
    r.statements = o.at("statements").to_number<std::uint64_t>();
    r.adopted = o.at("adopted").to_number<std::uint64_t>();
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

std::uint64_t run_report::rows() const noexcept
{
    std::uint64_t sum = 0;
    for (const auto& [name, t] : tables) sum += t.rows;
    return sum;
}

std::string to_json(const run_report& r)
{
    json::object tables;
    for (const auto& [name, t] : r.tables) tables[name] = table_json(t);
    json::object o{{"number", r.number},
                   {"trigger", r.trigger},
                   {"status", to_string(r.status)},
                   {"started_us", r.started_us},
                   {"ended_us", r.ended_us},
                   {"rows", r.rows()},
                   {"phases_us",
                    {{"warehouse_wait", r.warehouse_wait_us}, {"structure", r.structure_us}, {"load", r.load_us}}},
                   {"frozen_batch", r.frozen_batch},
                   {"statements", r.statements},
                   {"adopted", r.adopted},
                   {"woke_warehouse", r.woke_warehouse},
                   {"tables", std::move(tables)}};
    if (!r.error_id.empty()) o["error"] = {{"id", r.error_id}, {"message", r.error}};
    return json::serialize(o);
}

rt::outcome<run_report> report_from_json(std::string_view text)
{
    const rt::failure damaged{rt::retry_class::never, "runs.damaged", "a stored report of a run cannot be read"};
    boost::system::error_code ec;
    const auto value = json::parse(text, ec);
    if (ec || !value.is_object()) return damaged;
    try {
        return from(value.get_object());
    } catch (const std::exception&) {
        return damaged;
    }
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
