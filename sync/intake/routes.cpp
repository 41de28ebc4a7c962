#include "sync/intake/routes.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::intake {
namespace {

using core::call_type;

constexpr std::array<route, 15> routes{{{"/v1/batch", std::nullopt},
                                        {"/v1/track", call_type::track},
                                        {"/v1/identify", call_type::identify},
                                        {"/v1/page", call_type::page},
                                        {"/v1/screen", call_type::screen},
                                        {"/v1/group", call_type::group},
                                        {"/v1/alias", call_type::alias},
                                        {"/v1/import", std::nullopt},
                                        {"/v1/b", std::nullopt},
                                        {"/v1/t", call_type::track},
                                        {"/v1/i", call_type::identify},
                                        {"/v1/p", call_type::page},
                                        {"/v1/s", call_type::screen},
                                        {"/v1/g", call_type::group},
                                        {"/v1/a", call_type::alias}}};

std::string_view trimmed(std::string_view s) noexcept
{
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

int base64_digit(char c) noexcept
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

std::optional<std::string> decode_base64(std::string_view text)
{
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const int digit = base64_digit(c);
        if (digit < 0) return std::nullopt;
        held = (held << 6U) | static_cast<unsigned>(digit);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.push_back(static_cast<char>((held >> bits) & 0xFFU));
    }
    return out;
}

}  // namespace

const route* find_route(std::string_view target) noexcept
{
    const std::string_view path = http::split_target(target).first;
    const auto at = std::find_if(routes.begin(), routes.end(), [&](const route& r) { return r.path == path; });
    return at == routes.end() ? nullptr : at;
}

bool is_json_type(std::optional<std::string_view> content_type) noexcept
{
    if (!content_type) return false;
    const std::string_view type = trimmed(content_type->substr(0, content_type->find(';')));
    return http::same_token(type, "application/json") || http::same_token(type, "text/plain");
}

encoding encoding_of(const http::headers& fields) noexcept
{
    const auto field = fields.find("Content-Encoding");
    if (!field || trimmed(*field).empty() || http::same_token(trimmed(*field), "identity")) return encoding::identity;
    if (fields.count("Content-Encoding") > 1) return encoding::other;
    return http::same_token(trimmed(*field), "gzip") || http::same_token(trimmed(*field), "x-gzip") ? encoding::gzip : encoding::other;
}

basic_user read_basic(const http::headers& fields)
{
    basic_user out;
    const auto field = fields.find("Authorization");
    if (!field) return out;
    const std::string_view text = trimmed(*field);
    const std::size_t space = text.find(' ');
    if (!http::same_token(text.substr(0, space), "Basic")) return out;
    out.present = true;
    const auto decoded =
        space == std::string_view::npos ? std::nullopt : decode_base64(trimmed(text.substr(space + 1)));
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) {
        out.broken = true;
        return out;
    }
    out.user = decoded->substr(0, colon);
    return out;
}

}  // namespace lakeferry::intake
