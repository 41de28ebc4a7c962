#include "net/http/tls_stream.hpp"

#include "net/http/connect.hpp"
#include "net/tls/explain.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

namespace lakeferry::http {

namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;

constexpr auto tuple_awaitable = asio::as_tuple(asio::use_awaitable);

class tls_stream final : public stream {
public:
    tls_stream(std::shared_ptr<ssl::context> context, tcp::socket socket, std::string peer, bool server)
        : context_(std::move(context)),
          ssl_(std::make_unique<ssl::stream<tcp::socket>>(std::move(socket), *context_)),
          peer_(std::move(peer)),
          handshake_due_(server)
    {
    }

    ssl::stream<tcp::socket>& raw() noexcept { return *ssl_; }

    rt::awaitable<std::pair<rt::error_code, std::size_t>> read_some(asio::mutable_buffer to) override
    {
        if (handshake_due_) {
            auto [ec] = co_await ssl_->async_handshake(ssl::stream_base::server, tuple_awaitable);
            if (ec) co_return std::pair(ec, std::size_t{0});
            handshake_due_ = false;
        }
        auto [ec, n] = co_await ssl_->async_read_some(to, tuple_awaitable);
        co_return std::pair(ec, n);
    }

    rt::awaitable<rt::error_code> write(asio::const_buffer from) override
    {
        if (handshake_due_) co_return rt::error_code(asio::error::not_connected);
        while (from.size() > 0) {
            auto [ec, n] = co_await ssl_->async_write_some(from, tuple_awaitable);
            from += n;
            if (ec) co_return ec;
        }
        co_return rt::error_code{};
    }

    // Only our close_notify leaves; waiting for the peer's would hold the connection for no gain.
    rt::awaitable<void> finish() override
    {
        rt::error_code ignored;
        if (!handshake_due_ && ssl_->next_layer().is_open()) {
            SSL_set_quiet_shutdown(ssl_->native_handle(), 0);
            ssl_->next_layer().non_blocking(true, ignored);
            ssl_->shutdown(ignored);  // would_block after our part is out
        }
        ssl_->next_layer().shutdown(tcp::socket::shutdown_send, ignored);
        co_return;
    }

    void close() noexcept override
    {
        rt::error_code ignored;
        ssl_->next_layer().close(ignored);
    }

    // Session tickets make an idle connection readable; only the end and an alert (record type 21, which
    // close_notify is) mean that the peer has gone.
    bool ended() const noexcept override
    {
        unsigned char first = 0;
        const auto n = ::recv(ssl_->next_layer().native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
        if (n > 0) return first == 21;
        return n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    }

    std::string peer() const override { return peer_; }

private:
    std::shared_ptr<ssl::context> context_;
    std::unique_ptr<ssl::stream<tcp::socket>> ssl_;
    std::string peer_;
    bool handshake_due_;
};

// Who the certificate must be for, and the name by which a server with many chooses it.
bool expect_host(SSL* ssl, const std::string& host)
{
    rt::error_code not_address;
    asio::ip::make_address(host, not_address);
    if (!not_address) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    return SSL_set1_host(ssl, host.c_str()) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(host.c_str())) == 1;  // OpenSSL copies it
}

}  // namespace

rt::awaitable<rt::outcome<std::unique_ptr<stream>>> tls_connect(rt::time_source& clock,
                                                                std::shared_ptr<ssl::context> context,
                                                                tcp::socket socket, std::string host,
                                                                std::string name, rt::deadline limit)
{
    auto s = std::make_unique<tls_stream>(std::move(context), std::move(socket), name, false);
    auto* handle = s->raw().native_handle();
    if (!expect_host(handle, host))
        co_return rt::failure{.retry = rt::retry_class::never,
                              .id = "connect.tls",
                              .detail = "\"" + host + "\" cannot be the name of a host"};
    // After a refusal OpenSSL forgets the certificate; its names are part of the explanation.
    std::string shown;
    s->raw().set_verify_callback([&shown](bool good, ssl::verify_context& of) {
        if (auto* certificate = X509_STORE_CTX_get_current_cert(of.native_handle()); !good && certificate)
            shown = tls::names_of(certificate);
        return good;
    });
    auto shaking = s->raw().async_handshake(ssl::stream_base::client, tuple_awaitable);
    const auto ended = co_await rt::with_deadline(clock, limit, std::move(shaking));
    if (ended.has_error()) co_return connect_failure(asio::error::timed_out, name);
    const auto ec = std::get<0>(*ended);
    if (!ec) {
        SSL_set_verify(handle, SSL_VERIFY_PEER, nullptr);  // the callback's variable goes away
        co_return std::unique_ptr<stream>(std::move(s));
    }
    if (const auto text = tls::explain(handle, ec, host, shown))
        co_return rt::failure{
            .retry = rt::retry_class::never, .id = "connect.tls", .detail = name + ": " + *text, .code = ec};
    co_return connect_failure(ec, name);
}

std::unique_ptr<stream> tls_accepted(std::shared_ptr<ssl::context> context, tcp::socket socket, std::string peer)
{
    return std::make_unique<tls_stream>(std::move(context), std::move(socket), std::move(peer), true);
}

}  // namespace lakeferry::http
