// A byte stream over a plain socket (TCP or Unix).
#pragma once

#include "net/http/network.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>

#include <string>
#include <utility>

namespace lakeferry::http {

template <class Socket>
class socket_stream final : public stream {
public:
    socket_stream(Socket socket, std::string peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}

    rt::awaitable<std::pair<rt::error_code, std::size_t>> read_some(boost::asio::mutable_buffer to) override
    {
        auto [ec, n] = co_await socket_.async_read_some(to, boost::asio::as_tuple(boost::asio::use_awaitable));
        co_return std::pair(ec, n);
    }

    rt::awaitable<rt::error_code> write(boost::asio::const_buffer from) override
    {
        while (from.size() > 0) {
            auto [ec, n] = co_await socket_.async_write_some(from, boost::asio::as_tuple(boost::asio::use_awaitable));
            from += n;
            if (ec) co_return ec;
        }
        co_return rt::error_code{};
    }

    rt::awaitable<void> finish() override
    {
        rt::error_code ignored;
        socket_.shutdown(Socket::shutdown_send, ignored);
        co_return;
    }

    void close() noexcept override
    {
        rt::error_code ignored;
        socket_.close(ignored);
    }

    // Nothing may arrive between exchanges: data is as bad as the end.
    bool ended() const noexcept override
    {
        char byte = 0;
        // The socket is only looked at; recv() wants it mutable all the same.
        const auto n = ::recv(const_cast<Socket&>(socket_).native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
    }

    std::string peer() const override { return peer_; }

private:
    Socket socket_;
    std::string peer_;
};

}  // namespace lakeferry::http
