#include "daemon/control/control_service.hpp"

#include "daemon/config/effective.hpp"
#include "daemon/control/erasure_routes.hpp"
#include "daemon/control/json_views.hpp"
#include "daemon/control/page.hpp"
#include "daemon/control/table_routes.hpp"
#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_runner.hpp"
#include "net/rt/offload.hpp"
#include "sync/core/keys.hpp"
#include "sync/identity/observations.hpp"

#include <boost/json.hpp>

#include <charconv>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

constexpr std::size_t small_body = std::size_t{64} << 10U;

// The parts of a path, decoded by nobody: ids and verbs need no encoding.
std::vector<std::string> parts_of(std::string_view target)
{
    std::vector<std::string> parts;
    std::string_view path = http::split_target(target).first;
    while (!path.empty()) {
        if (path.front() == '/') {
            path.remove_prefix(1);
            continue;
        }
        parts.emplace_back(path.substr(0, path.find('/')));
        path.remove_prefix(parts.back().size());
    }
    return parts;
}

std::uint64_t number_parameter(std::string_view target, std::string_view name, std::uint64_t standard, std::uint64_t most)
{
    const auto text = http::query_parameter(target, name);
    if (!text) return standard;
    std::uint64_t value = standard;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    return error == std::errc{} && end == text->data() + text->size() ? std::min(value, most) : standard;
}

bool flag_parameter(std::string_view target, std::string_view name)
{
    const auto text = http::query_parameter(target, name);
    return text && (*text == "true" || *text == "1");
}

bool is_chunk(std::string_view target) { return http::split_target(target).first.ends_with("/import/chunk"); }

http::response report_answer(const rt::outcome<profiles::run_report>& report)
{
    return report.has_error() ? error_response(report.error()) : ok_response(json::parse(profiles::to_json(*report)));
}

// Reads how much waits on the disk, on a worker.
rt::awaitable<std::map<std::string, space_backlog>> measure(daemon_core& core, std::map<std::string, std::uint32_t> numbers)
{
    auto inside = core.inside();
    auto* store = &inside.store;
    co_return co_await rt::offload_uncancellable(inside.parts.workers, [store, numbers] {
        std::map<std::string, space_backlog> all;
        for (const auto& [id, number] : numbers) {
            const auto from = core::key32(number);
            const auto to = core::key32(number + 1);
            // The size on disk still counts what was removed a moment ago: nothing there means nothing waits.
            const auto size = [&](store::family where) {
                bool any = false;
                const auto looked = store->scan(where, from, to, [&](std::string_view, std::string_view) {
                    any = true;
                    return false;
                });
                return looked.has_value() && any ? std::max<std::uint64_t>(1, store->approximate_bytes(where, from, to)) : 0;
            };
            all[id] = {size(store::family::events), size(store::family::outbox), {}};
            if (auto notes = identity::read_notes(*store, number); notes.has_value()) all[id].notes = std::move(*notes);
        }
        return all;
    });
}

}  // namespace

std::optional<http::response> control_service::admit(const http::request_head& head)
{
    if (head.method == "GET" || head.method == "HEAD") return std::nullopt;
    if (rights_ == control_rights::reading)
        return error_response(403, "control.read_only", "This address only shows; commands go through the control socket.");
    if (head.method == "POST") return std::nullopt;
    return error_response(405, "control.method", "Use GET or POST.");
}

std::size_t control_service::body_limit(const http::request_head& head)
{
    if (is_chunk(head.target)) return intake::import_chunk_bytes_max;
    const auto path = http::split_target(head.target).first;
    return path.ends_with("/erase") || path.ends_with("/suppress") ? erase_body_max : small_body;
}

http::response control_service::refuse_large(const http::request_head&, std::size_t limit)
{
    return error_response(413, "control.too_large", "The body is larger than " + std::to_string(limit) + " bytes.");
}

http::response control_service::refuse_malformed(unsigned status, std::string_view why)
{
    return error_response(status, "control.malformed", why);
}

http::response control_service::no_space(const std::string& id) const
{
    std::string known;
    for (const auto& one : core_.config().spaces) known += (known.empty() ? "" : ", ") + one->id;
    return error_response(404, "space.unknown",
                          "There is no space \"" + id + "\"; " + (known.empty() ? "none is configured." : "known: " + known + "."));
}

