// Looking into the daemon's answers without complaints: what is not there is empty or zero.
#pragma once

#include "daemon/cli/text.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace lakeferry::daemon {

inline const boost::json::value& at(const boost::json::value& from, std::initializer_list<std::string_view> path)
{
    static const boost::json::value nothing;
    const boost::json::value* v = &from;
    for (const auto name : path) {
        const auto* o = v->if_object();
        const auto* next = o == nullptr ? nullptr : o->if_contains(name);
        if (next == nullptr) return nothing;
        v = next;
    }
    return *v;
}

inline std::string text(const boost::json::value& from, std::initializer_list<std::string_view> path)
{
    const auto& v = at(from, path);
    return v.is_string() ? printable(std::string(v.get_string())) : std::string();
}

inline double real(const boost::json::value& from, std::initializer_list<std::string_view> path)
{
    const auto& v = at(from, path);
    boost::system::error_code error;
    return v.is_number() ? v.to_number<double>(error) : 0;
}

inline std::uint64_t number(const boost::json::value& from, std::initializer_list<std::string_view> path)
{
    const auto& v = at(from, path);
    boost::system::error_code error;
    return v.is_number() ? v.to_number<std::uint64_t>(error) : 0;
}

inline std::int64_t signed_number(const boost::json::value& from, std::initializer_list<std::string_view> path)
{
    const auto& v = at(from, path);
    boost::system::error_code error;
    return v.is_number() ? v.to_number<std::int64_t>(error) : 0;
}

inline const boost::json::array& list(const boost::json::value& from, std::initializer_list<std::string_view> path)
{
    static const boost::json::array none;
    const auto& v = at(from, path);
    return v.is_array() ? v.get_array() : none;
}

}  // namespace lakeferry::daemon
