// Reading members of an answer that may lack them or give them another type. Private to this folder.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::databricks::fields {

namespace json = boost::json;

inline const json::value* find(const json::object& in, std::string_view key) noexcept
{
    return in.if_contains({key.data(), key.size()});
}

// Empty: absent, or not a string.
inline std::string text(const json::object& in, std::string_view key)
{
    const auto* v = find(in, key);
    if (v == nullptr || !v->is_string()) return {};
    return {v->get_string().data(), v->get_string().size()};
}

// Numbers also as strings of digits; nullopt: anything else.
inline std::optional<std::int64_t> integer(const json::value& v) noexcept
{
    if (v.is_int64()) return v.get_int64();
    if (v.is_uint64() && v.get_uint64() <= static_cast<std::uint64_t>(INT64_MAX))
        return static_cast<std::int64_t>(v.get_uint64());
    if (!v.is_string()) return std::nullopt;
    const auto& s = v.get_string();
    std::int64_t out = 0;
    const auto got = std::from_chars(s.data(), s.data() + s.size(), out);
    if (got.ec != std::errc{} || got.ptr != s.data() + s.size()) return std::nullopt;
    return out;
}

inline std::int64_t integer(const json::object& in, std::string_view key, std::int64_t otherwise = 0) noexcept
{
    const auto* v = find(in, key);
    return v == nullptr ? otherwise : integer(*v).value_or(otherwise);
}

inline bool boolean(const json::object& in, std::string_view key, bool otherwise = false) noexcept
{
    const auto* v = find(in, key);
    return v != nullptr && v->is_bool() ? v->get_bool() : otherwise;
}

inline const json::object* object(const json::object& in, std::string_view key) noexcept
{
    const auto* v = find(in, key);
    return v == nullptr ? nullptr : v->if_object();
}

inline const json::array* array(const json::object& in, std::string_view key) noexcept
{
    const auto* v = find(in, key);
    return v == nullptr ? nullptr : v->if_array();
}

inline std::optional<json::value> parse(std::string_view body)
{
    boost::system::error_code ec;
    auto v = json::parse({body.data(), body.size()}, ec);
    if (ec) return std::nullopt;
    return v;
}

}  // namespace lakeferry::databricks::fields
