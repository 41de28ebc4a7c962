#include "net/obs/logger.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace lakeferry::obs {

namespace {

constexpr std::array<std::string_view, 4> level_names{"debug", "info", "warn", "error"};

std::string timestamp(std::int64_t us)
{
    // Days to a civil date (Howard Hinnant's well-known algorithm is what std::chrono does as well).
    using namespace std::chrono;
    const sys_time<milliseconds> at{floor<milliseconds>(microseconds(us))};
    const auto day = floor<days>(at);
    const year_month_day date(day);
    const hh_mm_ss clock(at - day);
    std::array<char, 40> out{};
    std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return out.data();
}

// Log lines are lines: whoever chose the text of a value must not be able to forge another one.
void append_plain(std::string& out, std::string_view text)
{
    for (const char c : text) {
        const auto u = static_cast<unsigned char>(c);
        if (u >= 32 && u != 127) {
            out += c;
            continue;
        }
        std::array<char, 8> escaped{};
        if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (c == '\r')
            out += "\\r";
        else if (std::snprintf(escaped.data(), escaped.size(), "\\x%02x", static_cast<unsigned>(u)) > 0)
            out += escaped.data();
    }
}

void append_value(std::string& out, std::string_view value)
{
    if (!value.empty() && value.find_first_of(" \"=\t\r\n") == std::string_view::npos) {
        append_plain(out, value);
        return;
    }
    out += '"';
    for (auto rest = value; !rest.empty();) {
        const auto quote = std::min(rest.find_first_of("\"\\"), rest.size());
        append_plain(out, rest.substr(0, quote));
        if (quote < rest.size()) (out += '\\') += rest[quote];
        rest.remove_prefix(std::min(quote + 1, rest.size()));
    }
    out += '"';
}

// Boost.JSON writes bytes as they are: what is not UTF-8 would make the whole line invalid.
std::string valid_utf8(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t size = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0U) == 0xe0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
        bool good = size > 0 && i + size <= text.size();
        for (std::size_t k = 1; good && k < size; ++k)
            good = (static_cast<unsigned char>(text[i + k]) & 0xc0U) == 0x80;
        if (good && size > 2) {
            const auto next = static_cast<unsigned char>(text[i + 1]);
            good = !(lead == 0xe0 && next < 0xa0) && !(lead == 0xed && next > 0x9f) && !(lead == 0xf0 && next < 0x90) &&
                   !(lead == 0xf4 && next > 0x8f);
        }
        if (good)
            out += text.substr(i, size);
        else
            out += "\xef\xbf\xbd";
        i += good ? size : 1;
    }
    return out;
}

void append_json(std::string& out, std::string_view text)
{
    out += boost::json::serialize(boost::json::string_view(valid_utf8(text)));
}

void append_journal(std::string& out, std::string_view name, std::string_view value)
{
    out += name;
    if (value.find('\n') == std::string_view::npos) {
        (out += '=') += value;
    } else {
        out += '\n';
        for (auto size = static_cast<std::uint64_t>(value.size()), i = std::uint64_t{0}; i < 8; ++i, size >>= 8U)
            out += static_cast<char>(size & 0xffU);
        out += value;
    }
    out += '\n';
}

std::string journal_name(std::string_view key)
{
    std::string out = "LAKEFERRY_";
    for (const char c : key) {
        const bool keeps = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : keeps ? c : '_';
    }
    return out.substr(0, 64);
}

}  // namespace

field::field(std::string_view k, double v) : key(k)
{
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.3f", v);
    value = text.data();
}

std::string_view to_string(level of) noexcept { return level_names[static_cast<std::size_t>(of)]; }

std::optional<level> parse_level(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < level_names.size(); ++i)
        if (level_names[i] == name) return static_cast<level>(i);
    return std::nullopt;
}

std::optional<log_format> parse_format(std::string_view name) noexcept
{
    if (name == "text") return log_format::text;
    if (name == "json") return log_format::json;
    if (name == "journal") return log_format::journal;
    return std::nullopt;
}

std::string text_line(std::int64_t now_us, level how, std::string_view event, std::string_view message,
                      const std::vector<field>& fields)
{
    std::string out = timestamp(now_us);
    out += ' ';
    out += to_string(how);
    out.append(6 - to_string(how).size(), ' ');
    append_plain(out, event);
    for (const auto& f : fields) {
        out += ' ';
        append_plain(out, f.key);
        out += '=';
        append_value(out, f.value);
    }
    out += ' ';
    append_plain(out, message);
    return out;
}

std::string json_line(std::int64_t now_us, level how, std::string_view event, std::string_view message,
                      const std::vector<field>& fields)
{
    std::string out = "{\"time\":\"" + timestamp(now_us) + "\",\"level\":\"";
    out += to_string(how);
    out += "\",\"event\":";
    append_json(out, event);
    out += ",\"message\":";
    append_json(out, message);
    for (const auto& f : fields) {
        out += ',';
        append_json(out, f.key);
        out += ':';
        append_json(out, f.value);
    }
    out += '}';
    return out;
}

std::string journal_record(level how, std::string_view event, std::string_view message,
                           const std::vector<field>& fields)
{
    static constexpr std::array<std::string_view, 4> priorities{"7", "6", "4", "3"};
    std::string out;
    append_journal(out, "MESSAGE", message);
    append_journal(out, "PRIORITY", priorities[static_cast<std::size_t>(how)]);
    append_journal(out, "SYSLOG_IDENTIFIER", "lakeferry");
    append_journal(out, "LAKEFERRY_EVENT", event);
    for (const auto& f : fields) append_journal(out, journal_name(f.key), f.value);
    return out;
}

}  // namespace lakeferry::obs
