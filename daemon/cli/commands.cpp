#include "daemon/cli/commands.hpp"

#include "daemon/cli/control_client.hpp"
#include "daemon/cli/text.hpp"
#include "daemon/config/daemon_file.hpp"
#include "daemon/config/effective.hpp"

#include <boost/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

json::array to_json(const problems& all)
{
    json::array array;
    for (const auto& p : all)
        array.push_back(json::object{{"file", p.file}, {"line", p.line}, {"key", p.key}, {"what", p.what}, {"cure", p.cure}});
    return array;
}

// Findings elsewhere in the configuration do not matter to somebody who only wants to talk to the daemon.
std::string look_for_socket(const cli_options& options, problems& found)
{
    if (!options.socket.empty()) return options.socket;
    std::error_code ignored;
    const auto file = std::filesystem::absolute(options.config, ignored).lexically_normal().string();
    problems all;
    const auto text = read_configuration_file(
        file, "name the daemon's configuration with --config, or its socket with --socket", all);
    if (!text && options.config_named) found = std::move(all);
    // The standard file may be missing here, or not for everybody to read: then it is the standard socket.
    if (!text) return daemon_settings{}.control_socket;
    const auto settings = parse_daemon_file(*text, file, all);
    for (auto& one : all)
        if (one.key.empty() || one.key == "admin" || one.key.starts_with("admin.control"))
            found.push_back(std::move(one));
    return settings.control_socket;
}

// Commands that take nothing from the configuration but the way to the daemon.
bool speaks_to_daemon(command what) noexcept
{
    switch (what) {
        case command::run:
        case command::init:
        case command::check:
        case command::config_check:
        case command::config_show:
        case command::identity_preview: return false;
        default: return true;
    }
}

}  // namespace

std::string credentials_directory()
{
    const char* given = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    return given == nullptr ? std::string() : std::string(given);
}

load_options load_options_of(const cli_options& options, bool about_to_run)
{
    return {.file = options.config, .credentials_directory = credentials_directory(), .credentials_needed = about_to_run};
}

int refuse_configuration(const problems& found)
{
    std::cerr << to_text(found) << counted(found.size(), "finding") << "; nothing was started or changed.\n";
    return exit_status::configuration;
}

std::string control_socket_of(const cli_options& options)
{
    problems unused;
    return look_for_socket(options, unused);
}

int report_failure(const cli_options& options, const rt::failure& why)
{
    if (options.json)
        std::cout << json::serialize(json::object{{"error", {{"id", why.id}, {"message", why.detail}}}}) << "\n";
    else
        std::cerr << "lakeferry: " << why.detail << "\n";
    return why.id == "control.unreachable" || why.id == "control.forbidden" ? exit_status::unavailable : exit_status::failed;
}

int check_configuration(const cli_options& options)
{
    const auto result = load_configuration(load_options_of(options, !credentials_directory().empty()));
    if (options.json) {
        const json::object answer{{"valid", result.config != nullptr},
                                  {"spaces", result.config ? result.config->spaces.size() : 0},
                                  {"findings", to_json(result.found)},
                                  {"notices", to_json(result.notices)}};
        std::cout << json::serialize(answer) << "\n";
        return result.config ? exit_status::ok : exit_status::configuration;
    }
    std::cerr << to_text(result.notices);
    if (!result.config) return refuse_configuration(result.found);
    std::cout << result.config->file << ": valid, " << counted(result.config->spaces.size(), "space") << "\n";
    return exit_status::ok;
}

int show_configuration(const cli_options& options)
{
    const auto result = load_configuration(load_options_of(options, false));
    if (!result.config) return refuse_configuration(result.found);
    std::cout << (options.json ? effective_json(*result.config) + "\n" : effective_toml(*result.config));
    return exit_status::ok;
}

int main_command(const cli_options& given)
{
    cli_options options = given;
    if (speaks_to_daemon(options.what)) {
        problems found;
        options.socket = look_for_socket(options, found);
        if (!found.empty()) {
            (void)report_failure(options, {.id = "config.unusable", .detail = to_text(found.front())});
            return exit_status::configuration;
        }
    }
    switch (options.what) {
        case command::run: return run_daemon(options);
        case command::init: return init_space(options);
        case command::check: return check_connections(options);
        case command::config_check: return check_configuration(options);
        case command::config_show: return show_configuration(options);
        case command::import: return import_files(options);
        case command::sync: return sync_space(options);
        case command::takeover: return take_over_space(options);
        case command::status: return show_status(options);
        case command::refused: return show_refused(options);
        case command::reload: return reload_daemon(options);
        case command::pause: return pause_space(options, true);
        case command::resume: return pause_space(options, false);
        case command::why: return explain_person(options);
        case command::identity_observations: return show_observations(options);
        case command::identity_preview: return preview_rules(options);
        case command::backfill: return backfill_tables(options);
        case command::retype: return retype_column(options);
        case command::optimize: return optimize_tables(options);
        case command::jobs: return list_jobs(options);
        case command::loads: return settle_loads(options);
        case command::erase: return erase_people(options);
        case command::erasures: return show_erasures(options);
        case command::suppress: return suppress_people(options);
    }
    return exit_status::usage;
}

}  // namespace lakeferry::daemon
