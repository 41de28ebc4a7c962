// `lakeferry check`: Test Connection without a daemon, or through it where only the service was given the secret.
#include "daemon/cli/check_text.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/control_client.hpp"
#include "daemon/cli/workspace_bench.hpp"
#include "daemon/control/check_json.hpp"
#include "net/http/message.hpp"

#include <boost/json.hpp>

#include <iostream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

using profiles::connection_report;
using profiles::requirement;
using profiles::requirement_state;

// Only the service has its credentials: ask it.
bool needs_daemon(const core::space_config& c)
{
    const auto& d = c.databricks;
    const bool credential = d.client_secret.from == core::secret_ref::kind::credential ||
                            d.access_token.from == core::secret_ref::kind::credential;
    return credential && credentials_directory().empty();
}

int check_through_daemon(const cli_options& options, const std::string& space, json::array& all)
{
    control_client client(control_socket_of(options));
    auto answer = client.post("/api/v1/spaces/" + http::encode_component(space) + "/check?wake=" + (options.wake ? "true" : "false"));
    if (answer.has_error()) {
        auto why = answer.error();
        if (why.id == "control.unreachable")
            why.detail = "The secret of " + space + " is a credential that only the service is given, and " + why.detail;
        return report_failure(options, why);
    }
    const auto* o = answer->if_object();
    if (o == nullptr || !o->contains("ready")) return exit_status::failed;
    const bool ready = o->at("ready") == true;
    if (!options.json) {
        connection_report report;
        for (const auto& one : o->at("requirements").as_array()) {
            requirement r;
            const auto text = [&](const char* name) { return std::string(one.as_object().at(name).as_string()); };
            r.title = text("requirement");
            r.text = text("text");
            r.grant = text("grant");
            for (const auto s : {requirement_state::ok, requirement_state::missing, requirement_state::advice})
                if (text("state") == profiles::to_string(s)) r.state = s;
            print_requirement(r);
            report.lines.push_back(std::move(r));
        }
        print_verdict(space, report);
    }
    all.push_back(*answer);
    return ready ? exit_status::ok : exit_status::failed;
}

}  // namespace

int check_connections(const cli_options& options)
{
    const auto loaded = load_configuration(load_options_of(options, false));
    if (!loaded.config) return refuse_configuration(loaded.found);
    int status = exit_status::ok;
    bool found = options.space.empty();
    json::array all;
    for (const auto& one : loaded.config->spaces) {
        if (!options.space.empty() && one->id != options.space) continue;
        found = true;
        if (!options.json)
            std::cout << one->name << " (" << one->id << ") -> " << one->databricks.workspace_url << ", "
                      << one->databricks.catalog << "." << one->profiles_sync.schema << std::endl;
        if (needs_daemon(*one)) {
            status = std::max(status, check_through_daemon(options, one->id, all));
            continue;
        }
        workspace_bench bench;
        const auto report = bench.test(*one, options.wake, options.json ? std::function<void(const requirement&)>() : print_requirement);
        if (!options.json) print_verdict(one->id, report);
        all.push_back(to_json(one->id, report));
        if (!report.ready()) status = std::max(status, exit_status::failed);
    }
    if (!found) {
        std::cerr << "lakeferry: there is no space \"" << options.space << "\" in " << loaded.config->global.spaces_directory << "\n";
        return exit_status::failed;
    }
    if (options.json) std::cout << json::serialize(json::object{{"spaces", std::move(all)}}) << "\n";
    return status;
}

}  // namespace lakeferry::daemon
