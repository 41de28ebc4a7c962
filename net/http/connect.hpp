// Connecting to the first of several addresses that answers. Internal to net/http.
#pragma once

#include "net/dns/resolver.hpp"
#include "net/http/network.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>
#include <string>

namespace lakeferry::http {

// name: for messages ("example.com:443"). Failures: "connect.refused", "connect.timeout", "connect.reset".
rt::awaitable<rt::outcome<boost::asio::ip::tcp::socket>> connect_first(rt::time_source& clock,
                                                                       dns::addresses to, unsigned short port,
                                                                       std::string name, rt::duration stagger,
                                                                       rt::deadline limit);

rt::awaitable<rt::outcome<std::unique_ptr<stream>>> connect_unix(rt::time_source& clock, std::string path,
                                                                 rt::deadline limit);

// What a failed connect says to the person who reads it.
rt::failure connect_failure(const rt::error_code& code, const std::string& name);

}  // namespace lakeferry::http
