// A TOML document as plain values with line numbers; the only file that includes the TOML library is tree.cpp.
#pragma once

#include "daemon/config/problem.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

struct toml_value {
    enum class kind { table, array, text, integer, real, boolean, date };

    kind is = kind::table;
    unsigned line = 0;
    std::string text{};
    std::int64_t integer = 0;
    double real = 0;
    bool boolean = false;
    std::vector<toml_value> items{};
    std::map<std::string, toml_value> members{};

    const toml_value* find(const std::string& name) const noexcept
    {
        const auto it = members.find(name);
        return it == members.end() ? nullptr : &it->second;
    }
};

// "a text", "an integer": for messages.
const char* to_string(toml_value::kind k) noexcept;

// nullopt: not TOML; the finding (with its line) is added to `out`.
std::optional<toml_value> parse_toml(std::string_view text, const std::string& file, problems& out);

// A text as TOML writes it, in quotes.
std::string toml_quoted(std::string_view text);

}  // namespace lakeferry::daemon
