// The command line's side of the control API.
#pragma once

#include "net/http/pool.hpp"
#include "net/http/socket_network.hpp"
#include "net/rt/failure.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/value.hpp>

#include <memory>
#include <string>

namespace lakeferry::daemon {

// Calls block until the answer is there. One thread.
class control_client {
public:
    explicit control_client(std::string socket);
    control_client(const control_client&) = delete;
    control_client& operator=(const control_client&) = delete;
    ~control_client();

    // The answer's JSON. Failures: "control.unreachable" (nobody answers on the socket; says what to do),
    // "control.forbidden" (the socket may not be opened), else the id and message that the daemon gave.
    rt::outcome<boost::json::value> get(const std::string& target);
    rt::outcome<boost::json::value> post(const std::string& target, std::string body = {});
    rt::time_point now() const noexcept { return time_.now(); }
    void sleep(rt::duration d);

private:
    rt::outcome<boost::json::value> send(http::request what);
    rt::failure unreachable(const rt::failure& why) const;

    std::string socket_;
    boost::asio::io_context io_{1};
    rt::steady_time time_{io_.get_executor()};
    std::unique_ptr<http::socket_network> network_;
    std::unique_ptr<http::pool> pool_;
};

}  // namespace lakeferry::daemon
