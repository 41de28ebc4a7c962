// A client that sends exactly the bytes it is told to, and a service to send them to.
#pragma once

#include "net/http/server.hpp"
#include "net/rt/task_group.hpp"
#include "tests/support/fake_net/fake_net.hpp"
#include "tests/support/world/world.hpp"

#include <boost/asio/error.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::test {

// Answers "method target body"; a target "/wait" answers after ten seconds, "/throw" throws.
class echo_service final : public http::service {
public:
    explicit echo_service(rt::time_source& clock) : clock_(clock) {}

    std::optional<http::response> admit(const http::request_head& head) override
    {
        ++admitted;
        if (head.target == "/full") return http::text_response(429, "full");
        return std::nullopt;
    }
    std::size_t body_limit(const http::request_head&) override { return 1000; }
    http::response refuse_large(const http::request_head&, std::size_t limit) override
    {
        return http::text_response(413, "at most " + std::to_string(limit));
    }
    http::response refuse_malformed(unsigned status, std::string_view why) override
    {
        return http::text_response(status, std::string(why));
    }
    http::response refuse_broken(std::string_view what) override
    {
        broken = what;
        return http::text_response(500, "sorry");
    }
    rt::awaitable<http::response> handle(http::request what) override
    {
        ++under_way;
        struct counted {
            int& n;
            explicit counted(int& c) : n(c) {}
            counted(const counted&) = delete;
            counted& operator=(const counted&) = delete;
            ~counted() { --n; }
        } const leaving(under_way);
        if (what.target == "/wait") co_await rt::sleep_for(clock_, std::chrono::seconds(10));
        if (what.target == "/throw") throw std::runtime_error("defect");
        handled.push_back(what);
        co_return http::text_response(200, what.method + " " + what.target + " " + what.body);
    }

    int admitted = 0;
    int under_way = 0;
    std::string broken{};
    std::vector<http::request> handled{};

private:
    rt::time_source& clock_;
};

// A world with an echo service on "shop:80".
struct served_world : world {
    fake_net net{*this};
    echo_service service{time};
    std::unique_ptr<http::listener> listening = *net.listen("shop:80", {});
    rt::task_group server{executor(), nullptr};

    explicit served_world(http::server_limits limits = {}, std::uint64_t seed = 1) : world(seed)
    {
        server.spawn("server", http::serve(time, *listening, service, limits));
    }
    ~served_world() { stop(); }
    served_world(const served_world&) = delete;
    served_world& operator=(const served_world&) = delete;

    void stop()
    {
        server.cancel();
        run(server.join());
    }
    std::unique_ptr<http::stream> connect()
    {
        return *get(net.connect({"http", "shop", ""}, {}));
    }
};

struct heard {
    std::string text{};
    bool ended = false;       // the server closed
    rt::duration after{};     // when it did, or when the listener lost patience
};

// Reads until the server closes or says nothing for `patience`.
inline rt::awaitable<heard> listen_to(rt::time_source& clock, http::stream& from,
                                      rt::duration patience = std::chrono::seconds(3))
{
    heard out;
    const auto start = clock.now();
    for (;;) {
        char buffer[500];
        auto reading = from.read_some(boost::asio::buffer(buffer));
        const auto got = co_await rt::with_deadline(clock, rt::deadline::in(clock, patience), std::move(reading));
        out.after = clock.now() - start;
        if (got.has_error()) co_return out;
        out.text.append(buffer, got->second);
        if (got->first) {
            out.ended = true;
            co_return out;
        }
    }
}

// Sends the text on a connection of its own and reads what comes back.
inline heard talk(served_world& w, std::string text, rt::duration patience = std::chrono::seconds(3))
{
    return w.get([](served_world& w, std::string text, rt::duration patience) -> rt::awaitable<heard> {
        auto connected = co_await w.net.connect({"http", "shop", ""}, {});
        (void)co_await (*connected)->write(boost::asio::buffer(text));
        co_return co_await listen_to(w.time, **connected, patience);
    }(w, std::move(text), patience));
}

inline unsigned status_of(const heard& h)
{
    return h.text.size() < 12 ? 0 : static_cast<unsigned>(std::stoul(h.text.substr(9, 3)));
}

inline std::size_t count_of(std::string_view text, std::string_view part)
{
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++n;
    return n;
}

}  // namespace lakeferry::test