rt::awaitable<http::response> control_service::handle(http::request what)
{
    const auto path = parts_of(what.target);
    if (what.method == "GET" || what.method == "HEAD") co_return co_await read(what.target, path);
    if (!core_.ready()) co_return error_response(503, "daemon.not_ready", "The daemon is starting or stopping.");
    co_return co_await command(what, path);
}

rt::awaitable<http::response> control_service::read(const std::string& target, const std::vector<std::string>& path)
{
    if (path.empty()) co_return status_page();
    if (path.size() == 1) {
        if (path[0] == "healthz") co_return http::text_response(200, "ok\n");
        if (path[0] == "readyz")
            co_return core_.ready() ? http::text_response(200, "ready\n") : http::text_response(503, "not ready\n");
        if (path[0] == "metrics") {
            auto answer = http::text_response(200, core_.metrics().text());
            answer.fields.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
            co_return answer;
        }
    }
    const bool api = path.size() >= 3 && path[0] == "api" && path[1] == "v1";
    if (api && path.size() == 3 && path[2] == "config")
        co_return http::json_response(200, effective_json(core_.config()));
    if (api && path.size() == 3 && path[2] == "status") {
        const auto view = core_.view();
        std::map<std::string, std::uint32_t> numbers;
        for (const auto& one : view.spaces)
            if (auto* runner = core_.space(one.id)) numbers[one.id] = runner->number();
        const auto waiting = co_await measure(core_, std::move(numbers));
        co_return ok_response(to_json(view, waiting, core_.inside().parts.wall.now_us()));
    }
    if (api && path[2] == "spaces" && (path.size() == 4 || path.size() == 5))
        co_return co_await read_space(target, path[3], path.size() == 5 ? path[4] : "");
    if (api && path[2] == "spaces" && path.size() == 6 && path[4] == "erasures")
        co_return co_await get_erasures(core_, path[3], path[5]);
    co_return error_response(404, "control.unknown", "There is nothing at this address.");
}

rt::awaitable<http::response> control_service::read_space(const std::string& target, const std::string& id,
                                                          const std::string& what)
{
    auto* runner = core_.space(id);
    if (runner == nullptr) co_return no_space(id);
    const auto number = runner->number();
    auto inside = core_.inside();
    auto* store = &inside.store;
    if (what.empty()) {
        const auto view = runner->view();
        auto waiting = co_await measure(core_, {{id, number}});
        co_return ok_response(to_json(view, waiting[id], inside.parts.wall.now_us()));
    }
    if (what == "why") co_return co_await read_why(target, id);
    if (what == "observations") co_return co_await read_observations(id, number_parameter(target, "most", 50, identity::kept_per_space));
    if (what == "jobs") co_return co_await get_jobs(core_, id);
    if (what == "loads") co_return co_await get_loads(core_, id);
    if (what == "runs") {
        const auto most = static_cast<unsigned>(number_parameter(target, "most", 20, 200));
        auto runs = co_await rt::offload_uncancellable(
            inside.parts.workers, [store, number, most] { return profiles::recent_reports(*store, number, most); });
        if (runs.has_error()) co_return error_response(runs.error());
        json::array all;
        for (const auto& one : *runs) all.push_back(json::parse(profiles::to_json(one)));
        co_return ok_response(json::object{{"space", id}, {"runs", std::move(all)}});
    }
    if (what == "erasures") co_return co_await get_erasures(core_, id, "");
    if (what == "refusals") {
        const auto most = number_parameter(target, "most", 50, 200);
        auto refused = co_await rt::offload_uncancellable(
            inside.parts.workers, [store, number, most] { return intake::list_refusals(*store, number, most); });
        if (refused.has_error()) co_return error_response(refused.error());
        json::array all;
        for (const auto& one : *refused) all.push_back(to_json(one));
        co_return ok_response(json::object{{"space", id}, {"refusals", std::move(all)}});
    }
    co_return error_response(404, "control.unknown", "There is nothing at this address.");
}

