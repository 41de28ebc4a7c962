// The answers of `lakeferry why` and `lakeferry identity` as text for people. Pure.
#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace lakeferry::daemon {

std::string why_text(const boost::json::value& answer);
std::string why_pair_text(const boost::json::value& answer);
std::string observations_text(const boost::json::value& answer);
std::string preview_text(const boost::json::value& report);

}  // namespace lakeferry::daemon
