#include "daemon/config/tree.hpp"

#include <toml++/toml.h>

namespace lakeferry::daemon {

namespace {

toml_value convert(const toml::node& from)
{
    using kind = toml_value::kind;
    toml_value to;
    to.line = from.source().begin.line;
    switch (from.type()) {
        case toml::node_type::table:
            to.is = kind::table;
            for (const auto& [key, member] : *from.as_table()) {
                auto& placed = to.members[std::string(key.str())] = convert(member);
                // A finding about "key = value" is best shown where the key stands; the header of a
                // table is where the table stands.
                if (key.source().begin.line != 0) placed.line = key.source().begin.line;
            }
            break;
        case toml::node_type::array:
            to.is = kind::array;
            for (const auto& item : *from.as_array()) to.items.push_back(convert(item));
            break;
        case toml::node_type::string:
            to.is = kind::text;
            to.text = from.as_string()->get();
            break;
        case toml::node_type::integer:
            to.is = kind::integer;
            to.integer = from.as_integer()->get();
            break;
        case toml::node_type::floating_point:
            to.is = kind::real;
            to.real = from.as_floating_point()->get();
            break;
        case toml::node_type::boolean:
            to.is = kind::boolean;
            to.boolean = from.as_boolean()->get();
            break;
        default: to.is = kind::date; break;
    }
    return to;
}

}  // namespace

const char* to_string(toml_value::kind k) noexcept
{
    switch (k) {
        case toml_value::kind::table: return "a table";
        case toml_value::kind::array: return "an array";
        case toml_value::kind::text: return "a text";
        case toml_value::kind::integer: return "an integer";
        case toml_value::kind::real: return "a number with a fraction";
        case toml_value::kind::boolean: return "true or false";
        case toml_value::kind::date: return "a date or time";
    }
    return "something else";
}

std::optional<toml_value> parse_toml(std::string_view text, const std::string& file, problems& out)
{
    try {
        return convert(toml::parse(text, std::string_view(file)));
    } catch (const toml::parse_error& e) {
        out.push_back({.file = file,
                       .line = e.source().begin.line,
                       .what = "is not valid TOML: " + std::string(e.description()),
                       .cure = "mend the syntax of this line"});
        return std::nullopt;
    }
}

std::string toml_quoted(std::string_view text)
{
    static constexpr char hex[] = "0123456789ABCDEF";
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (byte < 0x20U || byte == 0x7FU) {
            quoted += "\\u00";
            quoted += hex[byte >> 4U];
            quoted += hex[byte & 0xFU];
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

}  // namespace lakeferry::daemon