rt::awaitable<http::response> control_service::command(const http::request& what, const std::vector<std::string>& path)
{
    const bool api = path.size() >= 3 && path[0] == "api" && path[1] == "v1";
    if (api && path.size() == 3 && path[2] == "reload") {
        const auto outcome = co_await core_.reload();
        co_return http::json_response(outcome.accepted ? 200 : 409, json::serialize(to_json(outcome)));
    }
    if (api && path.size() == 3 && path[2] == "sync") co_return sync_all();
    if (api && path[2] == "spaces" && path.size() >= 5) {
        auto* runner = core_.space(path[3]);
        if (runner == nullptr) co_return no_space(path[3]);
        if (path.size() == 5 && path[4] == "takeover") co_return co_await takeover(what.target, path[3]);
        if (path.size() == 5 && path[4] == "sync") co_return co_await sync(what.target, path[3]);
        if (path.size() == 5 && path[4] == "erase") co_return co_await post_erase(core_, path[3], what.body);
        if (path.size() == 5 && path[4] == "suppress") co_return co_await post_suppress(core_, path[3], what.body);
        if (path.size() == 5 && path[4] == "jobs") co_return co_await post_job(core_, path[3], what.body);
        if (path.size() == 7 && path[4] == "loads") co_return co_await post_load(core_, path[3], path[5], path[6]);
        if (path.size() == 5 && path[4] == "check") co_return co_await check(what.target, path[3]);
        if (path.size() == 5 && (path[4] == "pause" || path[4] == "resume")) {
            co_return co_await post_pause(core_, path[3], path[4] == "pause", what.body);
        }
        if (path.size() == 6 && path[4] == "import") co_return co_await import(what, path[3], path[5]);
    }
    co_return error_response(404, "control.unknown", "There is nothing at this address.");
}

// Who is paused was paused for a reason that this command does not know.
http::response control_service::sync_all()
{
    json::array accepted;
    json::array paused;
    for (const auto& one : core_.config().spaces) {
        auto* runner = core_.space(one->id);
        if (runner == nullptr) continue;
        if (!runner->paused()) runner->request_sync();
        (runner->paused() ? paused : accepted).emplace_back(one->id);
    }
    return http::json_response(202, json::serialize(json::object{{"accepted", std::move(accepted)}, {"paused", std::move(paused)}}));
}

rt::awaitable<http::response> control_service::sync(const std::string& target, const std::string& id)
{
    auto* runner = core_.space(id);
    if (!flag_parameter(target, "wait")) {
        runner->request_sync();
        co_return http::json_response(202, json::serialize(json::object{{"space", id}, {"accepted", true}}));
    }
    co_return report_answer(co_await runner->sync_now());
}

rt::awaitable<http::response> control_service::takeover(const std::string& target, const std::string& id)
{
    auto* runner = core_.space(id);
    if (!flag_parameter(target, "settled")) co_return report_answer(co_await runner->take_over());
    auto done = co_await runner->settle_profiles();
    if (done.has_error()) co_return error_response(done.error());
    co_return ok_response(json::object{{"space", id}, {"settled", true}});
}

rt::awaitable<http::response> control_service::import(const http::request& what, const std::string& id,
                                                      const std::string& verb)
{
    const auto number = core_.space(id)->number();
    auto& importer = core_.inside().importer;
    if (verb == "begin") {
        boost::system::error_code error;
        const auto body = json::parse(what.body, error);
        const auto* object = error ? nullptr : body.if_object();
        if (object == nullptr) co_return error_response(400, "control.malformed", "The body is not a JSON object.");
        const auto text = [&](const char* name) {
            const auto* v = object->if_contains(name);
            return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
        };
        intake::import_file file{.name = text("name"), .fingerprint = text("fingerprint"), .source = text("source")};
        if (const auto* v = object->if_contains("bytes"); v != nullptr && v->is_number())
            file.bytes = v->to_number<std::uint64_t>(error);
        if (const auto* v = object->if_contains("again"); v != nullptr && v->is_bool()) file.again = v->get_bool();
        file.refill = text("refill");
        if (!file.refill.empty())
            if (auto why = refuse_refill(*core_.space(id), file.refill)) co_return error_response(*why);
        auto position = co_await importer.begin(number, std::move(file));
        co_return position.has_error() ? error_response(position.error()) : ok_response(to_json(*position));
    }
    if (verb == "chunk") {
        intake::import_chunk chunk;
        chunk.id = http::query_parameter(what.target, "import").value_or("");
        chunk.offset = number_parameter(what.target, "offset", 0, std::numeric_limits<std::uint64_t>::max());
        chunk.last = flag_parameter(what.target, "last");
        chunk.bytes = what.body;
        auto result = co_await importer.chunk(number, std::move(chunk));
        co_return result.has_error() ? error_response(result.error()) : ok_response(to_json(*result));
    }
    co_return error_response(404, "control.unknown", "There is nothing at this address.");
}

}  // namespace lakeferry::daemon
