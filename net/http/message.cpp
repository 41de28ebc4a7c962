#include "net/http/message.hpp"

#include <algorithm>

namespace lakeferry::http {

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// "+" is a space in queries (application/x-www-form-urlencoded).
std::optional<std::string> decode_query(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+') {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high < 0 || low < 0) return std::nullopt;
            out += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return out;
}

std::string encode(std::string_view text, bool keep_slash)
{
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() + text.size() / 4);
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4U];
        out += digits[byte & 15U];
    }
    return out;
}

bool has_own_port(const origin& o) noexcept
{
    return o.port.empty() || (o.scheme == "https" && o.port == "443") || (o.scheme == "http" && o.port == "80");
}

response typed(unsigned status, const char* type, std::string body)
{
    response r;
    r.status = status;
    r.fields.add("Content-Type", type);
    r.body = std::move(body);
    return r;
}

}  // namespace

bool same_token(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void headers::add(std::string name, std::string value)
{
    constexpr std::size_t usual = 8;
    if (fields_.empty()) fields_.reserve(usual);
    fields_.emplace_back(std::move(name), std::move(value));
}

void headers::set(std::string_view name, std::string value)
{
    bool kept = false;
    std::erase_if(fields_, [&](auto& field) {
        if (!same_token(field.first, name)) return false;
        if (kept) return true;
        kept = true;
        field.second = std::move(value);
        return false;
    });
    if (!kept) fields_.emplace_back(std::string(name), std::move(value));
}

std::optional<std::string_view> headers::find(std::string_view name) const noexcept
{
    for (const auto& [key, value] : fields_)
        if (same_token(key, name)) return value;
    return std::nullopt;
}

std::size_t headers::count(std::string_view name) const noexcept
{
    return static_cast<std::size_t>(
        std::count_if(fields_.begin(), fields_.end(), [&](const auto& f) { return same_token(f.first, name); }));
}

std::string origin::text() const
{
    if (scheme == "unix") return "unix:" + host;
    return scheme + "://" + authority();
}

std::string origin::authority() const
{
    if (scheme == "unix") return "localhost";
    const bool v6 = host.find(':') != std::string::npos;
    std::string out = v6 ? "[" + host + "]" : host;
    if (!has_own_port(*this)) out += ":" + port;
    return out;
}

response json_response(unsigned status, std::string body)
{
    return typed(status, "application/json; charset=utf-8", std::move(body));
}

response text_response(unsigned status, std::string body)
{
    return typed(status, "text/plain; charset=utf-8", std::move(body));
}

std::pair<std::string_view, std::string_view> split_target(std::string_view target) noexcept
{
    const auto mark = target.find('?');
    if (mark == std::string_view::npos) return {target, {}};
    return {target.substr(0, mark), target.substr(mark + 1)};
}

std::optional<std::string> query_parameter(std::string_view target, std::string_view name)
{
    auto rest = split_target(target).second;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto pair = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        const auto key = decode_query(pair.substr(0, equals));
        if (!key || *key != name) continue;
        return decode_query(pair.substr(std::min(equals + 1, pair.size())));
    }
    return std::nullopt;
}

std::string encode_component(std::string_view text) { return encode(text, false); }
std::string encode_path(std::string_view text) { return encode(text, true); }

}  // namespace lakeferry::http
