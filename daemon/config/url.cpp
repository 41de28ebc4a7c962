#include "daemon/config/url.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <charconv>

namespace lakeferry::daemon {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text, unsigned low)
{
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > 65535 || value < low) return std::nullopt;
    return static_cast<std::uint16_t>(value);
}

bool is_host(std::string_view host)
{
    if (host.empty() || host.size() > 253) return false;
    boost::system::error_code ignored;
    if (boost::asio::ip::make_address_v6(std::string(host), ignored); !ignored) return true;
    return std::all_of(host.begin(), host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    });
}

// Splits "host", "host:port", "[v6]", "[v6]:port". false: malformed.
bool split_authority(std::string_view text, std::string_view& host, std::optional<std::string_view>& port)
{
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        if (text.empty()) return true;
        if (text.front() != ':') return false;
        port = text.substr(1);
        return true;
    }
    const auto colon = text.find(':');
    host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
    return true;
}

}  // namespace

bool is_loopback(std::string_view host) noexcept
{
    if (host == "localhost") return true;
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(std::string(host), error);
    return !error && address.is_loopback();
}

std::optional<workspace_address> parse_workspace_url(std::string_view text, std::string& why)
{
    workspace_address found;
    if (text.starts_with("https://")) found.scheme = "https";
    else if (text.starts_with("http://")) found.scheme = "http";
    if (found.scheme.empty()) {
        why = "does not begin with https://";
        return std::nullopt;
    }
    text.remove_prefix(found.scheme.size() + 3);
    while (text.ends_with('/')) text.remove_suffix(1);
    if (text.find('@') != std::string_view::npos) {
        why = "holds a user name";
        return std::nullopt;
    }
    if (text.find_first_of("/?#") != std::string_view::npos) {
        why = "goes on after the host";
        return std::nullopt;
    }
    std::string_view host;
    std::optional<std::string_view> port;
    if (!split_authority(text, host, port) || !is_host(host)) {
        why = "has no valid host";
        return std::nullopt;
    }
    found.host = host;
    std::transform(found.host.begin(), found.host.end(), found.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (port) {
        found.port = parse_port(*port, 1);
        if (!found.port) {
            why = "has no valid port";
            return std::nullopt;
        }
    }
    if (found.scheme == "http" && !is_loopback(found.host)) {
        why = "is not encrypted";
        return std::nullopt;
    }
    return found;
}

std::optional<listen_address> parse_listen(std::string_view text)
{
    std::string_view host;
    std::optional<std::string_view> port;
    if (!split_authority(text, host, port) || !port || !is_host(host)) return std::nullopt;
    const auto number = parse_port(*port, 0);
    if (!number) return std::nullopt;
    return listen_address{std::string(host), *number};
}

}  // namespace lakeferry::daemon
