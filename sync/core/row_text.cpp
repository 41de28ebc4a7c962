#include "sync/core/row_text.hpp"

namespace lakeferry::core {

namespace {

// One past the text that begins at `at` with a quote; npos: it does not end.
std::size_t end_of_text(std::string_view line, std::size_t at) noexcept
{
    for (++at; at < line.size(); ++at) {
        if (line[at] == '\\') ++at;
        else if (line[at] == '"') return at + 1;
    }
    return std::string_view::npos;
}

}  // namespace

std::vector<row_member> members_of(std::string_view line)
{
    std::vector<row_member> all;
    if (line.empty() || line.front() != '{') return all;
    std::size_t at = 1;
    while (at < line.size() && line[at] == '"') {
        const std::size_t name_end = end_of_text(line, at);
        if (name_end == std::string_view::npos || name_end >= line.size() || line[name_end] != ':') return {};
        const std::size_t value = name_end + 1;
        if (value >= line.size()) return {};
        const std::size_t end =
            line[value] == '"' ? end_of_text(line, value) : line.find_first_of(",}", value);
        if (end == std::string_view::npos || end >= line.size()) return {};
        all.push_back({line.substr(at + 1, name_end - at - 2), line.substr(value, end - value)});
        at = end + 1;
        if (line[end] == '}') return all;
        if (line[end] != ',') return {};
    }
    return {};
}

std::string row_of(const std::vector<row_member>& members)
{
    std::string out = "{";
    for (const auto& m : members) {
        if (out.size() > 1) out += ',';
        out += '"';
        out += m.name;
        out += "\":";
        out += m.json;
    }
    return out + "}";
}

}  // namespace lakeferry::core
