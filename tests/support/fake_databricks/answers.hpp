// Bodies as Databricks writes them, and bits of parsing. Private to the fake.
#pragma once

#include "net/http/message.hpp"

#include <boost/json/object.hpp>

#include <cstdint>

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::fake_databricks::detail {

http::response json_answer(const boost::json::object& body, unsigned status = 200);
http::response error_answer(unsigned status, std::string_view code, std::string_view message);
// Percent-decoded, plus signs kept.
std::string decode(std::string_view text);
std::string lower(std::string_view text);
std::vector<std::string> split(std::string_view text, char at);
// ISO text of the fake's own: the request id.
std::string hex_id(std::uint64_t number);

}  // namespace lakeferry::fake_databricks::detail
