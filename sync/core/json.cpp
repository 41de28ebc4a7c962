#include "sync/core/json.hpp"

#include "sync/core/json_arena.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <limits>
#include <system_error>
#include <vector>

namespace lakeferry::core {
namespace {

namespace json = boost::json;
using boost::system::error_code;

// Builds the value, and looks at what Boost's own handler lets pass: duplicate keys, and numbers that a double
// would change.
class handler {
public:
    static constexpr std::size_t max_object_size = json::object::max_size();
    static constexpr std::size_t max_array_size = json::array::max_size();
    static constexpr std::size_t max_key_size = json::string::max_size();
    static constexpr std::size_t max_string_size = json::string::max_size();

    void reset(json::storage_ptr memory)
    {
        stack_.reset(std::move(memory));
        keys_.clear();
        unescaped_.clear();
        key_.clear();
        duplicate_.reset();
    }
    json::value release() { return stack_.release(); }
    const std::optional<std::string_view>& duplicate() const noexcept { return duplicate_; }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t n, error_code&)
    {
        stack_.push_array(n);
        return true;
    }
    bool on_object_begin(error_code&) { return true; }
    bool on_object_end(std::size_t n, error_code& ec)
    {
        duplicate_ = find_duplicate(n);
        if (duplicate_) {
            ec = json::error::syntax;
            return false;
        }
        keys_.resize(keys_.size() - n);
        stack_.push_object(n);
        return true;
    }
    bool on_key_part(json::string_view s, std::size_t, error_code&)
    {
        key_.append(s.data(), s.size());
        stack_.push_chars(s);
        return true;
    }
    bool on_key(json::string_view s, std::size_t, error_code&)
    {
        // A key without escapes is still there in the text when the object ends.
        if (key_.empty()) {
            keys_.emplace_back(s.data(), s.size());
        } else {
            key_.append(s.data(), s.size());
            keys_.emplace_back(unescaped_.emplace_back(std::move(key_)));
            key_.clear();
        }
        stack_.push_key(s);
        return true;
    }
    bool on_string_part(json::string_view s, std::size_t, error_code&)
    {
        stack_.push_chars(s);
        return true;
    }
    bool on_string(json::string_view s, std::size_t, error_code&)
    {
        stack_.push_string(s);
        return true;
    }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t i, json::string_view, error_code&)
    {
        stack_.push_int64(i);
        return true;
    }
    bool on_uint64(std::uint64_t u, json::string_view, error_code&)
    {
        stack_.push_uint64(u);
        return true;
    }
    // Boost computes doubles quickly and, by one unit in the last place, wrongly; the text is read again.
    bool on_double(double rough, json::string_view text, error_code&)
    {
        const char* const end = text.data() + text.size();
        double exact = rough;
        const bool whole = std::all_of(text.begin() + (text.front() == '-'), text.end(),
                                       [](char c) { return c >= '0' && c <= '9'; });
        const auto read = std::from_chars(text.data(), end, exact);
        const bool beyond = read.ec == std::errc::result_out_of_range && !(std::abs(rough) < 1.0);
        if (whole || beyond)
            stack_.push_string(text);
        else
            stack_.push_double(read.ec == std::errc() ? exact : 0.0);
        return true;
    }
    bool on_bool(bool b, error_code&)
    {
        stack_.push_bool(b);
        return true;
    }
    bool on_null(error_code&)
    {
        stack_.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

private:
    // Among the last n keys, which are those of the object that ends here.
    std::optional<std::string_view> find_duplicate(std::size_t n)
    {
        constexpr std::size_t pairwise_max = 16;
        const auto first = keys_.end() - static_cast<std::ptrdiff_t>(n);
        if (n <= pairwise_max) {
            for (auto a = first; a != keys_.end(); ++a)
                if (std::find(first, a, *a) != a) return *a;
            return std::nullopt;
        }
        const auto shorter_or_less = [](std::string_view a, std::string_view b) {
            return a.size() != b.size() ? a.size() < b.size() : a < b;
        };
        std::sort(first, keys_.end(), shorter_or_less);
        const auto twice = std::adjacent_find(first, keys_.end());
        if (twice == keys_.end()) return std::nullopt;
        return *twice;
    }

    json::value_stack stack_{};
    std::vector<std::string_view> keys_{};  // of all objects that are open
    std::deque<std::string> unescaped_{};   // those with escapes
    std::string key_{};                     // one with escapes, in the making
    std::optional<std::string_view> duplicate_{};
};

json::parse_options strict(unsigned depth_max)
{
    json::parse_options options;
    options.max_depth = depth_max;
    return options;
}

bool is_surrogate_error(const error_code& ec)
{
    return ec == json::error::illegal_leading_surrogate || ec == json::error::illegal_trailing_surrogate ||
           ec == json::error::expected_utf16_escape;
}

std::string at_byte(std::size_t offset) { return " at byte " + std::to_string(offset); }

std::string found_at(std::string_view text, std::size_t offset)
{
    if (offset >= text.size()) return "the text ends";
    const auto c = static_cast<unsigned char>(text[offset]);
    if (c >= 0x21 && c < 0x7F) return std::string("unexpected '") + text[offset] + "'";
    static constexpr char digits[] = "0123456789abcdef";
    return std::string("unexpected byte 0x") + digits[c >> 4U] + digits[c & 15U];
}

json_problem describe(std::string_view text, std::size_t offset, const error_code& ec, unsigned depth_max)
{
    json_problem out;
    out.offset = std::min(offset, text.size());
    const std::size_t bad = find_bad_utf8(text);
    if (bad != std::string_view::npos && bad <= out.offset + 3) {
        out.what = json_problem::kind::utf8;
        out.offset = bad;
        out.message = "bytes that are not UTF-8" + at_byte(bad);
    } else if (ec == json::error::too_deep) {
        out.what = json_problem::kind::too_deep;
        out.message = "more than " + std::to_string(depth_max) + " nested objects and arrays" + at_byte(out.offset);
    } else if (is_surrogate_error(ec)) {
        out.what = json_problem::kind::surrogate;
        out.message = "half of a surrogate pair in an escape" + at_byte(out.offset);
    } else if (ec == json::error::exponent_overflow) {
        out.message = "a number whose exponent is too large" + at_byte(out.offset);
    } else if (trim_json_space(text).empty()) {
        out.message = "nothing there: an empty text is not JSON";
    } else {
        out.message = found_at(text, out.offset) + at_byte(out.offset);
    }
    return out;
}

}  // namespace

