// The control API's answers as text for people. Pure; an answer that lacks something prints without it.
#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace lakeferry::daemon {

std::string status_text(const boost::json::value& status);
std::string space_text(const boost::json::value& space);
std::string runs_text(const boost::json::value& runs);
std::string report_text(const boost::json::value& report);
std::string refused_text(const boost::json::value& refusals);
bool report_succeeded(const boost::json::value& report);

}  // namespace lakeferry::daemon
