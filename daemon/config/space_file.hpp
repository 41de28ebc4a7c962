// One file of spaces.d as a typed space.
#pragma once

#include "daemon/config/problem.hpp"
#include "sync/core/space_config.hpp"

#include <map>
#include <string>
#include <string_view>

namespace lakeferry::daemon {

// Where things stand in the file, for findings that only a look at all spaces can make.
struct space_lines {
    unsigned name = 0;
    unsigned catalog = 0;
    unsigned schema = 0;
    unsigned client_secret = 0;
    unsigned access_token = 0;
    unsigned kafka_topic = 0;
    unsigned kafka_password = 0;
    std::vector<unsigned> write_keys{};  // one a source
};

struct parsed_space {
    core::space_config config{};
    space_lines lines{};
};

// id: the file's name without ".toml". Findings are added to `out`; what is wrong keeps its default in the
// result. Relative paths of secrets are taken from the folder of the file.
parsed_space parse_space_file(std::string_view text, const std::string& file, const std::string& id,
                              bool allow_short_schedules, problems& out);

// May a space be called this: a letter or digit, then letters, digits, "_" and "-"; lower case; 63 in all.
bool is_space_id(std::string_view id) noexcept;

}  // namespace lakeferry::daemon
