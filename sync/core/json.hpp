// Strict JSON: what calls are read and written with. One pass, document order kept, memory reused between texts.
#pragma once

#include <boost/json/value.hpp>
#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::core {

// Why a text was refused, and the byte at which that was seen (counted from 0).
struct json_problem {
    enum class kind : std::uint8_t { syntax, trailing, utf8, surrogate, duplicate_key, too_deep };
    kind what = kind::syntax;
    std::size_t offset = 0;
    std::string key{};      // duplicate_key: the key
    std::string message{};  // "duplicate key "email" at byte 17"
};
[[noreturn]] void throw_exception_from_error(const json_problem& p, const boost::source_location&);

inline constexpr unsigned json_depth_max = 32;

// Parses one text after the other into the same memory. Not thread-safe: one a thread or coroutine that does not
// suspend while it uses a value. Refuses duplicate keys in one object, more than `depth_max` nested containers, bytes
// that are not UTF-8, lone surrogates, anything after the value, NaN and Infinity.
// Numbers: whole numbers that fit are int64 (uint64 where only that fits), others doubles, correctly rounded. Whole
// numbers beyond uint64, and numbers beyond double, become text with the characters of the number: nothing is lost.
class json_reader {
public:
    // `arena_bytes`: what is kept between texts; larger texts take more for their own time.
    explicit json_reader(std::size_t arena_bytes = std::size_t{64} << 10, unsigned depth_max = json_depth_max);
    ~json_reader();
    json_reader(json_reader&&) noexcept;
    json_reader& operator=(json_reader&&) noexcept;

    // The value lives until the next parse() or the end of the reader. Copy it with a storage of your own to keep it.
    boost::system::result<const boost::json::value*, json_problem> parse(std::string_view text);

private:
    struct body;
    std::unique_ptr<body> body_;
};

// Compact text: keys in document order, escapes only where JSON demands them, doubles with the fewest digits that
// read back equal (plain from 1e-6 to below 1e18: 0.5, 100000, 1e18). A double without a fraction is written as a whole
// number and read as one.
void append_compact(std::string& to, const boost::json::value& value);
std::string compact(const boost::json::value& value);
// One text as a JSON string with its quotes. The text is valid UTF-8.
void append_quoted(std::string& to, std::string_view text);
// A double as in append_compact; the caller guarantees that it is finite.
void append_number(std::string& to, double value);

// Splitting without parsing: finds where items begin and end by brackets and strings alone. What lies between them is
// not checked, so that one broken item does not hide its neighbours. The views point into the text. visit returns
// false to stop. nullopt: done; else the byte at which the text is not an array (an object) any more.
using item_visitor = std::function<bool(std::string_view item)>;
std::optional<std::size_t> split_array(std::string_view text, const item_visitor& visit);
// Keys as written between the quotes (escapes not resolved).
using member_visitor = std::function<bool(std::string_view raw_key, std::string_view value)>;
std::optional<std::size_t> split_object(std::string_view text, const member_visitor& visit);

// Without leading and trailing space, tab, CR, LF.
std::string_view trim_json_space(std::string_view text) noexcept;
// Code points of valid UTF-8.
std::size_t count_characters(std::string_view utf8) noexcept;
// The first byte that is not part of valid UTF-8; npos: all of it is.
std::size_t find_bad_utf8(std::string_view text) noexcept;
// Absent, empty, or only space, tab, CR, LF.
inline bool is_blank(std::string_view text) noexcept { return trim_json_space(text).empty(); }

}  // namespace lakeferry::core
