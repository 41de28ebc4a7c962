#include "net/obs/redaction.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace lakeferry::obs {

bool is_sensitive_field(std::string_view name) noexcept
{
    std::string lower(name);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    static constexpr std::array<std::string_view, 8> marks{"authorization", "cookie",    "token",   "secret",
                                                           "key",           "signature", "password", "credential"};
    return std::any_of(marks.begin(), marks.end(),
                       [&](std::string_view mark) { return lower.find(mark) != std::string::npos; });
}

void loggable_fields::add(std::string_view name, std::string_view value)
{
    constexpr std::size_t value_max = 200;
    if (!text_.empty()) text_ += "; ";
    std::transform(name.begin(), name.end(), std::back_inserter(text_),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    text_ += '=';
    if (is_sensitive_field(name)) {
        text_ += "[redacted]";
        return;
    }
    text_ += value.substr(0, value_max);
    if (value.size() > value_max) text_ += "...";
}

}  // namespace lakeferry::obs
