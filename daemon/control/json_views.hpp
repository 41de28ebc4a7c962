// The daemon's plain values as JSON. Times are microseconds since 1970 and, beside them, text.
#pragma once

#include "daemon/supervisor/views.hpp"
#include "net/http/message.hpp"
#include "net/rt/failure.hpp"
#include "sync/intake/importer.hpp"
#include "sync/intake/refusals.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lakeferry::daemon {

// What the store says of a space: how much waits on the local disk, roughly, and what was noticed.
struct space_backlog {
    std::uint64_t events_bytes = 0;
    std::uint64_t rows_bytes = 0;
    std::map<std::string, std::uint64_t> notes{};  // observations of identity resolution since the space exists
};

boost::json::object to_json(const space_view& v, const space_backlog& waiting, std::int64_t now_us);
boost::json::object to_json(const daemon_view& v, const std::map<std::string, space_backlog>& waiting, std::int64_t now_us);
boost::json::object to_json(const reload_view& v);
boost::json::object to_json(const intake::import_position& p);
boost::json::object to_json(const intake::chunk_result& r);
boost::json::object to_json(const intake::refused_call& r);

// never: 409; throttled: 429; everything else: 503; with Retry-After where known.
http::response error_response(const rt::failure& why);
http::response error_response(unsigned status, std::string_view id, std::string_view message);
http::response ok_response(const boost::json::value& body);

// "2026-01-31T23:59:59Z"; "" for 0.
std::string time_text(std::int64_t us);

}  // namespace lakeferry::daemon