void throw_exception_from_error(const json_problem& p, const boost::source_location&)
{
    throw boost::system::system_error(make_error_code(boost::json::error::syntax), p.message);
}

struct json_reader::body {
    body(std::size_t arena_bytes, unsigned depth) : depth_max(depth), arena(arena_bytes), parser(strict(depth)) {}

    unsigned depth_max;
    json_arena arena;
    boost::json::basic_parser<handler> parser;
    std::optional<boost::json::value> root{};
};

json_reader::json_reader(std::size_t arena_bytes, unsigned depth_max)
    : body_(std::make_unique<body>(arena_bytes, depth_max))
{
}
json_reader::~json_reader() = default;
json_reader::json_reader(json_reader&&) noexcept = default;
json_reader& json_reader::operator=(json_reader&&) noexcept = default;

boost::system::result<const boost::json::value*, json_problem> json_reader::parse(std::string_view text)
{
    body& b = *body_;
    b.root.reset();
    b.parser.reset();
    b.parser.handler().reset(&b.arena);
    b.arena.release();

    error_code ec;
    const std::size_t used = b.parser.write_some(false, text.data(), text.size(), ec);
    if (const auto& twice = b.parser.handler().duplicate(); ec && twice) {
        json_problem out{json_problem::kind::duplicate_key, used, std::string(*twice), {}};
        if (std::greater_equal<>()(twice->data(), text.data()) &&
            std::less<>()(twice->data(), text.data() + text.size()))
            out.offset = static_cast<std::size_t>(twice->data() - text.data());
        out.message = "the key \"" + out.key + "\" twice in one object" + at_byte(out.offset);
        return out;
    }
    if (ec) return describe(text, used, ec, b.depth_max);
    if (used < text.size()) {
        json_problem out{json_problem::kind::trailing, used, {}, {}};
        out.message = found_at(text, used) + " after the end of the value" + at_byte(used);
        return out;
    }
    b.root.emplace(b.parser.handler().release());
    return &*b.root;
}

}  // namespace lakeferry::core
