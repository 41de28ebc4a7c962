// The HTTP server alone, for a load generator: every POST is answered after an asynchronous wait of the handler,
// as the intake answers after its group commit.
//   bench_http_server 127.0.0.1:18480 [seconds]
//   wrk -t1 -c64 -d5s -s post.lua http://127.0.0.1:18480/
// At the end it prints how many requests it answered and what CPU time each took.
#include "net/http/server.hpp"
#include "net/http/socket_network.hpp"
#include "net/rt/event.hpp"
#include "net/rt/task_group.hpp"

#include <boost/asio/io_context.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

namespace asio = boost::asio;
namespace http = lakeferry::http;
namespace rt = lakeferry::rt;

class answering final : public http::service {
public:
    answering(const asio::any_io_executor& ex, rt::time_source& clock) : clock_(clock), committed_(ex) {}

    std::optional<http::response> admit(const http::request_head&) override { return std::nullopt; }
    std::size_t body_limit(const http::request_head&) override { return 1U << 20; }
    http::response refuse_large(const http::request_head&, std::size_t) override
    {
        return http::json_response(413, "{}");
    }
    http::response refuse_malformed(unsigned status, std::string_view) override
    {
        return http::json_response(status, "{}");
    }
    rt::awaitable<http::response> handle(http::request what) override
    {
        bytes += what.body.size();
        committed_.clear();
        ++waiting_;
        co_await committed_.wait();
        ++requests;
        co_return http::json_response(200, R"({"success":true})");
    }

    // Wakes everyone who waits, as a committer does.
    rt::awaitable<void> commit()
    {
        for (;;) {
            co_await rt::sleep_for(clock_, std::chrono::microseconds(300));
            if (waiting_ == 0) continue;
            waiting_ = 0;
            committed_.set();
        }
    }

    std::size_t requests = 0;
    std::size_t bytes = 0;

private:
    rt::time_source& clock_;
    rt::event committed_;
    std::size_t waiting_ = 0;
};

double cpu_seconds()
{
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    const auto s = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return s(u.ru_utime) + s(u.ru_stime);
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string where = argc > 1 ? argv[1] : "127.0.0.1:18480";
    const int seconds = argc > 2 ? std::atoi(argv[2]) : 10;
    asio::io_context io(1);
    rt::steady_time clock(io.get_executor());
    auto net = http::make_socket_network(io.get_executor(), clock);
    if (net.has_error()) return std::fprintf(stderr, "%s\n", net.error().detail.c_str()), 1;
    auto listening = (*net)->listen(where, {});
    if (listening.has_error()) return std::fprintf(stderr, "%s\n", listening.error().detail.c_str()), 1;
    std::printf("listening on %s for %d s\n", (*listening)->address().c_str(), seconds);
    std::fflush(stdout);

    answering service(io.get_executor(), clock);
    rt::task_group tasks(io.get_executor(), nullptr);
    tasks.spawn("serve", http::serve(clock, **listening, service, {}));
    tasks.spawn("commit", service.commit());
    tasks.spawn("end", [](rt::time_source& time, rt::task_group& all, int s) -> rt::awaitable<void> {
        co_await rt::sleep_for(time, std::chrono::seconds(s));
        all.cancel();
    }(clock, tasks, seconds));
    const double before = cpu_seconds();
    io.run();
    const double cpu = cpu_seconds() - before;
    rusage u{};
    ::getrusage(RUSAGE_SELF, &u);
    std::printf("%zu requests, %zu body bytes, %.2f CPU s, %.1f us/request, peak %.1f MiB\n", service.requests,
                service.bytes, cpu, service.requests ? cpu * 1e6 / static_cast<double>(service.requests) : 0.0,
                static_cast<double>(u.ru_maxrss) / 1024.0);
    return 0;
}
