// The members of a row of ours, read from its text without touching a value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::core {

// Views into the line. json is the value's text: a number, true, false, null, or a text in quotes.
struct row_member {
    std::string_view name{};
    std::string_view json{};
};
// line: {"a":1,"b":"x"} as row_writer writes it, with or without a line feed: no white space, no nested values, names
// without escapes. Empty where it is not that.
std::vector<row_member> members_of(std::string_view line);
// The row again, without a line feed.
std::string row_of(const std::vector<row_member>& members);

}  // namespace lakeferry::core
