// Writing JSON, and splitting it without parsing.
#include "sync/core/json.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>

#include <array>
#include <charconv>
#include <cstring>

namespace lakeferry::core {
namespace {

template <class Integer>
void append_integer(std::string& to, Integer value)
{
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    to.append(text.data(), end);
}

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Walks over a text that need not be valid JSON.
class splitter {
public:
    explicit splitter(std::string_view text) noexcept : text_(text) {}

    std::size_t at() const noexcept { return at_; }
    bool done() const noexcept { return at_ == text_.size(); }
    void skip_space() noexcept
    {
        while (!done() && is_space(text_[at_])) ++at_;
    }
    bool take(char c) noexcept
    {
        if (done() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    // From the opening quote to behind the closing one.
    bool skip_string() noexcept
    {
        if (!take('"')) return false;
        while (!done()) {
            const char c = text_[at_++];
            if (c == '"') return true;
            if (c == '\\' && !done()) ++at_;
        }
        return false;
    }
    // One value, told by brackets and quotes alone.
    bool skip_value() noexcept
    {
        const std::size_t begin = at_;
        std::size_t depth = 0;
        while (!done()) {
            const char c = text_[at_];
            if (c == '"') {
                if (!skip_string()) return false;
            } else if (c == '{' || c == '[') {
                ++depth;
                ++at_;
            } else if (c == '}' || c == ']') {
                if (depth == 0) return at_ > begin;
                --depth;
                ++at_;
                if (depth == 0) return true;
            } else if (depth == 0 && (c == ',' || is_space(c))) {
                return at_ > begin;
            } else {
                ++at_;
            }
        }
        return depth == 0 && at_ > begin;
    }
    std::string_view from(std::size_t begin) const noexcept { return text_.substr(begin, at_ - begin); }

private:
    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

void append_quoted(std::string& to, std::string_view text)
{
    static constexpr char digits[] = "0123456789abcdef";
    to.push_back('"');
    std::size_t kept = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
        to.append(text.data() + kept, i - kept);
        kept = i + 1;
        to.push_back('\\');
        switch (c) {
            case '"':
            case '\\': to.push_back(c); break;
            case '\b': to.push_back('b'); break;
            case '\f': to.push_back('f'); break;
            case '\n': to.push_back('n'); break;
            case '\r': to.push_back('r'); break;
            case '\t': to.push_back('t'); break;
            default:
                to.append("u00");
                to.push_back(digits[static_cast<unsigned char>(c) >> 4U]);
                to.push_back(digits[static_cast<unsigned char>(c) & 15U]);
        }
    }
    to.append(text.data() + kept, text.size() - kept);
    to.push_back('"');
}

void append_number(std::string& to, double value)
{
    if (value == 0.0) {
        to.push_back('0');
        return;
    }
    // d.ddde+xx with the fewest digits, laid out for people. Whole numbers that a 64-bit reader would not take stay with
    // an exponent, so that reading the text again gives a number again.
    std::array<char, 32> text{};
    const auto end =
        std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::scientific).ptr;
    std::string_view all(text.data(), static_cast<std::size_t>(end - text.data()));
    if (all.front() == '-') {
        to.push_back('-');
        all.remove_prefix(1);
    }
    const std::size_t e = all.find('e');
    int exponent = 0;
    std::from_chars(all.data() + e + 1 + (all[e + 1] == '+'), end, exponent);
    std::string digits(1, all.front());
    if (e > 2) digits.append(all.substr(2, e - 2));

    const int count = static_cast<int>(digits.size());
    if (exponent >= 18 || exponent < -6) {
        to.push_back(digits.front());
        if (count > 1) to.append(1, '.').append(digits, 1);
        to.push_back('e');
        append_integer(to, exponent);
    } else if (exponent < 0) {
        to.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    } else if (count <= exponent + 1) {
        to.append(digits).append(static_cast<std::size_t>(exponent + 1 - count), '0');
    } else {
        const auto whole = static_cast<std::size_t>(exponent) + 1;
        to.append(digits, 0, whole).append(1, '.').append(digits, whole);
    }
}

void append_compact(std::string& to, const boost::json::value& value)
{
    switch (value.kind()) {
        case boost::json::kind::null: to.append("null"); break;
        case boost::json::kind::bool_: to.append(value.get_bool() ? "true" : "false"); break;
        case boost::json::kind::int64: append_integer(to, value.get_int64()); break;
        case boost::json::kind::uint64: append_integer(to, value.get_uint64()); break;
        case boost::json::kind::double_: append_number(to, value.get_double()); break;
        case boost::json::kind::string: {
            const auto& text = value.get_string();
            append_quoted(to, {text.data(), text.size()});
            break;
        }
        case boost::json::kind::array: {
            char before = '[';
            for (const auto& item : value.get_array()) {
                to.push_back(std::exchange(before, ','));
                append_compact(to, item);
            }
            if (before == '[') to.push_back('[');
            to.push_back(']');
            break;
        }
        case boost::json::kind::object: {
            char before = '{';
            for (const auto& member : value.get_object()) {
                to.push_back(std::exchange(before, ','));
                append_quoted(to, {member.key().data(), member.key().size()});
                to.push_back(':');
                append_compact(to, member.value());
            }
            if (before == '{') to.push_back('{');
            to.push_back('}');
            break;
        }
    }
}

std::string compact(const boost::json::value& value)
{
    std::string out;
    append_compact(out, value);
    return out;
}

std::optional<std::size_t> split_array(std::string_view text, const item_visitor& visit)
{
    splitter in(text);
    in.skip_space();
    if (!in.take('[')) return in.at();
    in.skip_space();
    bool more = !in.take(']');
    while (more) {
        in.skip_space();
        const std::size_t begin = in.at();
        if (!in.skip_value()) return in.at();
        if (!visit(in.from(begin))) return std::nullopt;
        in.skip_space();
        if (in.take(',')) continue;
        if (!in.take(']')) return in.at();
        more = false;
    }
    in.skip_space();
    if (!in.done()) return in.at();
    return std::nullopt;
}

std::optional<std::size_t> split_object(std::string_view text, const member_visitor& visit)
{
    splitter in(text);
    in.skip_space();
    if (!in.take('{')) return in.at();
    in.skip_space();
    bool more = !in.take('}');
    while (more) {
        in.skip_space();
        const std::size_t key_begin = in.at();
        if (!in.skip_string()) return in.at();
        const std::string_view quoted = in.from(key_begin);
        in.skip_space();
        if (!in.take(':')) return in.at();
        in.skip_space();
        const std::size_t begin = in.at();
        if (!in.skip_value()) return in.at();
        if (!visit(quoted.substr(1, quoted.size() - 2), in.from(begin))) return std::nullopt;
        in.skip_space();
        if (in.take(',')) continue;
        if (!in.take('}')) return in.at();
        more = false;
    }
    in.skip_space();
    if (!in.done()) return in.at();
    return std::nullopt;
}

std::string_view trim_json_space(std::string_view text) noexcept
{
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

std::size_t count_characters(std::string_view utf8) noexcept
{
    std::size_t count = 0;
    for (const char c : utf8) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    return count;
}

std::size_t find_bad_utf8(std::string_view text) noexcept
{
    const auto byte = [&](std::size_t i) -> unsigned {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    for (std::size_t i = 0; i < text.size();) {
        const unsigned b = byte(i);
        std::size_t length = 1;
        // The second byte is narrower where overlong forms, surrogates and what is beyond U+10FFFF would begin.
        unsigned low = 0x80;
        unsigned high = 0xBF;
        if (b < 0x80) {
            ++i;
            continue;
        }
        if (b >= 0xC2 && b <= 0xDF) {
            length = 2;
        } else if (b >= 0xE0 && b <= 0xEF) {
            length = 3;
            if (b == 0xE0) low = 0xA0;
            if (b == 0xED) high = 0x9F;
        } else if (b >= 0xF0 && b <= 0xF4) {
            length = 4;
            if (b == 0xF0) low = 0x90;
            if (b == 0xF4) high = 0x8F;
        } else {
            return i;
        }
        if (byte(i + 1) < low || byte(i + 1) > high) return i;
        for (std::size_t j = 2; j < length; ++j)
            if ((byte(i + j) & 0xC0U) != 0x80U) return i;
        i += length;
    }
    return std::string_view::npos;
}

}  // namespace lakeferry::core
