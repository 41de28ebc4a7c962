// The source tree as text, for tests that read it.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace lakeferry::lint {

struct source_file {
    std::string path{};  // from the root: "net/http/pool.cpp"
    std::vector<std::string> lines{};
};

inline const std::filesystem::path root = LAKEFERRY_SOURCE_DIR;

// Every C++ file below the folders; lines without their comments at the end.
inline std::vector<source_file> sources(const std::vector<std::string>& folders)
{
    std::vector<source_file> all;
    for (const auto& folder : folders) {
        if (!std::filesystem::exists(root / folder)) continue;
        for (const auto& one : std::filesystem::recursive_directory_iterator(root / folder)) {
            const auto extension = one.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            source_file file{.path = std::filesystem::relative(one.path(), root).string()};
            std::ifstream in(one.path());
            for (std::string line; std::getline(in, line);) file.lines.push_back(line);
            all.push_back(std::move(file));
        }
    }
    return all;
}

inline std::string without_comment(const std::string& line)
{
    // Good enough for a lint: "//" in a text is taken for a comment unless a colon or quote stands before it.
    for (std::size_t at = line.find("//"); at != std::string::npos; at = line.find("//", at + 2))
        if (at == 0 || (line[at - 1] != ':' && line[at - 1] != '"')) return line.substr(0, at);
    return line;
}

// Our own code, without tests.
inline std::vector<source_file> product() { return sources({"daemon", "net", "auth", "sync", "systemd"}); }

// What a line includes with quotes; empty: nothing.
inline std::string project_include(const std::string& line)
{
    constexpr std::string_view start = "#include \"";
    if (!line.starts_with(start)) return {};
    return line.substr(start.size(), line.find('"', start.size()) - start.size());
}

inline std::string system_include(const std::string& line)
{
    constexpr std::string_view start = "#include <";
    if (!line.starts_with(start)) return {};
    return line.substr(start.size(), line.find('>', start.size()) - start.size());
}

}  // namespace lakeferry::lint
