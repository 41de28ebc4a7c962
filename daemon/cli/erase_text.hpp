// Receipts of erasures for people. Pure.
#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace lakeferry::daemon {

// The whole receipt, with what to do next.
std::string receipt_text(const boost::json::value& receipt);
// One line each.
std::string erasures_text(const boost::json::value& answer);
// What it does at the moment, for a line that is overwritten.
std::string erasure_progress(const boost::json::value& receipt);

}  // namespace lakeferry::daemon
