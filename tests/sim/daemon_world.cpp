#include "tests/sim/daemon_world.hpp"

#include "net/http/server.hpp"
#include "tests/support/landing_model/landing_model.hpp"
#include "tests/support/landing_model/secret_file.hpp"

#include <boost/json.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

namespace lakeferry::test {

using namespace std::chrono_literals;

namespace {

fake_databricks::fake_settings settings() { return {}; }

std::shared_ptr<const core::space_config> space_of(unsigned n, const std::string& secret_file)
{
    auto c = std::make_shared<core::space_config>();
    c->id = daemon_world::space_id(n);
    c->name = c->id;
    c->databricks.workspace_url = "https://dbc-1.test";
    c->databricks.http_path = "/sql/1.0/warehouses/w1";
    c->databricks.warehouse_id = "w1";
    c->databricks.catalog = "main";
    c->databricks.client_id = settings().client_id;
    c->databricks.client_secret = {core::secret_ref::kind::file, secret_file};
    c->sources.push_back({.name = "web", .id = "web", .slug = "web", .write_key = daemon_world::write_key(c->id)});
    c->profiles_sync.schema = c->id;
    c->profiles_sync.schedule.every = 10min;
    return c;
}

}  // namespace

daemon_world::daemon_world(std::uint64_t seed, unsigned spaces)
    : world(seed),
      peers(executor(), nullptr),
      workspace(time, wall, peers, rng, settings()),
      config(std::make_shared<daemon::snapshot>()),
      secret_file_(write_secret_file()),
      clients_(executor(), nullptr),
      life_(executor(), nullptr)
{
    fake_databricks::fake_warehouse warehouse;
    warehouse.id = "w1";
    workspace.add_warehouse(warehouse);
    auto model = landing_executor(workspace);
    workspace.execute_with([this, model](const fake_databricks::statement_call& call) {
        statements.push_back(call.what.text);
        return model(call);
    });
    workspace_door_ = net.listen("dbc-1.test:443", {}).value();
    peers.spawn("workspace", http::serve(time, *workspace_door_, workspace, {}));
    for (unsigned n = 0; n < spaces; ++n) config->spaces.push_back(space_of(n, secret_file_));
    config->global.state_directory = "/state";
    config->global.control_socket = "/run/control.sock";
}

daemon_world::~daemon_world()
{
    net.faults = {};
    net.faults_of.clear();
    if (core_) stop();
    clients_.cancel();
    run(clients_.join());
    client_.reset();
    peers.cancel();
    run(peers.join());
    ::unlink(secret_file_.c_str());
}

daemon::daemon_core& daemon_world::core()
{
    rt::check(core_ != nullptr, "the daemon was started");
    return *core_;
}

void daemon_world::start()
{
    daemon::core_parts parts{.loop = executor(),
                             .workers = executor(),
                             .time = time,
                             .wall = wall,
                             .rng = rng,
                             .network = net,
                             .credentials = credentials_,
                             .log = log,
                             .metrics = metrics};
    parts.store.env = disk.env();
    parts.store.directory = config->global.state_directory + "/store";
    parts.notify = [this](std::string_view text) { notes.emplace_back(text); };
    parts.load = load;
    parts.resolve_two_threads = false;
    parts.align_runs = align_runs;
    parts.return_memory = return_memory;
    parts.kafka = kafka;
    result_.reset();
    core_ = std::make_unique<daemon::daemon_core>(std::move(parts), config);
    life_.spawn("daemon", [](daemon_world& w) -> rt::awaitable<void> {
        w.result_ = co_await w.core_->run();
    }(*this), rt::on_error::log_and_continue);
    for (int i = 0; i < 1000 && !core_->ready() && !result_; ++i) pass(10ms);
}

rt::duration daemon_world::stop()
{
    const auto began = now();
    core_->stop();
    run(life_.join());
    core_.reset();
    return now() - began;
}

void daemon_world::restart_with(const std::string& state_directory)
{
    stop();
    auto next = std::make_shared<daemon::snapshot>(*config);
    next->global.state_directory = state_directory;
    config = next;
    start();
}

void daemon_world::crash()
{
    disk.crash(rng());
    life_.cancel();
    run(life_.join());
    core_.reset();
    net.cut("127.0.0.1:8400");
    // A task group that was cancelled takes no more work.
    std::destroy_at(&life_);
    std::construct_at(&life_, executor(), nullptr);
    settle();
}

http::response daemon_world::post(const std::string& path, const std::string& space, std::string body)
{
    if (!client_) {
        client_ = std::make_unique<http::pool>(executor(), time, net);
        clients_.spawn("client", client_->run());
    }
    http::request what{.method = "POST", .target = path, .body = std::move(body)};
    what.fields.add("Content-Type", "application/json");
    (void)space;
    auto answer = get(client_->send({"http", "127.0.0.1", "8400"}, std::move(what),
                                    {.limit = rt::deadline::in(time, 90s)}));
    return answer.has_value() ? std::move(*answer) : http::response{};
}

void daemon_world::send_tracks(const std::string& space, const std::vector<std::string>& ids, sent_calls& learned)
{
    boost::json::array calls;
    for (const auto& id : ids)
        calls.push_back({{"type", "track"},
                         {"event", "Order Placed"},
                         {"messageId", id},
                         {"anonymousId", "visitor-" + id.substr(0, id.find('-'))},
                         {"properties", {{"total", 12.5}, {"id", id}}}});
    const auto answer = post("/v1/batch", space,
                             boost::json::serialize(boost::json::object{{"writeKey", write_key(space)}, {"batch", calls}}));
    auto& known = answer.status == 200 ? learned.accepted : learned.unknown;
    known.insert(ids.begin(), ids.end());
}

bool daemon_world::sync(const std::string& space)
{
    auto* runner = core().space(space);
    if (runner == nullptr) return false;
    auto report = get(runner->sync_now());
    return report.has_value() && report->status == profiles::run_status::success;
}

std::vector<std::string> daemon_world::landed_ids(const std::string& schema, const std::string& table) const
{
    std::vector<std::string> out;
    const auto* found = workspace.tables.find("main." + schema + "." + table);
    if (found == nullptr) return out;
    for (const auto& r : found->rows) out.push_back(r.contains("id") ? r.at("id").value_or("") : "");
    return out;
}

}  // namespace lakeferry::test
