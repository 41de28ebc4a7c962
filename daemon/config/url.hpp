// Addresses in a configuration. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::daemon {

struct workspace_address {
    std::string scheme{};  // "https" or "http"
    std::string host{};    // without brackets
    std::optional<std::uint16_t> port{};
};

// "https://host", "http://127.0.0.1:8500/". nullopt: `why` says what is wrong, without user names or queries
// that might be secrets.
std::optional<workspace_address> parse_workspace_url(std::string_view text, std::string& why);

// localhost, 127.0.0.0/8, ::1.
bool is_loopback(std::string_view host) noexcept;

struct listen_address {
    std::string host{};
    std::uint16_t port = 0;
};
// "127.0.0.1:8400", "[::1]:8400", "localhost:0".
std::optional<listen_address> parse_listen(std::string_view text);

}  // namespace lakeferry::daemon
