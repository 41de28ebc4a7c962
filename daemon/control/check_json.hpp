// A connection test as JSON, the same for the control API and `lakeferry check --json`.
#pragma once

#include "sync/profiles/connection_test.hpp"

#include <boost/json/object.hpp>

#include <string>

namespace lakeferry::daemon {

boost::json::object to_json(const std::string& space, const profiles::connection_report& r);

}  // namespace lakeferry::daemon
