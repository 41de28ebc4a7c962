// Commands that ask the running daemon and print its answer.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/control_client.hpp"
#include "daemon/cli/json_look.hpp"
#include "daemon/cli/status_text.hpp"

#include <boost/json.hpp>

#include <iostream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::string space_path(const cli_options& options, const std::string& rest = {})
{
    return "/api/v1/spaces/" + http::encode_component(options.space) + rest;
}

}  // namespace

int show_status(const cli_options& options)
{
    control_client client(control_socket_of(options));
    auto answer = client.get(options.space.empty() ? "/api/v1/status" : space_path(options));
    if (answer.has_error()) return report_failure(options, answer.error());
    if (options.json) {
        std::cout << json::serialize(*answer) << "\n";
        return exit_status::ok;
    }
    if (options.space.empty()) {
        std::cout << status_text(*answer);
        return exit_status::ok;
    }
    std::cout << space_text(*answer);
    auto runs = client.get(space_path(options, "/runs?most=10"));
    if (runs.has_error()) return report_failure(options, runs.error());
    std::cout << runs_text(*runs);
    return exit_status::ok;
}

int show_refused(const cli_options& options)
{
    control_client client(control_socket_of(options));
    auto answer = client.get(space_path(options, "/refusals?most=" + std::to_string(options.most)));
    if (answer.has_error()) return report_failure(options, answer.error());
    std::cout << (options.json ? json::serialize(*answer) + "\n" : refused_text(*answer));
    return exit_status::ok;
}

namespace {

int sync_all(const cli_options& options)
{
    control_client client(control_socket_of(options));
    auto answer = client.post("/api/v1/sync");
    if (answer.has_error()) return report_failure(options, answer.error());
    if (options.json) {
        std::cout << json::serialize(*answer) << "\n";
        return exit_status::ok;
    }
    const auto& accepted = answer->at("accepted").as_array();
    const auto& paused = answer->at("paused").as_array();
    if (!accepted.empty())
        std::cout << "A run of " << counted(accepted.size(), "space")
                  << " starts as soon as the calls that are here are resolved; see lakeferry status.\n";
    else
        std::cout << (paused.empty() ? "No space is configured" : "Every space is paused") << ": nothing starts.\n";
    for (const auto& id : paused) std::cout << std::string(id.as_string()) << " is paused and left out.\n";
    return exit_status::ok;
}

}  // namespace

int sync_space(const cli_options& options)
{
    if (options.all) return sync_all(options);
    control_client client(control_socket_of(options));
    auto answer = client.post(space_path(options, options.wait ? "/sync?wait=true" : "/sync"));
    if (answer.has_error()) return report_failure(options, answer.error());
    if (options.json) std::cout << json::serialize(*answer) << "\n";
    else if (options.wait) std::cout << report_text(*answer);
    else std::cout << "A run of " << options.space << " starts as soon as the calls that are here are resolved; see lakeferry status " << options.space << ".\n";
    if (!options.wait) return exit_status::ok;
    return report_succeeded(*answer) ? exit_status::ok : exit_status::failed;
}

int take_over_space(const cli_options& options)
{
    control_client client(control_socket_of(options));
    auto answer = client.post(space_path(options, options.settled ? "/takeover?settled=true" : "/takeover"));
    if (answer.has_error()) return report_failure(options, answer.error());
    if (options.settled) {
        const std::string words = "The notice about the profiles of " + options.space + " has ended.";
        std::cout << (options.json ? json::serialize(*answer) : words) << "\n";
        return exit_status::ok;
    }
    std::cout << (options.json ? json::serialize(*answer) + "\n" : report_text(*answer));
    if (!report_succeeded(*answer)) return exit_status::failed;
    if (auto now = client.get(space_path(options)); now.has_value() && !options.json)
        if (const auto said = text(*now, {"identity", "notice"}); !said.empty()) std::cout << "\n" << said << ".\n";
    return exit_status::ok;
}

int reload_daemon(const cli_options& options)
{
    control_client client(control_socket_of(options));
    auto answer = client.post("/api/v1/reload");
    if (answer.has_error()) return report_failure(options, answer.error());
    const auto* o = answer->if_object();
    const bool accepted = o != nullptr && o->contains("accepted") && o->at("accepted") == true;
    if (options.json) {
        std::cout << json::serialize(*answer) << "\n";
    } else {
        const std::string text = o != nullptr && o->contains("text") ? std::string(o->at("text").as_string()) : "";
        (accepted ? std::cout : std::cerr) << (accepted ? "Reloaded: " : "Refused, the old configuration keeps running: ") << text << "\n";
    }
    return accepted ? exit_status::ok : exit_status::configuration;
}

int pause_space(const cli_options& options, bool on)
{
    control_client client(control_socket_of(options));
    const std::string body = options.reason.empty() ? "" : json::serialize(json::object{{"reason", options.reason}});
    auto answer = client.post(space_path(options, on ? "/pause" : "/resume"), body);
    if (answer.has_error()) return report_failure(options, answer.error());
    const auto* o = answer->if_object();
    const bool by_file = o != nullptr && o->contains("by_file") && o->at("by_file") == true;
    if (!on && by_file)
        std::cout << options.space << " is still paused: paused = true stands in its file.\n";
    else
        std::cout << options.space
                  << (on ? " is paused: calls are accepted, nothing lands by itself; lakeferry resume ends it.\n" : " goes on.\n");
    return exit_status::ok;
}

}  // namespace lakeferry::daemon
