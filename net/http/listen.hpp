// Opening listening sockets. Internal to net/http.
#pragma once

#include "net/http/network.hpp"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace lakeferry::http {

// tls: null for plain connections.

rt::outcome<std::unique_ptr<listener>> listen_tcp(const boost::asio::any_io_executor& ex, const std::string& where,
                                                  std::shared_ptr<boost::asio::ssl::context> tls);
rt::outcome<std::unique_ptr<listener>> listen_unix(const boost::asio::any_io_executor& ex, const std::string& path);
rt::outcome<std::unique_ptr<listener>> adopt_descriptor(const boost::asio::any_io_executor& ex, int descriptor,
                                                        std::shared_ptr<boost::asio::ssl::context> tls);

}  // namespace lakeferry::http
