#include "sync/profiles/row_file.hpp"

#include "sync/core/timestamps.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <optional>

namespace lakeferry::profiles {

namespace json = boost::json;
using boost::system::error_code;

namespace {

parquet::value_type type_of(core::column_type t) noexcept
{
    switch (t) {
        case core::column_type::boolean: return parquet::value_type::boolean;
        case core::column_type::bigint: return parquet::value_type::int64;
        case core::column_type::double_: return parquet::value_type::float64;
        case core::column_type::timestamp: return parquet::value_type::timestamp;
        case core::column_type::string: return parquet::value_type::text;
    }
    return parquet::value_type::text;
}

std::vector<parquet::column_schema> schema_of(const core::table& t)
{
    std::vector<parquet::column_schema> out;
    if (t.kind == core::table_kind::keyed) out.push_back({"_op", parquet::value_type::text});
    for (const auto& c : t.columns) out.push_back({c.name, type_of(c.type)});
    return out;
}

std::optional<std::int64_t> whole_number(std::string_view text) noexcept
{
    std::int64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<double> number(std::string_view text)
{
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end != text.data() + text.size() || text.empty()) return std::nullopt;
    // Beyond what a double holds: infinite or zero, as SQL's CAST has it.
    if (ec == std::errc::result_out_of_range) return std::strtod(std::string(text).c_str(), nullptr);
    return ec == std::errc() ? std::optional(value) : std::nullopt;
}

}  // namespace

// What Boost's parser calls for one row. Numbers are taken by their text: no digit changes on the way.
class row_file::reader {
public:
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = max_object_size;
    static constexpr std::size_t max_key_size = max_object_size;
    static constexpr std::size_t max_string_size = max_object_size;

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_array_begin(error_code& ec) { return no(ec); }
    bool on_array_end(std::size_t, error_code&) { return true; }
    bool on_object_begin(error_code& ec) { return inside_ ? no(ec) : (inside_ = true); }
    bool on_object_end(std::size_t, error_code&) { return true; }
    bool on_key_part(json::string_view s, std::size_t, error_code&) { return text_.append(s.data(), s.size()), true; }
    bool on_key(json::string_view s, std::size_t, error_code&)
    {
        find(whole(s));
        text_.clear();
        return true;
    }
    bool on_string_part(json::string_view s, std::size_t, error_code&) { return text_.append(s.data(), s.size()), true; }
    bool on_string(json::string_view s, std::size_t, error_code& ec)
    {
        const bool fits = put(whole(s));
        text_.clear();
        return fits || no(ec);
    }
    bool on_number_part(json::string_view s, error_code&) { return text_.append(s.data(), s.size()), true; }
    bool on_int64(std::int64_t, json::string_view s, error_code& ec) { return on_string(s, 0, ec); }
    bool on_uint64(std::uint64_t, json::string_view s, error_code& ec) { return on_string(s, 0, ec); }
    bool on_double(double, json::string_view s, error_code& ec) { return on_string(s, 0, ec); }
    bool on_bool(bool b, error_code& ec) { return put(b ? "true" : "false") || no(ec); }
    bool on_null(error_code&) { return true; }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

    row_file* to = nullptr;

    void begin_row()
    {
        inside_ = false;
        text_.clear();
        next_ = 0;
    }
    bool saw_object() const noexcept { return inside_; }
    std::string_view column() const { return at_ < size() ? std::string_view(to->file_.schema()[at_].name) : ""; }

private:
    std::size_t size() const { return to->file_.schema().size(); }
    static bool no(error_code& ec)
    {
        ec = json::error::syntax;
        return false;
    }
    std::string_view whole(json::string_view last)
    {
        if (text_.empty()) return {last.data(), last.size()};
        return text_.append(last.data(), last.size());
    }

    // Rows mostly have their columns in the same order.
    void find(std::string_view name)
    {
        const auto& schema = to->file_.schema();
        if (next_ < schema.size() && schema[next_].name == name) {
            at_ = next_++;
            return;
        }
        const auto known = to->places_.find(name);
        at_ = known == to->places_.end() ? schema.size() : known->second;
        if (at_ < schema.size()) next_ = at_ + 1;
    }

    bool put(std::string_view value)
    {
        if (at_ >= size()) return true;
        auto& file = to->file_;
        if (file.has(at_)) return false;
        switch (file.schema()[at_].type) {
            case parquet::value_type::text: file.text(at_, value); return true;
            case parquet::value_type::boolean:
                if (value != "true" && value != "false") return false;
                file.boolean(at_, value == "true");
                return true;
            case parquet::value_type::int64: {
                const auto n = whole_number(value);
                if (n) file.integer(at_, *n);
                return n.has_value();
            }
            case parquet::value_type::float64: {
                const auto n = number(value);
                if (n) file.number(at_, *n);
                return n.has_value();
            }
            case parquet::value_type::timestamp: {
                const auto us = core::parse_full_timestamp(value);
                if (us) file.integer(at_, *us);
                return us.has_value();
            }
        }
        return false;
    }

    std::string text_{};  // what came in parts
    std::size_t at_ = 0;
    std::size_t next_ = 0;
    bool inside_ = false;
};

struct row_file::parser {
    json::basic_parser<reader> read{json::parse_options{}};
};

row_file::row_file(const core::table& t, std::size_t group_bytes_max, std::size_t file_bytes)
    : table_(t.name), file_(schema_of(t), group_bytes_max, file_bytes), parser_(std::make_unique<parser>())
{
    for (std::size_t i = 0; i < file_.schema().size(); ++i) places_.emplace(file_.schema()[i].name, i);
    parser_->read.handler().to = this;
}

row_file::~row_file() = default;

rt::outcome<void> row_file::add(std::string_view lines)
{
    auto& parse = parser_->read;
    while (!lines.empty()) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.empty()) continue;
        parse.handler().begin_row();
        error_code ec;
        parse.reset();
        const std::size_t read = parse.write_some(false, line.data(), line.size(), ec);
        if (ec || read != line.size() || !parse.done() || !parse.handler().saw_object())
            return rt::failure{rt::retry_class::never, "outbox.damaged",
                               "row " + std::to_string(file_.rows() + 1) + " of a load of " + table_ +
                                   " cannot be read at byte " + std::to_string(read) + ", column \"" +
                                   std::string(parse.handler().column()) + "\""};
        file_.end_row();
    }
    return boost::system::in_place_value;
}

}  // namespace lakeferry::profiles
