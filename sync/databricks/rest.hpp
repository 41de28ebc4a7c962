// The authenticated door to one workspace for one principal.
#pragma once

#include "auth/token_source.hpp"
#include "net/http/client.hpp"
#include "net/obs/log.hpp"
#include "net/rt/deadline.hpp"
#include "net/rt/failure.hpp"
#include "sync/databricks/errors.hpp"

#include <boost/json/value.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace lakeferry::databricks {

// "https://host" (port as configured) as an origin. Failure "workspace.bad_url" (never): not a URL, a
// path, a user, a scheme other than https, or http to a host that is not loopback.
rt::outcome<http::origin> parse_workspace_url(std::string_view url, std::uint16_t port);

// Lower bound, upper bound and patience of repeating.
struct call_options {
    bool idempotent = true;   // false: repeated only when it certainly was not accepted
    rt::deadline limit{};     // of the whole call, pauses included
    rt::duration attempt_timeout = std::chrono::seconds(60);  // of each HTTP exchange
    rt::duration retry_for = std::chrono::minutes(2);         // no new attempt after that; 0: one attempt
    resource target = resource::none;
    std::string name{};       // of the target, for messages
    std::string content_type{"application/json"};
    std::size_t response_limit = 64U << 20;
    bool expects_json = true; // an HTML answer is an error
};

// How often and why calls were repeated, for metrics.
struct rest_counters {
    std::uint64_t calls = 0;
    std::uint64_t exchanges = 0;
    std::uint64_t throttled = 0;
    std::uint64_t unavailable = 0;
    std::uint64_t reauthorized = 0;
};

// Adds Authorization and User-Agent, repeats by Databricks' rules (Retry-After is a floor), gets a new
// token once when one is refused, never follows a redirect. Everything it is made of outlives it, and it
// outlives its calls. Cancelling a call closes its connection.
class workspace {
public:
    struct needs {
        rt::time_source& clock;
        rt::wall_clock& calendar;
        http::client& client;
        auth::token_source& tokens;
        std::mt19937_64& rng;
        obs::log& log;
    };
    workspace(needs with, http::origin host, std::string space);
    workspace(const workspace&) = delete;
    workspace& operator=(const workspace&) = delete;

    // A 2xx answer, or a failure with an id of errors.hpp, auth/ or credential_store. `path` begins with "/" and is
    // encoded; a repeated call copies `body`, so a large one is in memory twice.
    rt::awaitable<rt::outcome<http::response>> call(std::string method,
                                                    std::string path,
                                                    std::string body,
                                                    call_options options);
    // The same, parsed; "workspace.cut" if it is not JSON.
    rt::awaitable<rt::outcome<boost::json::value>> call_json(std::string method,
                                                             std::string path,
                                                             std::string body,
                                                             call_options options);

    const http::origin& host() const noexcept { return host_; }
    const std::string& space() const noexcept { return space_; }
    // Who is to get the GRANT; the token source's name for itself until somebody knows better.
    std::string principal() const;
    void set_principal(std::string name) { principal_ = std::move(name); }
    const rest_counters& counters() const noexcept { return counters_; }
    rt::time_source& clock() const noexcept { return with_.clock; }
    rt::wall_clock& calendar() const noexcept { return with_.calendar; }
    std::mt19937_64& rng() const noexcept { return with_.rng; }
    obs::log& log() const noexcept { return with_.log; }

private:
    struct attempt;  // what one exchange came to

    rt::awaitable<attempt> exchange(const std::string& method,
                                    const std::string& path,
                                    std::string body,
                                    const call_options& options,
                                    const auth::token_lease& lease);

    needs with_;
    http::origin host_;
    std::string space_;
    std::string principal_;
    rest_counters counters_;
};

}  // namespace lakeferry::databricks
