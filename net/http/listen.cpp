#include "net/http/listen.hpp"

#include "net/http/socket_stream.hpp"
#include "net/http/tls_stream.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <optional>

namespace lakeferry::http {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

std::string text_of(const tcp::endpoint& e)
{
    const auto host = e.address().to_string();
    return (e.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(e.port());
}

rt::failure never(const char* id, std::string detail, rt::error_code code = {})
{
    return rt::failure{.retry = rt::retry_class::never, .id = id, .detail = std::move(detail), .code = code};
}

rt::failure accept_failure(const rt::error_code& ec)
{
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor)
        return never("listen.closed", "the listener is closed", ec);
    return rt::failure{.retry = rt::retry_class::transient,
                       .id = "listen.busy",
                       .detail = "no connection can be accepted: " + ec.message(),
                       .code = ec};
}

rt::failure open_failure(const rt::error_code& ec, const std::string& where)
{
    if (ec == asio::error::address_in_use)
        return never("listen.in_use",
                     "the address " + where + " is taken by another program; stop that one or choose another address",
                     ec);
    if (ec == asio::error::access_denied)
        return never("listen.forbidden",
                     "no permission to listen on " + where + "; ports below 1024 need CAP_NET_BIND_SERVICE", ec);
    return never("listen.address", "cannot listen on " + where + ": " + ec.message(), ec);
}

class tcp_listener final : public listener {
public:
    tcp_listener(tcp::acceptor acceptor, std::shared_ptr<asio::ssl::context> tls)
        : acceptor_(std::move(acceptor)), tls_(std::move(tls))
    {
        rt::error_code ignored;
        address_ = text_of(acceptor_.local_endpoint(ignored));
    }

    rt::awaitable<rt::outcome<std::unique_ptr<stream>>> accept() override
    {
        auto [ec, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
        if (ec) co_return accept_failure(ec);
        rt::error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        auto peer = text_of(socket.remote_endpoint(ignored));
        if (tls_) co_return tls_accepted(tls_, std::move(socket), std::move(peer));
        co_return std::unique_ptr<stream>(
            std::make_unique<socket_stream<tcp::socket>>(std::move(socket), std::move(peer)));
    }

    void close() noexcept override
    {
        rt::error_code ignored;
        acceptor_.close(ignored);
    }

    std::string address() const override { return address_; }

private:
    tcp::acceptor acceptor_;
    std::shared_ptr<asio::ssl::context> tls_;
    std::string address_{};
};

class unix_listener final : public listener {
public:
    // owned: the file is ours to remove.
    unix_listener(local::acceptor acceptor, std::string path, bool owned)
        : acceptor_(std::move(acceptor)), path_(std::move(path)), owned_(owned)
    {
    }
    ~unix_listener() override { unix_listener::close(); }

