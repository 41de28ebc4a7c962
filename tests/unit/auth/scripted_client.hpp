// An http::client that answers from a function, for tests of what stands above HTTP.
#pragma once

#include "net/http/client.hpp"
#include "net/rt/time.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace lakeferry::auth::test {

class scripted_client final : public http::client {
public:
    using script = std::function<rt::outcome<http::response>(const http::origin&, const http::request&)>;

    scripted_client(rt::time_source& clock, script how) : clock_(clock), how_(std::move(how)) {}

    rt::awaitable<rt::outcome<http::response>> send(http::origin to, http::request what, http::send_options options) override
    {
        sent.emplace_back(to, what);
        in_flight_max = std::max(in_flight_max, ++in_flight);
        struct leaving {
            unsigned& count;
            ~leaving() { --count; }
        } const at_end{in_flight};
        const auto until = std::min(clock_.now() + answer_time, options.limit.at());
        co_await clock_.async_wait_until(until, boost::asio::use_awaitable);
        if (options.limit.passed(clock_.now()))
            co_return rt::failure{rt::retry_class::transient, "http.timeout", "no answer in time"};
        co_return how_(to, what);
    }

    rt::duration answer_time = std::chrono::milliseconds(20);
    std::vector<std::pair<http::origin, http::request>> sent{};
    unsigned in_flight = 0;
    unsigned in_flight_max = 0;

private:
    rt::time_source& clock_;
    script how_;
};

}  // namespace lakeferry::auth::test
