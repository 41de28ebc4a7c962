#include "sync/core/row.hpp"

#include "sync/core/json.hpp"
#include "sync/core/timestamps.hpp"

#include <charconv>
#include <cmath>

namespace lakeferry::core {

namespace {

std::uint32_t size32(const std::string& s) noexcept { return static_cast<std::uint32_t>(s.size()); }

bool is_number(cell_kind kind) noexcept { return kind == cell_kind::bigint || kind == cell_kind::double_; }
// Timestamps are texts: which of both a text looks like must not make it another value.
bool is_text(cell_kind kind) noexcept { return kind == cell_kind::string || kind == cell_kind::timestamp; }

std::string_view as_sent(const cell& c) noexcept { return c.kind == cell_kind::timestamp ? c.original : c.json; }

// "-"? digits without a leading zero, inside int64.
bool is_bigint_text(std::string_view text) noexcept
{
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size()) return false;
    const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
    return digits == "0" ? text == "0" : digits.front() != '0';
}

bool double_holds(std::string_view bigint) noexcept
{
    std::int64_t value = 0;
    std::from_chars(bigint.data(), bigint.data() + bigint.size(), value);
    const auto d = static_cast<double>(value);
    if (d >= 0x1p63) return false;
    return static_cast<std::int64_t>(d) == value;
}

bool is_double_text(std::string_view text)
{
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return false;
    std::string printed;
    append_number(printed, value);
    return printed == text;
}

// What is between the quotes. Texts with escapes convert to nothing, so they need not be resolved.
std::string_view inside(std::string_view quoted) noexcept { return quoted.substr(1, quoted.size() - 2); }

cell_range text_cell(std::string& buffer, std::string_view text)
{
    cell_range r;
    // Cheap look before the parser: 2026-01-31T…
    const bool maybe = text.size() >= 17 && text.size() <= 40 && text[4] == '-' && text[7] == '-';
    if (maybe) {
        if (const auto us = parse_full_timestamp(text)) {
            r.kind = cell_kind::timestamp;
            r.json_at = size32(buffer);
            buffer += '"';
            append_timestamp(buffer, *us);
            buffer += '"';
            r.json_bytes = size32(buffer) - r.json_at;
            r.original_at = size32(buffer);
            append_quoted(buffer, text);
            r.original_bytes = size32(buffer) - r.original_at;
            return r;
        }
    }
    r.kind = cell_kind::string;
    r.json_at = size32(buffer);
    append_quoted(buffer, text);
    r.json_bytes = size32(buffer) - r.json_at;
    return r;
}

void append_int(std::string& buffer, std::int64_t value)
{
    char digits[24];
    const auto done = std::to_chars(digits, digits + sizeof digits, value);
    buffer.append(digits, done.ptr);
}

}  // namespace

column_type natural_type(cell_kind kind) noexcept
{
    switch (kind) {
        case cell_kind::boolean: return column_type::boolean;
        case cell_kind::bigint: return column_type::bigint;
        case cell_kind::double_: return column_type::double_;
        case cell_kind::timestamp: return column_type::timestamp;
        case cell_kind::string:
        case cell_kind::array: return column_type::string;
    }
    return column_type::string;
}

bool same_value(const cell& a, const cell& b) noexcept
{
    const bool comparable =
        a.kind == b.kind || (is_number(a.kind) && is_number(b.kind)) || (is_text(a.kind) && is_text(b.kind));
    return comparable && as_sent(a) == as_sent(b);
}

cell_range append_cell(std::string& buffer, const boost::json::value& value)
{
    cell_range r;
    r.json_at = size32(buffer);
    switch (value.kind()) {
        case boost::json::kind::bool_:
            r.kind = cell_kind::boolean;
            buffer += value.get_bool() ? "true" : "false";
            break;
        case boost::json::kind::int64:
            r.kind = cell_kind::bigint;
            append_int(buffer, value.get_int64());
            break;
        case boost::json::kind::uint64: {
            const auto n = value.get_uint64();
            if (n <= INT64_MAX) {
                r.kind = cell_kind::bigint;
                append_int(buffer, static_cast<std::int64_t>(n));
            } else {
                buffer += '"' + std::to_string(n) + '"';
            }
            break;
        }
        case boost::json::kind::double_:
            r.kind = cell_kind::double_;
            append_number(buffer, value.get_double());
            break;
        case boost::json::kind::string: {
            const auto& text = value.get_string();
            return text_cell(buffer, {text.data(), text.size()});
        }
        case boost::json::kind::array: {
            r.kind = cell_kind::array;
            std::string text;
            append_compact(text, value);
            append_quoted(buffer, text);
            break;
        }
        case boost::json::kind::null:
        case boost::json::kind::object: break;  // excluded by the contract; becomes an empty text of no bytes
    }
    r.json_bytes = size32(buffer) - r.json_at;
    return r;
}

cell at(std::string_view buffer, const cell_range& range) noexcept
{
    return {.kind = range.kind,
            .json = buffer.substr(range.json_at, range.json_bytes),
            .original = buffer.substr(range.original_at, range.original_bytes)};
}

void append_as_text(std::string& out, const cell& value)
{
    if (is_text(value.kind) || value.kind == cell_kind::array) {
        out += as_sent(value);
        return;
    }
    out += '"';
    out += value.json;
    out += '"';
}

bool append_fitting(std::string& out, const cell& value, column_type to)
{
    if (natural_type(value.kind) == to) {
        out += value.json;
        return true;
    }
    if (to == column_type::string) {
        append_as_text(out, value);
        return true;
    }
    std::string_view fitting{};
    const std::string_view text = value.kind == cell_kind::string ? inside(value.json) : std::string_view();
    switch (to) {
        case column_type::boolean:
            if (text == "true" || text == "false") fitting = text;
            break;
        case column_type::bigint:
            // A double prints as whole digits if it is whole; beyond int64 those do not parse.
            if (value.kind == cell_kind::double_ && is_bigint_text(value.json)) fitting = value.json;
            if (!text.empty() && is_bigint_text(text)) fitting = text;
            break;
        case column_type::double_:
            if (value.kind == cell_kind::bigint && double_holds(value.json)) fitting = value.json;
            if (!text.empty() && is_double_text(text)) fitting = text;
            break;
        case column_type::timestamp:
        case column_type::string: break;
    }
    if (fitting.empty()) return false;
    out += fitting;
    return true;
}

void row_writer::name(std::string_view name)
{
    if (out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
}

void row_writer::text(std::string_view name, std::string_view value)
{
    this->name(name);
    append_quoted(out_, value);
}

void row_writer::timestamp(std::string_view name, std::int64_t us)
{
    this->name(name);
    out_ += '"';
    append_timestamp(out_, us);
    out_ += '"';
}

void row_writer::bigint(std::string_view name, std::int64_t value)
{
    this->name(name);
    append_int(out_, value);
}

void rescued_values::add(std::string_view column, const cell& value)
{
    object_ += object_.empty() ? '{' : ',';
    object_ += '"';
    object_ += column;
    object_ += "\":";
    object_ += as_sent(value);
}

void rescued_values::flush(row_writer& row)
{
    if (object_.empty()) return;
    object_ += '}';
    row.text(rescued_column, object_);
    object_.clear();
}

}  // namespace lakeferry::core
