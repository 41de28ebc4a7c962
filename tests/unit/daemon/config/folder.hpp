// A configuration in a folder of its own, removed afterwards.
#pragma once

#include "daemon/config/load.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace lakeferry::daemon {

inline constexpr const char* good_space = R"(
[databricks]
workspace_url = "https://dbc-1.cloud.databricks.com"
http_path = "/sql/1.0/warehouses/abc123"
catalog = "main"
client_id = "5f2d"
client_secret = { file = "../secret" }

[[sources]]
name = "Website"
write_key = "wk-website-1"

[profiles_sync]
schema = "acme"
every = "15m"
)";

class config_folder {
public:
    config_folder()
    {
        std::string pattern = std::filesystem::temp_directory_path() / "lakeferry-config-XXXXXX";
        root_ = ::mkdtemp(pattern.data());
        std::filesystem::create_directory(root_ / "spaces.d");
        write("lakeferry.toml", "[daemon]\nspaces_directory = \"spaces.d\"\nstate_directory = \"state\"\n");
        write("secret", "s3cret\n", 0600);
    }
    config_folder(const config_folder&) = delete;
    config_folder& operator=(const config_folder&) = delete;
    ~config_folder()
    {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    void write(const std::string& name, const std::string& text, mode_t mode = 0644) const
    {
        std::ofstream(root_ / name, std::ios::binary) << text;
        ::chmod((root_ / name).c_str(), mode);
    }
    void space(const std::string& id, const std::string& text) const { write("spaces.d/" + id + ".toml", text); }
    void remove(const std::string& name) const { std::filesystem::remove(root_ / name); }
    std::string path(const std::string& name) const { return (root_ / name).string(); }

    load_options options() const { return {.file = path("lakeferry.toml"), .credentials_directory = {}}; }
    load_result load() const { return load_configuration(options()); }

private:
    std::filesystem::path root_;
};

// good_space with one text replaced, wherever it stands.
inline std::string with(std::string text, const std::string& what, const std::string& by)
{
    const auto at = text.find(what);
    if (at == std::string::npos) throw std::logic_error("the text to replace is not there: " + what);
    return text.replace(at, what.size(), by);
}

}  // namespace lakeferry::daemon
