// Reading error bodies and messages: no decisions here.
#include "sync/databricks/errors.hpp"
#include "sync/databricks/json_fields.hpp"
#include "sync/databricks/sql.hpp"

#include <algorithm>
#include <cctype>

namespace lakeferry::databricks {

namespace {

constexpr std::size_t message_max = 1024;

bool is_upper_or_digit(char c) noexcept
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string one_line(std::string_view text)
{
    std::string out;
    bool gap = false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= 0x20) {
            gap = !out.empty();
            continue;
        }
        if (gap) out.push_back(' ');
        gap = false;
        out.push_back(c);
        if (out.size() >= message_max) break;
    }
    return out;
}

bool contains_nocase(std::string_view text, std::string_view what)
{
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    return std::search(text.begin(), text.end(), what.begin(), what.end(), same) != text.end();
}

// What a person would read of a page: the <pre>, else the <title>, else the text without tags.
std::string words_of_page(std::string_view page)
{
    for (const std::string_view tag : {"pre>", "title>"}) {
        const auto open = page.find(tag);
        if (open == std::string_view::npos) continue;
        const auto from = open + tag.size();
        const auto to = page.find('<', from);
        return one_line(page.substr(from, to == std::string_view::npos ? to : to - from));
    }
    std::string text;
    bool inside = false;
    for (const char c : page.substr(0, 8 * message_max)) {
        if (c == '<') inside = true;
        if (!inside) text.push_back(c);
        if (c == '>') inside = false;
    }
    return one_line(text);
}

// "4.5s" → 4.5 seconds.
std::optional<rt::duration> protobuf_duration(std::string_view text)
{
    double seconds = 0;
    const auto got = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (got.ec != std::errc{} || got.ptr + 1 != text.data() + text.size() || *got.ptr != 's' || !(seconds >= 0))
        return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 900.0) * 1000));
}

void read_details(const boost::json::array& details, error_body& out)
{
    for (const auto& one : details) {
        const auto* detail = one.if_object();
        if (detail == nullptr) continue;
        const auto type = fields::text(*detail, "@type");
        if (type.ends_with("ErrorInfo") && out.reason.empty()) out.reason = fields::text(*detail, "reason");
        if (type.ends_with("RetryInfo"))
            out.retry_delay = protobuf_duration(fields::text(*detail, "retry_delay"));
    }
}

void read_object(const boost::json::object& body, error_body& out)
{
    out.code = fields::text(body, "error_code");
    if (const auto* code = fields::find(body, "error_code"); code != nullptr && out.code.empty())
        if (const auto number = fields::integer(*code)) out.code = std::to_string(*number);
    for (const std::string_view key : {"message", "detail", "error_description", "error"}) {
        if (out.message.empty()) out.message = one_line(fields::text(body, key));
    }
    if (out.code.empty()) out.code = fields::text(body, "scimType");
    if (const auto* details = fields::array(body, "details")) read_details(*details, out);
}

// "CODE: message", as gateways write.
void read_text(std::string_view body, error_body& out)
{
    const auto colon = body.find(": ");
    const auto code = body.substr(0, colon);
    const bool is_code = colon != std::string_view::npos && colon > 2 &&
                         std::all_of(code.begin(), code.end(), [](char c) { return is_upper_or_digit(c) || c == '_'; });
    if (is_code) {
        out.code = code;
        body.remove_prefix(colon + 2);
    }
    out.message = one_line(body);
}

}  // namespace

bool is_html(const http::response& answer)
{
    if (const auto type = answer.fields.find("Content-Type"))
        if (contains_nocase(*type, "text/html")) return true;
    const auto start = std::string_view(answer.body).substr(0, 200);
    return contains_nocase(start, "<html") || contains_nocase(start, "<!doctype html");
}

std::string short_message(std::string_view message)
{
    auto out = one_line(message.substr(0, message.find("== SQL")));
    if (out.size() > 400) out.resize(400);
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0U) == 0x80U) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0U) out.pop_back();
    return out;
}

error_body parse_error_body(const http::response& answer)
{
    error_body out;
    if (is_html(answer)) {
        out.html = true;
        out.message = words_of_page(answer.body);
        return out;
    }
    if (const auto value = fields::parse(answer.body)) {
        out.json = true;
        if (const auto* object = value->if_object()) read_object(*object, out);
        return out;
    }
    read_text(answer.body, out);
    return out;
}

std::string_view error_class_of(std::string_view message) noexcept
{
    while (!message.empty() && static_cast<unsigned char>(message.front()) <= 0x20) message.remove_prefix(1);
    if (message.empty() || message.front() != '[') return {};
    const auto end = message.find(']');
    if (end == std::string_view::npos || end < 2) return {};
    const auto name = message.substr(1, end - 1);
    const bool ok = std::all_of(name.begin(), name.end(),
                                [](char c) { return is_upper_or_digit(c) || c == '_' || c == '.'; });
    return ok ? name : std::string_view{};
}

std::string_view sql_state_of(std::string_view message) noexcept
{
    constexpr std::string_view mark = "SQLSTATE: ";
    for (auto at = message.find(mark); at != std::string_view::npos; at = message.find(mark, at + 1)) {
        const auto state = message.substr(at + mark.size(), 5);
        if (state.size() == 5 && std::all_of(state.begin(), state.end(), is_upper_or_digit)) return state;
    }
    return {};
}

std::optional<missing_privilege> find_missing_privilege(std::string_view message)
{
    constexpr std::string_view mark = "User does not have ";
    const auto start = message.find(mark);
    if (start == std::string_view::npos) return std::nullopt;
    const auto rest = message.substr(start + mark.size());
    // The privilege ends at the first " on <Kind> '".
    for (auto on = rest.find(" on "); on != std::string_view::npos; on = rest.find(" on ", on + 1)) {
        const auto after = rest.substr(on + 4);
        const auto quote = after.find(" '");
        if (quote == std::string_view::npos) return std::nullopt;
        const auto kind = after.substr(0, quote);
        const auto object = after.substr(quote + 2);
        const auto end = object.find('\'');
        const bool letters = !kind.empty() && kind.size() < 40 && std::all_of(kind.begin(), kind.end(), [](char c) {
            return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == ' ';
        });
        // Somebody may paste what is made of this: nothing but the words of a privilege.
        const auto privilege = rest.substr(0, on);
        const bool words = !privilege.empty() && std::all_of(privilege.begin(), privilege.end(), [](char c) {
            return (c >= 'A' && c <= 'Z') || c == ' ' || c == '_';
        });
        if (!letters || !words || end == std::string_view::npos || on > 60) continue;
        missing_privilege out{std::string(privilege), std::string(kind), std::string(object.substr(0, end))};
        for (auto& c : out.kind) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return out;
    }
    return std::nullopt;
}

std::string grant_text(const missing_privilege& missing, std::string_view principal)
{
    std::string object;
    std::string_view rest = missing.object;
    // Names in messages are plain: catalog, schema and table hold no dots.
    for (;;) {
        const auto dot = rest.find('.');
        if (!object.empty()) object += '.';
        object += quote_identifier(rest.substr(0, dot));
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    const auto who = principal.empty() ? std::string("`<principal>`") : quote_identifier(principal);
    return "GRANT " + missing.privilege + " ON " + missing.kind + " " + object + " TO " + who + ";";
}

bool is_not_found(const rt::failure& why) noexcept
{
    return why.id.ends_with(".not_found");
}

}  // namespace lakeferry::databricks
