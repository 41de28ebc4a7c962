#include "sync/databricks/sql.hpp"

#include <array>
#include <utility>

namespace lakeferry::databricks {

std::string quote_identifier(std::string_view name)
{
    std::string out;
    out.reserve(name.size() + 2);
    out.push_back('`');
    for (const char c : name) {
        if (c == '`') out.push_back('`');
        out.push_back(c);
    }
    out.push_back('`');
    return out;
}

std::string quote_string(std::string_view text)
{
    static constexpr std::string_view hex = "0123456789abcdef";
    std::string out;
    out.reserve(text.size() + 2);
    out.push_back('\'');
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\'' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f || (c == '$' && i + 1 < text.size() && text[i + 1] == '{')) {
            // The last: Spark replaces ${…} by variables before it parses, inside of literals too.
            out += "\\u00";
            out.push_back(hex[byte >> 4U]);
            out.push_back(hex[byte & 15U]);
        } else {
            out.push_back(c);
        }
    }
    out.push_back('\'');
    return out;
}

std::string qualified(std::string_view catalog, std::string_view schema, std::string_view name)
{
    std::string out;
    for (const auto part : {catalog, schema, name}) {
        if (part.empty()) continue;
        if (!out.empty()) out.push_back('.');
        out += quote_identifier(part);
    }
    return out;
}

std::string qualified(std::string_view catalog, std::string_view schema)
{
    return qualified(catalog, schema, {});
}

std::string comment_header(std::string_view space, std::string_view run, std::string_view load)
{
    std::string out = "/* lakeferry";
    const std::array<std::pair<std::string_view, std::string_view>, 3> parts{
        {{"space", space}, {"run", run}, {"load", load}}};
    for (const auto& [key, value] : parts) {
        if (value.empty()) continue;
        out.append(" ").append(key).append("=");
        for (const char c : value.substr(0, 200)) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                               c == '_' || c == '.' || c == ':' || c == '-';
            out.push_back(plain ? c : '_');
        }
    }
    return out + " */\n";
}

}  // namespace lakeferry::databricks
