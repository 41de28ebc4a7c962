// Texts inside JSON texts, without parsing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace lakeferry::core {

// JSON texts with their quotes, as append_quoted() writes them.
using quoted_set = std::unordered_set<std::string>;

// True if one of them stands in the text as a whole.
bool has_token(std::string_view json, const quoted_set& any);
// Every one of them replaced; how many there were.
std::size_t replace_tokens(std::string& json, const quoted_set& any, std::string_view by);

}  // namespace lakeferry::core
