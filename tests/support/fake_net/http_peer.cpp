#include "tests/support/fake_net/http_peer.hpp"

#include "net/rt/check.hpp"

#include <algorithm>

namespace lakeferry::test {

namespace {

rt::awaitable<http::response> fixed_answer(http::response what) { co_return what; }

}  // namespace

void http_peer::on(std::string method, std::string path, handler run)
{
    handlers_[{std::move(path), std::move(method)}] = std::move(run);
}

void http_peer::answer(std::string method, std::string path, http::response fixed)
{
    on(std::move(method), std::move(path),
       [fixed = std::move(fixed)](http::request) { return fixed_answer(fixed); });
}

void http_peer::start(rt::task_group& in, rt::time_source& clock, http::network& net, const std::string& where,
                      http::server_limits limits)
{
    auto got = net.listen(where, {});
    if (got.has_error()) rt::fail(got.error().detail.c_str());
    listeners_.push_back(std::move(*got));
    in.spawn("peer " + where, http::serve(clock, *listeners_.back(), *this, limits));
}

std::size_t http_peer::count(std::string_view method, std::string_view path) const noexcept
{
    return static_cast<std::size_t>(std::count_if(seen_.begin(), seen_.end(), [&](const http::request& r) {
        return r.method == method && http::split_target(r.target).first == path;
    }));
}

std::optional<http::response> http_peer::admit(const http::request_head&) { return std::nullopt; }

std::size_t http_peer::body_limit(const http::request_head&) { return body_max; }

http::response http_peer::refuse_large(const http::request_head&, std::size_t)
{
    return http::text_response(413, "too large");
}

http::response http_peer::refuse_malformed(unsigned status, std::string_view why)
{
    return http::text_response(status, std::string(why));
}

const http_peer::handler* http_peer::find(const http::request& what) const
{
    const auto path = http::split_target(what.target).first;
    const handler* best = nullptr;
    std::size_t best_size = 0;
    for (const auto& [key, run] : handlers_) {
        const auto& [pattern, method] = key;
        if (method != "*" && method != what.method) continue;
        const bool below = pattern.ends_with("/*") && path.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
        if (!below && path != pattern) continue;
        const auto size = below ? pattern.size() : std::string::npos;
        if (best && size <= best_size) continue;
        best = &run;
        best_size = size;
    }
    return best;
}

rt::awaitable<http::response> http_peer::handle(http::request what)
{
    seen_.push_back(what);
    const auto* run = find(what);
    if (!run) co_return http::text_response(404, "nobody scripted " + what.method + " " + what.target);
    co_return co_await (*run)(std::move(what));
}

}  // namespace lakeferry::test
