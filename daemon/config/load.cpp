#include "daemon/config/load.hpp"

#include "auth/credential_store.hpp"
#include "daemon/config/daemon_file.hpp"
#include "daemon/config/space_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>
#include <tuple>

namespace lakeferry::daemon {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t file_bytes_max = 4U << 20U;

struct space_in_file {
    std::string file{};
    parsed_space parsed{};
};

std::vector<std::string> space_files(const daemon_settings& global, const std::string& main_file, problems& out)
{
    std::vector<std::string> files;
    std::error_code error;
    for (fs::directory_iterator it(global.spaces_directory, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        if (it->path().extension() == ".toml" && !name.starts_with('.')) files.push_back(it->path().string());
    }
    if (error)
        out.push_back({.file = main_file,
                       .key = "daemon.spaces_directory",
                       .what = global.spaces_directory + " cannot be read: " + error.message(),
                       .cure = "make the folder, or name another"});
    std::sort(files.begin(), files.end());
    return files;
}

std::string folded(std::string text)
{
    for (char& c : text)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return text;
}

// What no two spaces may have in common. Names in Unity Catalog do not distinguish case.
void check_together(const std::vector<space_in_file>& spaces, problems& out)
{
    std::map<std::string, const space_in_file*> names, schemas, keys, groups;
    for (const auto& one : spaces) {
        const auto& c = one.parsed.config;
        const auto& at = one.parsed.lines;
        const auto clash = [&](auto& seen, const std::string& what, unsigned line, std::string key, std::string text) {
            const auto [it, fresh] = seen.emplace(what, &one);
            if (fresh) return;
            out.push_back({.file = one.file,
                           .line = line,
                           .key = std::move(key),
                           .what = std::move(text) + " in " + it->second->file,
                           .cure = "each space needs its own"});
        };
        if (!c.name.empty()) clash(names, folded(c.name), at.name, "name", "\"" + c.name + "\" is also the name");
        const auto& db = c.databricks;
        if (!db.workspace_url.empty() && !db.catalog.empty() && !c.profiles_sync.schema.empty())
            clash(schemas, db.workspace_url + ":" + std::to_string(db.port) + "\n" + folded(db.catalog) + "\n" + folded(c.profiles_sync.schema),
                  at.schema, "profiles_sync.schema",
                  db.catalog + "." + c.profiles_sync.schema + " is also the catalog and schema");
        std::string cluster;
        for (const auto& broker : c.kafka.brokers) cluster += broker + " ";
        if (!cluster.empty())
            clash(groups, cluster + c.kafka.topic + " " + c.kafka.group, at.kafka_topic, "kafka.topic",
                  "group \"" + c.kafka.group + "\" reads topic \"" + c.kafka.topic + "\" also");
        for (std::size_t i = 0; i < c.sources.size(); ++i)
            if (!c.sources[i].write_key.empty())
                clash(keys, c.sources[i].write_key, at.write_keys[i], "sources[].write_key",
                      "source \"" + c.sources[i].name + "\" has a write key that is used again");
    }
}

void check_secret(const space_in_file& one, const core::secret_ref& ref, unsigned line, const char* key,
                  const load_options& options, const auth::credential_store& store, load_result& result)
{
    if (ref.from == core::secret_ref::kind::none) return;
    if (ref.from == core::secret_ref::kind::credential && options.credentials_directory.empty() &&
        !options.credentials_needed) {
        result.notices.push_back({.file = one.file,
                                  .line = line,
                                  .key = key,
                                  .what = "credential \"" + ref.name + "\" was not looked at",
                                  .cure = "only the service is given its credentials ($CREDENTIALS_DIRECTORY)"});
        return;
    }
    const auto kind = ref.from == core::secret_ref::kind::file ? auth::credential_ref::kind::file
                                                               : auth::credential_ref::kind::credential;
    const auto read = store.read({kind, ref.name});
    if (read.has_error())
        result.found.push_back({.file = one.file, .line = line, .key = key, .what = read.error().detail});
}

void check_tls_files(const daemon_settings& global, const std::string& file, problems& out)
{
    for (const auto& [key, path] : {std::pair{"intake.tls_certificate", global.tls_certificate},
                                    std::pair{"intake.tls_key", global.tls_key}}) {
        if (!path.empty() && !std::ifstream(path).is_open())
            out.push_back({.file = file, .key = key, .what = path + " cannot be read", .cure = "name a PEM file"});
    }
}

// The main file first, the others by name; findings about one line stay in the order in which they came up.
void sort_by_place(problems& all, const std::string& main_file)
{
    std::vector<std::tuple<bool, std::string, unsigned, std::size_t>> places;
    for (std::size_t i = 0; i < all.size(); ++i)
        places.emplace_back(all[i].file != main_file, all[i].file, all[i].line, i);
    std::sort(places.begin(), places.end());
    problems sorted;
    for (const auto& place : places) sorted.push_back(std::move(all[std::get<3>(place)]));
    all = std::move(sorted);
}

}  // namespace

std::optional<std::string> read_configuration_file(const std::string& file, const std::string& cure, problems& out)
{
    std::error_code error;
    const auto status = fs::status(file, error);
    const auto complain = [&](std::string what) {
        out.push_back({.file = file, .what = std::move(what), .cure = cure});
        return std::nullopt;
    };
    if (status.type() == fs::file_type::not_found) return complain("does not exist");
    if (error) return complain("cannot be read: " + error.message());
    if (status.type() != fs::file_type::regular) return complain("is not a file");
    if (fs::file_size(file, error) > file_bytes_max) return complain("is larger than 4 MiB");
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    errno = 0;
    text << in.rdbuf();
    if (!in.is_open() || in.bad())
        return complain("cannot be read: " + std::generic_category().message(errno != 0 ? errno : EIO));
    return std::move(text).str();
}

load_result load_configuration(const load_options& options)
{
    load_result result;
    std::error_code ignored;
    const std::string file = fs::absolute(options.file, ignored).lexically_normal().string();
    const auto text = read_configuration_file(file, "write it, or name another with --config", result.found);
    if (!text) return result;

    auto made = std::make_shared<snapshot>();
    made->file = file;
    made->global = parse_daemon_file(*text, file, result.found);
    check_tls_files(made->global, file, result.found);

    const auth::credential_store secrets(options.credentials_directory);
    std::vector<space_in_file> spaces;
    for (const auto& path : space_files(made->global, file, result.found)) {
        const auto content = read_configuration_file(path, "mend it or take it away", result.found);
        if (!content) continue;
        spaces.push_back({path, parse_space_file(*content, path, fs::path(path).stem().string(),
                                                 made->global.allow_short_schedules, result.found)});
        const auto& one = spaces.back();
        const auto& db = one.parsed.config.databricks;
        check_secret(one, db.client_secret, one.parsed.lines.client_secret, "databricks.client_secret", options,
                     secrets, result);
        check_secret(one, db.access_token, one.parsed.lines.access_token, "databricks.access_token", options, secrets,
                     result);
        check_secret(one, one.parsed.config.kafka.password, one.parsed.lines.kafka_password, "kafka.password", options,
                     secrets, result);
    }
    check_together(spaces, result.found);

    sort_by_place(result.found, file);
    if (!result.found.empty()) return result;
    for (auto& one : spaces)
        made->spaces.push_back(std::make_shared<const core::space_config>(std::move(one.parsed.config)));
    if (made->spaces.empty())
        result.notices.push_back({.file = file,
                                  .key = "daemon.spaces_directory",
                                  .what = made->global.spaces_directory + " holds no *.toml",
                                  .cure = "the daemon runs, but no space does"});
    result.config = std::move(made);
    return result;
}

}  // namespace lakeferry::daemon
