// A served echo on real sockets.
#pragma once

#include "net/http/pool.hpp"
#include "net/http/socket_network.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/fake_net/certificates.hpp"
#include "tests/support/world/real_loop.hpp"
#include "tests/unit/http/raw_client.hpp"

#include <memory>
#include <string>

namespace lakeferry::test {

struct loopback : real_loop {
    temporary_directory files{};
    std::unique_ptr<http::socket_network> net;
    echo_service service{time};
    rt::task_group tasks{executor(), nullptr};
    std::vector<std::unique_ptr<http::listener>> listening{};

    explicit loopback(http::socket_options options = {}, dns::blocking_lookup lookup = dns::system_lookup)
        : net(*http::make_socket_network(executor(), time, std::move(options), std::move(lookup)))
    {
    }
    loopback(const loopback&) = delete;
    loopback& operator=(const loopback&) = delete;
    ~loopback()
    {
        tasks.cancel();
        run(tasks.join());
    }

    // The port (or path) that it serves on.
    std::string serve(const std::string& where, const certificate_files& tls = {})
    {
        return serve(*net->listen(where, {tls.certificate, tls.key}));
    }
    std::string serve(std::unique_ptr<http::listener> on)
    {
        listening.push_back(std::move(on));
        tasks.spawn("server", http::serve(time, *listening.back(), service, {}));
        const auto address = listening.back()->address();
        return address.starts_with('/') ? address : address.substr(address.rfind(':') + 1);
    }

    rt::outcome<http::response> send(http::origin to, http::request what)
    {
        std::optional<rt::outcome<http::response>> got;
        run([](loopback& l, http::origin to, http::request what,
               std::optional<rt::outcome<http::response>>& got) -> rt::awaitable<void> {
            http::pool pool(l.executor(), l.time, *l.net);
            got.emplace(co_await pool.send(std::move(to), std::move(what),
                                           {.limit = rt::deadline::in(l.time, std::chrono::seconds(30))}));
        }(*this, std::move(to), std::move(what), got));
        return std::move(*got);
    }
};

}  // namespace lakeferry::test