    rt::awaitable<rt::outcome<std::unique_ptr<stream>>> accept() override
    {
        auto [ec, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
        if (ec) co_return accept_failure(ec);
        co_return std::unique_ptr<stream>(
            std::make_unique<socket_stream<local::socket>>(std::move(socket), "unix:" + path_));
    }

    void close() noexcept override
    {
        if (!acceptor_.is_open()) return;
        rt::error_code ignored;
        acceptor_.close(ignored);
        if (owned_) ::unlink(path_.c_str());
    }

    std::string address() const override { return path_; }

private:
    local::acceptor acceptor_;
    std::string path_;
    bool owned_;
};

struct host_port {
    std::string host;
    unsigned short port = 0;
};

std::optional<host_port> split_address(const std::string& where)
{
    const auto colon = where.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    host_port out{where.substr(0, colon), 0};
    const auto* last = where.data() + where.size();
    const auto [end, ec] = std::from_chars(where.data() + colon + 1, last, out.port);
    if (ec != std::errc{} || end != last || colon + 1 == where.size()) return std::nullopt;
    if (out.host.starts_with('[') && out.host.ends_with(']')) out.host = out.host.substr(1, out.host.size() - 2);
    return out;
}

// Somebody answers on this socket file.
bool answers(const std::string& path)
{
    asio::io_context here(1);
    local::socket probe(here);
    rt::error_code ec;
    probe.connect(local::endpoint(path), ec);
    return !ec;
}

}  // namespace

rt::outcome<std::unique_ptr<listener>> listen_tcp(const asio::any_io_executor& ex, const std::string& where,
                                                  std::shared_ptr<asio::ssl::context> tls)
{
    auto parts = split_address(where);
    if (!parts)
        return never("listen.address", "\"" + where + "\" is not an address to listen on; write it like 127.0.0.1:8400");
    const bool any = parts->host.empty() || parts->host == "*";
    if (parts->host == "localhost") parts->host = "127.0.0.1";
    rt::error_code ec;
    const auto address = any ? asio::ip::address(asio::ip::address_v6::any()) : asio::ip::make_address(parts->host, ec);
    if (ec)
        return never("listen.address", "\"" + parts->host + "\" is not an address of this machine; write its number, "
                                       "like 127.0.0.1, or leave the host out for all of them", ec);
    tcp::acceptor acceptor(ex);
    const tcp::endpoint endpoint(address, parts->port);
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec && any) acceptor.set_option(asio::ip::v6_only(false), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return open_failure(ec, where);
    return std::unique_ptr<listener>(std::make_unique<tcp_listener>(std::move(acceptor), std::move(tls)));
}

rt::outcome<std::unique_ptr<listener>> listen_unix(const asio::any_io_executor& ex, const std::string& path)
{
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path))
        return never("listen.address", "the socket path \"" + path + "\" is empty or longer than the system allows (" +
                                           std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes)");
    struct stat there = {};
    if (::lstat(path.c_str(), &there) == 0) {
        if (!S_ISSOCK(there.st_mode))
            return never("listen.in_use", path + " exists and is not a socket; move it away or choose another path");
        if (answers(path))
            return never("listen.in_use", "another program already serves the socket " + path + "; stop that one first");
        ::unlink(path.c_str());
    }
    local::acceptor acceptor(ex);
    rt::error_code ec;
    acceptor.open(local(), ec);
    if (!ec) {
        // Set before bind(), so that the file is never there with wider permissions.
        const auto before = ::umask(0117);
        acceptor.bind(local::endpoint(path), ec);
        ::umask(before);
    }
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return open_failure(ec, path);
    return std::unique_ptr<listener>(std::make_unique<unix_listener>(std::move(acceptor), path, true));
}

rt::outcome<std::unique_ptr<listener>> adopt_descriptor(const asio::any_io_executor& ex, int descriptor,
                                                        std::shared_ptr<asio::ssl::context> tls)
{
    sockaddr_storage name{};
    socklen_t size = sizeof name;
    int listening = 0;
    socklen_t int_size = sizeof listening;
    auto* generic = static_cast<sockaddr*>(static_cast<void*>(&name));
    if (::getsockname(descriptor, generic, &size) != 0 ||
        ::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listening, &int_size) != 0 || listening == 0)
        return never("listen.address",
                     "descriptor " + std::to_string(descriptor) + " that was handed over is not a listening socket");
    rt::error_code ec;
    if (name.ss_family == AF_UNIX) {
        local::acceptor acceptor(ex);
        acceptor.assign(local(), descriptor, ec);
        if (ec) return open_failure(ec, "descriptor " + std::to_string(descriptor));
        auto path = acceptor.local_endpoint(ec).path();
        return std::unique_ptr<listener>(std::make_unique<unix_listener>(std::move(acceptor), std::move(path), false));
    }
    tcp::acceptor acceptor(ex);
    acceptor.assign(name.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, ec);
    if (ec) return open_failure(ec, "descriptor " + std::to_string(descriptor));
    return std::unique_ptr<listener>(std::make_unique<tcp_listener>(std::move(acceptor), std::move(tls)));
}

}  // namespace lakeferry::http
