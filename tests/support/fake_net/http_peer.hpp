// A scripted HTTP server: a coroutine per method and path, on the real server code.
#pragma once

#include "net/http/server.hpp"
#include "net/rt/task_group.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace lakeferry::test {

// The caller keeps it until the group in which it serves has been joined.
class http_peer final : public http::service {
public:
    // Lives in the peer, so a lambda may capture; arguments are the coroutine's own.
    using handler = std::function<rt::awaitable<http::response>(http::request)>;

    // path without its query; "/prefix/*" for everything below. Method "*" for any. The longest match wins.
    void on(std::string method, std::string path, handler run);
    void answer(std::string method, std::string path, http::response fixed);

    // Listens and serves in the group until that is cancelled. Fails the process if the name is taken.
    void start(rt::task_group& in, rt::time_source& clock, http::network& on, const std::string& where,
               http::server_limits limits = {});

    // Requests in the order in which they were whole.
    const std::vector<http::request>& seen() const noexcept { return seen_; }
    std::size_t count(std::string_view method, std::string_view path) const noexcept;
    std::size_t body_max = 64U << 20;

    std::optional<http::response> admit(const http::request_head& head) override;
    std::size_t body_limit(const http::request_head& head) override;
    http::response refuse_large(const http::request_head& head, std::size_t limit) override;
    http::response refuse_malformed(unsigned status, std::string_view why) override;
    rt::awaitable<http::response> handle(http::request what) override;

private:
    const handler* find(const http::request& what) const;

    std::map<std::pair<std::string, std::string>, handler> handlers_{};
    std::vector<http::request> seen_{};
    std::vector<std::unique_ptr<http::listener>> listeners_{};
};

}  // namespace lakeferry::test
