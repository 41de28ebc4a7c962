#include "net/http/socket_network.hpp"

#include "net/http/connect.hpp"
#include "net/http/listen.hpp"
#include "net/http/socket_stream.hpp"
#include "net/http/tls_stream.hpp"
#include "net/tls/context.hpp"

#include <charconv>

namespace lakeferry::http {

namespace {

namespace asio = boost::asio;
using tls_context = std::shared_ptr<asio::ssl::context>;

std::optional<unsigned short> port_of(const origin& to)
{
    if (to.port.empty()) return to.scheme == "https" ? 443 : 80;
    unsigned short port = 0;
    const auto* last = to.port.data() + to.port.size();
    const auto [end, ec] = std::from_chars(to.port.data(), last, port);
    if (ec != std::errc{} || end != last || port == 0) return std::nullopt;
    return port;
}

class real_network final : public socket_network {
public:
    real_network(asio::any_io_executor ex, rt::time_source& clock, socket_options options, tls_context client,
                 dns::blocking_lookup lookup)
        : ex_(ex), clock_(clock), options_(std::move(options)), client_tls_(std::move(client)),
          resolver_(ex, clock, std::move(lookup))
    {
    }

    rt::awaitable<rt::outcome<std::unique_ptr<stream>>> connect(origin to, rt::deadline limit) override
    {
        if (to.scheme == "unix") co_return co_await connect_unix(clock_, to.host, limit);
        const auto port = port_of(to);
        if (!port || (to.scheme != "https" && to.scheme != "http"))
            co_return rt::failure{.retry = rt::retry_class::never,
                                  .id = "connect.refused",
                                  .detail = to.text() + " is not an address that can be reached"};
        auto found = co_await resolver_.resolve(to.host, limit);
        if (found.has_error()) co_return found.error();
        const auto name = to.host + ":" + std::to_string(*port);
        auto socket = co_await connect_first(clock_, std::move(*found), *port, name, options_.address_stagger, limit);
        if (socket.has_error()) co_return socket.error();
        if (to.scheme == "https")
            co_return co_await tls_connect(clock_, client_tls_, std::move(*socket), to.host, name, limit);
        co_return std::unique_ptr<stream>(
            std::make_unique<socket_stream<asio::ip::tcp::socket>>(std::move(*socket), name));
    }

    rt::outcome<std::unique_ptr<listener>> listen(const std::string& where, const tls_files& tls) override
    {
        auto context = context_for(tls);
        if (context.has_error()) return context.error();
        if (!where.starts_with("unix:")) return listen_tcp(ex_, where, std::move(*context));
        return listen_unix(ex_, where.substr(5));
    }

    rt::outcome<std::unique_ptr<listener>> adopt(int descriptor, const tls_files& tls) override
    {
        auto context = context_for(tls);
        if (context.has_error()) return context.error();
        return adopt_descriptor(ex_, descriptor, std::move(*context));
    }

private:
    static rt::outcome<tls_context> context_for(const tls_files& files)
    {
        if (files.certificate.empty() && files.key.empty()) return tls_context{};
        return tls::server_context(files.certificate, files.key);
    }

    asio::any_io_executor ex_;
    rt::time_source& clock_;
    socket_options options_;
    tls_context client_tls_;
    dns::resolver resolver_;
};

}  // namespace

rt::outcome<std::unique_ptr<socket_network>> make_socket_network(asio::any_io_executor ex, rt::time_source& clock,
                                                                 socket_options options, dns::blocking_lookup lookup)
{
    auto client = tls::client_context(options.extra_authorities);
    if (client.has_error()) return client.error();
    return std::unique_ptr<socket_network>(std::make_unique<real_network>(
        std::move(ex), clock, std::move(options), std::move(*client), std::move(lookup)));
}

}  // namespace lakeferry::http
