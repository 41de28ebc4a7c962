// Reading records that this daemon wrote itself: a member that is missing or of another kind throws, and read_record()
// makes the one failure of it that the record's owner names. Private to this folder.
#pragma once

#include "net/rt/failure.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::profiles {

inline std::string text_of(const boost::json::object& o, std::string_view name)
{
    return std::string(o.at(name).as_string());
}

inline std::uint64_t number_of(const boost::json::object& o, std::string_view name)
{
    return o.at(name).to_number<std::uint64_t>();
}

inline std::int64_t signed_of(const boost::json::object& o, std::string_view name)
{
    return o.at(name).to_number<std::int64_t>();
}

inline std::vector<std::string> texts_of(const boost::json::object& o, std::string_view name)
{
    std::vector<std::string> out;
    for (const auto& one : o.at(name).as_array()) out.emplace_back(one.as_string());
    return out;
}

// The stored text through `read`; `damaged`: it is no JSON object, or `read` lacks something in it.
template <class F>
auto read_record(std::string_view stored, const rt::failure& damaged, F&& read)
    -> rt::outcome<decltype(read(std::declval<const boost::json::object&>()))>
{
    boost::system::error_code ec;
    const auto value = boost::json::parse(stored, ec);
    if (ec || !value.is_object()) return damaged;
    try {
        return read(value.get_object());
    } catch (const std::exception&) {
        return damaged;
    }
}

}  // namespace lakeferry::profiles
