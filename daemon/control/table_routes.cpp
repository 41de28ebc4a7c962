#include "daemon/control/table_routes.hpp"

#include "daemon/control/json_views.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_runner.hpp"
#include "sync/core/names.hpp"
#include "sync/core/selection.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/profiles/load_sender.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

json::object to_json(const profiles::table_job& j)
{
    json::object o{{"number", j.number},
                   {"kind", profiles::to_string(j.kind)},
                   {"step", profiles::to_string(j.step)},
                   {"open", j.open()},
                   {"tables", json::array(j.tables.begin(), j.tables.end())},
                   {"asked", time_text(j.asked_us)},
                   {"ended", time_text(j.ended_us)},
                   {"attempts", j.attempts},
                   {"notes", json::array(j.notes.begin(), j.notes.end())}};
    if (j.kind == profiles::job_kind::retype) {
        o["column"] = j.column;
        o["type"] = core::sql_name(j.to);
        o["taken_back"] = j.taken_back;
        o["rescued"] = j.rescued;
    }
    if (j.kind == profiles::job_kind::backfill) {
        o["profiles"] = j.fill.profiles;
        o["rows"] = j.fill.rows;
    }
    if (!j.error_id.empty()) o["error"] = {{"id", j.error_id}, {"message", j.error}};
    return o;
}

json::object to_json(const profiles::load& l, const std::string& space)
{
    json::object o{{"number", l.number},
                   {"table", l.table},
                   {"state", l.stuck                                       ? "stuck"
                             : l.state == profiles::load_state::landed ? "landed"
                             : l.sends > 0                             ? "sent"
                                                                       : "staged"},
                   {"rows", l.rows},
                   {"bytes", l.bytes},
                   {"files", l.files.size()},
                   {"statement", l.statement_id},
                   {"fill", l.fill}};
    if (l.stuck)
        o["stuck"] = {{"staged", l.stuck->staged},
                      {"reported", l.stuck->reported},
                      {"statement", l.stuck->statement},
                      {"at", time_text(l.stuck->at_us)},
                      {"message", profiles::describe(l, *l.stuck, space).detail}};
    return o;
}

rt::failure malformed(std::string why)
{
    return {.retry = rt::retry_class::never, .id = "control.malformed", .detail = std::move(why)};
}

rt::outcome<profiles::table_job> read_job(std::string_view body)
{
    boost::system::error_code error;
    const auto value = json::parse({body.data(), body.size()}, error);
    const auto* o = error ? nullptr : value.if_object();
    if (o == nullptr) return malformed("The body is not a JSON object.");
    const auto text = [&](const char* name) {
        const auto* v = o->if_contains(name);
        return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
    };
    profiles::table_job job;
    const std::string kind = text("kind");
    if (kind == "backfill") job.kind = profiles::job_kind::backfill;
    else if (kind == "retype") job.kind = profiles::job_kind::retype;
    else if (kind == "optimize") job.kind = profiles::job_kind::optimize;
    else return malformed("\"kind\" is none of backfill, retype, optimize.");
    if (const auto* tables = o->if_contains("tables"); tables != nullptr && tables->is_array())
        for (const auto& t : tables->get_array())
            if (t.is_string()) job.tables.emplace_back(t.get_string());
    if (job.kind != profiles::job_kind::retype) return job;
    job.column = text("column");
    std::string type = text("type");
    std::transform(type.begin(), type.end(), type.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const auto to = core::column_type_of(type);
    if (job.tables.size() != 1 || job.column.empty()) return malformed("Name one column as TABLE.COLUMN.");
    if (!to) return malformed("\"" + type + "\" is no type of a column: BOOLEAN, BIGINT, DOUBLE, TIMESTAMP or STRING.");
    job.to = *to;
    const auto* rescue = o->if_contains("rescue");
    job.rescue = rescue != nullptr && rescue->is_bool() && rescue->get_bool();
    return job;
}

}  // namespace

rt::awaitable<http::response> get_jobs(daemon_core& core, std::string id)
{
    auto jobs = co_await core.space(id)->jobs();
    if (jobs.has_error()) co_return error_response(jobs.error());
    json::array all;
    for (const auto& j : *jobs) all.push_back(to_json(j));
    co_return ok_response(json::object{{"space", id}, {"jobs", std::move(all)}});
}

rt::awaitable<http::response> post_job(daemon_core& core, std::string id, std::string body)
{
    auto job = read_job(body);
    if (job.has_error()) co_return error_response(400, job.error().id, job.error().detail);
    auto added = co_await core.space(id)->add_job(std::move(*job));
    if (added.has_error()) co_return error_response(added.error());
    if (auto* runner = core.space(id)) runner->request_sync();
    co_return http::json_response(202, json::serialize(to_json(*added)));
}

rt::awaitable<http::response> get_loads(daemon_core& core, std::string id)
{
    auto loads = co_await core.space(id)->loads();
    if (loads.has_error()) co_return error_response(loads.error());
    json::array all;
    for (const auto& l : *loads) all.push_back(to_json(l, id));
    co_return ok_response(json::object{{"space", id}, {"loads", std::move(all)}});
}

rt::awaitable<http::response> post_load(daemon_core& core, std::string id, std::string number, std::string verb)
{
    std::uint64_t load = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), load);
    if (error != std::errc{} || end != number.data() + number.size() || (verb != "accept" && verb != "resend"))
        co_return error_response(404, "control.unknown", "There is nothing at this address.");
    auto done = co_await core.space(id)->resolve_load(load, verb == "resend");
    if (done.has_error()) co_return error_response(done.error());
    co_return ok_response(json::object{{"load", load}, {"done", verb}});
}

rt::awaitable<http::response> post_pause(daemon_core& core, std::string id, bool on, std::string body)
{
    std::string reason;
    boost::system::error_code error;
    const auto value = body.empty() ? json::value() : json::parse(body, error);
    if (const auto* o = value.if_object())
        if (const auto* text = o->if_contains("reason"); text != nullptr && text->is_string()) reason = std::string(text->get_string());
    if (error || reason.size() > 500)
        co_return error_response(400, "control.malformed", "The body is not {\"reason\": a text of up to 500 bytes}.");
    auto& runner = *core.space(id);
    const bool by_file = runner.config().profiles_sync.paused;
    auto done = co_await runner.pause(on, std::move(reason));
    if (done.has_error()) co_return error_response(done.error());
    co_return ok_response(json::object{{"space", id}, {"paused", on || by_file}, {"by_file", by_file}});
}

std::optional<rt::failure> refuse_refill(const space_runner& of, const std::string& table)
{
    const auto no = [](const char* id, std::string why) {
        return rt::failure{.retry = rt::retry_class::never, .id = id, .detail = std::move(why)};
    };
    constexpr std::array<std::string_view, 6> of_calls{"identifies", "tracks", "pages", "screens", "groups", "aliases"};
    const bool calls = std::find(of_calls.begin(), of_calls.end(), table) != of_calls.end();
    if (core::check_table_pattern(table) || table.find('*') != std::string::npos || table.starts_with('!'))
        return no("import.bad_refill", "\"" + table + "\" is no name of a table: write it as it stands in the schema.");
    if (!calls && core::is_reserved_table(table))
        return no("import.bad_refill", table + " is a profile table: lakeferry backfill " + of.config().id + " " + table +
                                           " fills it from the store.");
    if (!core::selection(of.config().profiles_sync.select).table(table))
        return no("import.bad_refill", table + " is left out by profiles_sync.select.tables: select it, reload, then fill it.");
    return std::nullopt;
}

}  // namespace lakeferry::daemon
