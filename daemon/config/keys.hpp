// Every key that a configuration may hold. The parser looks names up here, the documentation is compared with it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

enum class config_file { daemon, space };

// path: dotted, "[]" after the name of an array of tables: "sources[].write_key". type and standard (the
// default) are the words of the documentation; "required" stands for none.
struct key_spec {
    config_file in;
    std::string_view path;
    std::string_view type;
    std::string_view standard;
};

std::span<const key_spec> known_keys() noexcept;

// Names directly below a table ("" is the top): keys and tables.
std::vector<std::string> names_below(config_file in, std::string_view table);

}  // namespace lakeferry::daemon
