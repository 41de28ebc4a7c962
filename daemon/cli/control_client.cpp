#include "daemon/cli/control_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <optional>

namespace lakeferry::daemon {

namespace asio = boost::asio;
namespace json = boost::json;

control_client::control_client(std::string socket) : socket_(std::move(socket))
{
    auto made = http::make_socket_network(io_.get_executor(), time_);
    rt::check(made.has_value(), "a network without extra authorities can be made");
    network_ = std::move(*made);
    pool_ = std::make_unique<http::pool>(io_.get_executor(), time_, *network_);
}

control_client::~control_client() = default;

rt::failure control_client::unreachable(const rt::failure& why) const
{
    struct stat about {};
    if (::stat(socket_.c_str(), &about) == 0 && ::access(socket_.c_str(), W_OK) != 0)
        return {.id = "control.forbidden",
                .detail = "The control socket " + socket_ + " may not be opened by this user: run the command as root or as the user of the daemon."};
    return {.retry = rt::retry_class::transient,
            .id = "control.unreachable",
            .detail = "No daemon answers on " + socket_ + " (" + why.detail +
                      "): start it (systemctl start lakeferry, or lakeferry run), or name its socket with --socket or --config."};
}

rt::outcome<json::value> control_client::send(http::request what)
{
    std::optional<rt::outcome<http::response>> result;
    what.fields.set("Accept", "application/json");
    asio::co_spawn(
        io_,
        [](http::pool& pool, std::string path, http::request request,
           std::optional<rt::outcome<http::response>>& to) -> rt::awaitable<void> {
            to.emplace(co_await pool.send({"unix", std::move(path), ""}, std::move(request), {}));
        }(*pool_, socket_, std::move(what), result),
        [](const std::exception_ptr& error) {
            if (error) std::rethrow_exception(error);
        });
    io_.restart();
    io_.run();
    rt::check(result.has_value(), "an exchange ends with a result");
    if (result->has_error()) return unreachable(result->error());
    const http::response& answer = result->value();
    boost::system::error_code error;
    auto body = json::parse(answer.body, error);
    if (error)
        return rt::failure{.id = "control.malformed", .detail = "What answers on " + socket_ + " does not speak Lakeferry's control API."};
    if (answer.status < 400) return body;
    rt::failure why{.retry = answer.status == 429 ? rt::retry_class::throttled
                             : answer.status == 503 ? rt::retry_class::transient
                                                    : rt::retry_class::never};
    if (const auto* said = body.is_object() ? body.as_object().if_contains("error") : nullptr; said != nullptr && said->is_object()) {
        const auto text = [&](const char* name) {
            const auto* v = said->as_object().if_contains(name);
            return v != nullptr && v->is_string() ? std::string(v->as_string()) : std::string();
        };
        why.id = text("id");
        why.detail = text("message");
        if (const auto after = answer.fields.find("Retry-After"))
            why.retry_after = std::chrono::seconds(std::atoi(std::string(*after).c_str()));
        return why;
    }
    return body;  // an outcome that is no success, in its own words (a refused reload)
}

rt::outcome<json::value> control_client::get(const std::string& target)
{
    return send({.method = "GET", .target = target});
}

rt::outcome<json::value> control_client::post(const std::string& target, std::string body)
{
    return send({.method = "POST", .target = target, .body = std::move(body)});
}

void control_client::sleep(rt::duration d)
{
    asio::co_spawn(io_, rt::sleep_for(time_, d), [](const std::exception_ptr&) {});
    io_.restart();
    io_.run();
}

}  // namespace lakeferry::daemon
