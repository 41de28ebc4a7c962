// `lakeferry init`: asks for the settings of a space, checks each as it goes, and writes its file.
#include "daemon/cli/check_text.hpp"
#include "daemon/cli/commands.hpp"
#include "daemon/cli/init_files.hpp"
#include "daemon/cli/init_terminal.hpp"
#include "daemon/cli/text.hpp"
#include "daemon/cli/workspace_bench.hpp"
#include "daemon/config/space_file.hpp"
#include "daemon/config/units.hpp"
#include "daemon/config/url.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>

namespace lakeferry::daemon {

namespace fs = std::filesystem;

namespace {

using verdict = init_verdict;

verdict yes(std::string seen = {})
{
    return seen;
}

std::string lower(std::string text)
{
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

class init_dialog {
public:
    init_dialog(const cli_options& options, const snapshot& present)
        : options_(options), given_(options.init), present_(present)
    {
    }

    int run()
    {
        const bool answered =
            ask_names() && ask_workspace() && ask_principal() && ask_warehouse() && ask_target() && ask_rest();
        if (!answered) return status_;
        bool ready = true;
        if (given_.check) ready = test();
        if (!write()) return status_;
        say_next();
        return ready ? exit_status::ok : exit_status::failed;
    }

private:
    bool stop(const std::string& why, int status = exit_status::failed)
    {
        std::cerr << "lakeferry: " << why << "\n";
        status_ = status;
        return false;
    }

    // Until the answer does; without a terminal there is one answer.
    bool settle(const std::string& question,
                const char* flag,
                const std::string& proposed,
                const std::function<verdict(const std::string&)>& judge)
    {
        for (;;) {
            std::optional<std::string> answer = proposed;
            if (given_.interactive) answer = ask_line(question, proposed);
            if (!answer) return stop("the input has ended; nothing was written");
            const verdict what =
                answer->empty()
                    ? verdict(init_no(given_.interactive ? "an answer is needed" : std::string("is missing: give ") + flag))
                    : judge(*answer);
            if (what.has_value()) {
                if (!what->empty() && given_.interactive) std::cout << "  ok: " << printable(*what) << "\n";
                return true;
            }
            if (!given_.interactive)
                return stop(std::string(flag) + ": " + what.error().detail + "; nothing was written",
                            answer->empty() ? exit_status::usage : exit_status::failed);
            std::cout << "  " << printable(what.error().detail) << "\n";
        }
    }

    bool ask_names();
    bool ask_address();
    bool ask_workspace();
    bool ask_principal();
    bool ask_warehouse();
    bool ask_target();
    bool ask_rest();
    verdict judge_id(const std::string& id);
    verdict judge_secret();
    void show_warehouses();
    bool test();
    bool write();
    void say_next() const;

    std::string space_path() const { return present_.global.spaces_directory + "/" + config_.id + ".toml"; }
    std::string folder() const { return fs::path(present_.file).parent_path().string(); }
    // The unit gives the service what stands in this folder; without it the daemon reads a file.
    bool by_credential() const
    {
        std::error_code ignored;
        return fs::is_directory(folder() + "/credentials", ignored);
    }
    std::string secret_path() const
    {
        return by_credential() ? folder() + "/credentials/" + config_.id : folder() + "/" + config_.id + ".secret";
    }

    const cli_options& options_;
    const init_options& given_;
    const snapshot& present_;
    core::space_config config_{};
    std::string every_{"1h"};
    auth::secret secret_{};
    std::unique_ptr<secret_in_memory> kept_{};
    workspace_bench bench_{};
    int status_ = exit_status::failed;
};

verdict init_dialog::judge_id(const std::string& id)
{
    if (!is_space_id(id))
        return init_no("\"" + id +
                  "\" is not an id: up to 63 of a-z, 0-9, \"_\" and \"-\", beginning with a letter or digit");
    config_.id = id;
    std::error_code ignored;
    for (const auto& path : {space_path(), secret_path()})
        if (fs::exists(path, ignored))
            return init_no(path + " exists already and is left as it is: move it away, or choose another id");
    return yes();
}

bool init_dialog::ask_names()
{
    const bool named =
        settle("Name of the space (can be changed at any time)", "--name",
               given_.name.empty() ? options_.space : given_.name, [this](const std::string& answer) -> verdict {
                   for (const auto& other : present_.spaces)
                       if (lower(other->name) == lower(answer)) return init_no("the space " + other->id + " has this name");
                   config_.name = answer;
                   return by_the_reader(config_, every_, "name");
               });
    const std::string id = options_.space.empty() ? space_id_of(config_.name) : options_.space;
    return named && settle("Id: the name of its file, and part of every profile's id; it stays", "SPACE", id,
                           [this](const std::string& answer) { return judge_id(answer); });
}

bool init_dialog::ask_address()
{
    auto& d = config_.databricks;
    const auto url_of = [&d](const std::string& answer) -> verdict {
        // What follows the host in a browser's address bar does not belong to it.
        std::string url = answer.find("://") == std::string::npos ? "https://" + answer : answer;
        if (const auto end = url.find_first_of("/?#", url.find("://") + 3); end != std::string::npos) url.resize(end);
        std::string why;
        const auto address = parse_workspace_url(url, why);
        if (!address) return init_no(why + ": write https:// and the host of the workspace");
        const bool v6 = address->host.find(':') != std::string::npos;
        d.workspace_url = address->scheme + "://" + (v6 ? "[" + address->host + "]" : address->host);
        d.port = address->port.value_or(address->scheme == "http" ? std::uint16_t{80} : std::uint16_t{443});
        return yes();
    };
    const auto port_of = [&d](const std::string& answer) -> verdict {
        unsigned port = 0;
        const auto [end, error] = std::from_chars(answer.data(), answer.data() + answer.size(), port);
        if (error != std::errc() || end != answer.data() + answer.size() || port == 0 || port > 65535)
            return init_no("write 1 to 65535");
        d.port = static_cast<std::uint16_t>(port);
        return yes();
    };
    return settle("Workspace URL, https://<workspace>.cloud.databricks.com", "--workspace-url", given_.workspace_url, url_of) &&
           settle("Port", "--port", given_.port.empty() ? std::to_string(d.port) : given_.port, port_of);
}

// Host and port are looked at together, and asked for again together: either may be the wrong one.
bool init_dialog::ask_workspace()
{
    for (;;) {
        if (!ask_address()) return false;
        if (!given_.check) return true;
        const auto seen = bench_.look_at_host(config_);
        if (seen.has_value()) {
            if (given_.interactive) std::cout << "  ok: " << printable(*seen) << "\n";
            return true;
        }
        if (!given_.interactive) return stop("--workspace-url: " + seen.error().detail + "; nothing was written");
        std::cout << "  " << printable(seen.error().detail) << "\n";
    }
}

verdict init_dialog::judge_secret()
{
    if (secret_.empty()) return init_no("the secret is empty");
    kept_ = std::make_unique<secret_in_memory>(secret_);
    config_.databricks.client_secret = kept_->reference();
    const auto read = auth::credential_store("").read(to_auth(config_.databricks.client_secret));
    if (read.has_error()) return init_no("that is no secret: it holds spaces or control characters, or is too long");
    if (!given_.check) return yes();
    auto seen = bench_.look_at_principal(config_);
    if (seen.has_error()) return init_no(seen.error().detail);
    return *seen;
}

bool init_dialog::ask_principal()
{
    for (;;) {
        if (!settle("Client ID: application id of the service principal", "--client-id", given_.client_id,
                    [this](const std::string& answer) -> verdict {
                        config_.databricks.client_id = answer;
                        return yes();
                    }))
            return false;
        // In the environment or a file: whatever stands on a command line can be read by every process of the machine.
        const char* in_environment =
            std::getenv("DATABRICKS_CLIENT_SECRET");  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
        if (!given_.client_secret_file.empty()) {
            auto read = auth::credential_store("").read({auth::credential_ref::kind::file, given_.client_secret_file});
            if (read.has_error()) return stop("--client-secret-file: " + read.error().detail);
            secret_ = std::move(*read);
        } else if (in_environment != nullptr && !given_.interactive) {
            secret_ = auth::secret(std::string(in_environment));
        } else if (given_.interactive) {
            auto answer = ask_secret("Client secret (is not shown)");
            if (!answer) return stop("the input has ended; nothing was written");
            secret_ = std::move(*answer);
        } else {
            return stop(
                "--client-secret-file: is missing: name a file, or put the secret into $DATABRICKS_CLIENT_SECRET",
                exit_status::usage);
        }
        const auto what = judge_secret();
        if (what.has_value()) {
            if (!what->empty() && given_.interactive) std::cout << "  ok: " << printable(*what) << "\n";
            return true;
        }
        if (!given_.interactive || !given_.client_secret_file.empty())
            return stop(what.error().detail + "; nothing was written");
        std::cout << "  " << printable(what.error().detail) << "\n";
    }
}

void init_dialog::show_warehouses()
{
    if (!given_.check || !given_.interactive) return;
    const auto found = bench_.list_warehouses(config_);
    if (found.has_error() || found->empty()) return;  // whatever it is, the next look says it
    std::cout << "SQL warehouses that the service principal can see:\n";
    for (const auto& one : *found)
        std::cout << "  /sql/1.0/warehouses/" << printable(one.id) << "  " << printable(one.name) << ", "
                  << printable(one.size)
                  << (one.serverless          ? ", serverless"
                      : one.type == "CLASSIC" ? ", classic"
                                              : ", pro")
                  << ", " << databricks::to_string(one.state) << "\n";
}

bool init_dialog::ask_warehouse()
{
    show_warehouses();
    return settle("HTTP Path of the SQL warehouse", "--http-path", given_.http_path,
                  [this](const std::string& answer) -> verdict {
                      auto id = databricks::parse_http_path(answer);
                      if (id.has_error()) return init_no(id.error().detail);
                      config_.databricks.warehouse_id = *id;
                      config_.databricks.http_path = "/sql/1.0/warehouses/" + *id;
                      if (!given_.check) return yes();
                      auto seen = bench_.look_at_warehouse(config_);
                      if (seen.has_error()) return init_no(seen.error().detail);
                      return *seen;
                  });
}

bool init_dialog::ask_target()
{
    const bool catalog =
        settle("Catalog of Unity Catalog", "--catalog", given_.catalog, [this](const std::string& answer) -> verdict {
            config_.databricks.catalog = answer;
            if (auto wrong = by_the_reader(config_, every_, "databricks.catalog"); wrong.has_error()) return wrong;
            if (!given_.check) return yes();
            auto seen = bench_.look_at_catalog(config_);
            if (seen.has_error()) return init_no(seen.error().detail);
            return *seen;
        });
    if (catalog && given_.interactive)
        std::cout << "The schema is fixed after the first sync: Lakeferry does not move tables.\n";
    std::string proposed = config_.id + "_profiles";
    std::replace(proposed.begin(), proposed.end(), '-', '_');
    return catalog && settle("Schema name", "--schema", given_.schema.empty() ? proposed : given_.schema,
                             [this](const std::string& answer) -> verdict {
                                 config_.profiles_sync.schema = answer;
                                 for (const auto& other : present_.spaces)
                                     if (other->databricks.workspace_url == config_.databricks.workspace_url &&
                                         other->databricks.port == config_.databricks.port &&
                                         lower(other->databricks.catalog) == lower(config_.databricks.catalog) &&
                                         lower(other->profiles_sync.schema) == lower(answer))
                                         return init_no("the space " + other->id + " lands there");
                                 return by_the_reader(config_, every_, "profiles_sync.schema");
                             });
}

bool init_dialog::ask_rest()
{
    core::source_settings source;
    source.write_key = new_write_key();
    const bool named = settle("Name of the first source of calls", "--source", given_.source,
                              [&](const std::string& answer) -> verdict {
                                  source.name = answer;
                                  config_.sources = {source};
                                  return by_the_reader(config_, every_, "sources[].name");
                              });
    return named && settle("Sync every", "--every", given_.every, [this](const std::string& answer) -> verdict {
               every_ = answer;
               return by_the_reader(config_, every_, "profiles_sync.every");
           });
}

bool init_dialog::test()
{
    std::cout << "\nTest Connection"
              << (options_.wake ? " (starts the warehouse if it sleeps; Ctrl-C leaves nothing behind)" : "") << "\n";
    const auto report = bench_.test(config_, options_.wake, print_requirement);
    print_verdict(config_.id, report);
    // Whether a sleeping warehouse starts is not known then, which was asked for.
    if (!options_.wake)
        return std::none_of(report.lines.begin(), report.lines.end(),
                            [](const auto& r) { return r.state == profiles::requirement_state::missing; });
    return report.ready();
}

bool init_dialog::write()
{
    const bool credential = by_credential();
    config_.databricks.client_secret = credential
                                           ? core::secret_ref{core::secret_ref::kind::credential, "oauth_" + config_.id}
                                           : core::secret_ref{core::secret_ref::kind::file, secret_path()};
    problems found;
    const auto text = space_file_text(config_, every_);
    (void)parse_space_file(text, space_path(), config_.id, false, found);
    if (!found.empty()) return stop("the answers make no valid file: " + to_text(found.front()));
    std::string secret(secret_.reveal());
    secret.push_back('\n');
    std::vector<new_file> files{{secret_path(), secret, 0600, !credential}, {space_path(), text, 0644, false}};
    auto written = write_new_files(files, present_.global.state_directory);
    auth::wipe(secret);
    auth::wipe(files.front().text);
    if (written.has_error()) return stop(written.error().detail + "; nothing was written");
    return true;
}

void init_dialog::say_next() const
{
    const std::string config = options_.config == cli_options{}.config ? "" : " --config " + options_.config;
    std::cout << "\nWritten: " << space_path() << "\n         " << secret_path()
              << " (the secret, mode 0600)\n\nNext:\n"
              << "  lakeferry config check" << config << "\n"
              << "  lakeferry check " << config_.id << config << "\n"
              << "  systemctl restart lakeferry"
              << (by_credential() ? "   (the service is given new secrets when it starts)"
                                  : "   (or, while it runs: lakeferry reload" + config + ")")
              << "\n"
              << "  lakeferry sync " << config_.id << " --wait" << config << "\n\nCalls go to ";
    const auto& listen = present_.global.intake_listen;
    std::cout << (listen.empty() ? std::string("the daemon") : "http://" + listen.front())
              << "/v1/batch with the write key " << config_.sources.front().write_key << "\n";
}

}  // namespace

int init_space(const cli_options& options)
{
    if (options.init.interactive && (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)) {
        std::cerr
            << "lakeferry: init asks at a terminal, and there is none: use --non-interactive (lakeferry init --help)\n";
        return exit_status::usage;
    }
    const auto loaded = load_configuration(load_options_of(options, false));
    if (!loaded.config) {
        std::cerr
            << to_text(loaded.found)
            << "lakeferry: mend the configuration first, so that the new space fits into it; nothing was written\n";
        return exit_status::configuration;
    }
    return init_dialog(options, *loaded.config).run();
}

}  // namespace lakeferry::daemon
