#include "sync/core/json_tokens.hpp"

namespace lakeferry::core {

namespace {

// The next text with its quotes at or after `from`; empty: there is none.
std::string_view next_token(std::string_view json, std::size_t from)
{
    const std::size_t begin = json.find('"', from);
    if (begin == std::string_view::npos) return {};
    for (std::size_t i = begin + 1; i < json.size(); ++i) {
        if (json[i] == '\\')
            ++i;
        else if (json[i] == '"')
            return json.substr(begin, i + 1 - begin);
    }
    return {};
}

}  // namespace

bool has_token(std::string_view json, const quoted_set& any)
{
    for (auto token = next_token(json, 0); !token.empty();) {
        if (any.contains(std::string(token))) return true;
        token = next_token(json, static_cast<std::size_t>(token.data() - json.data()) + token.size());
    }
    return false;
}

std::size_t replace_tokens(std::string& json, const quoted_set& any, std::string_view by)
{
    std::string out;
    std::size_t done = 0;
    std::size_t count = 0;
    const std::string_view all(json);
    for (auto token = next_token(all, 0); !token.empty();) {
        const auto at = static_cast<std::size_t>(token.data() - all.data());
        const auto after = at + token.size();
        if (any.contains(std::string(token))) {
            out.append(all.substr(done, at - done)).append(by);
            done = after;
            ++count;
        }
        token = next_token(all, after);
    }
    if (count == 0) return 0;
    out.append(all.substr(done));
    json = std::move(out);
    return count;
}

}  // namespace lakeferry::core
