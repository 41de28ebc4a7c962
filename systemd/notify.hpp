// Talking to the service manager: sd_notify(3) without libsystemd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::systemd {

// One datagram to $NOTIFY_SOCKET; false when there is no such socket or it cannot be sent. Never blocks.
bool notify(std::string_view state) noexcept;

// The texts of the protocol. status: one line, shown by `systemctl status`.
std::string ready(std::string_view status);
// monotonic_us: CLOCK_MONOTONIC now; a manager that knows reloading services wants it beside RELOADING=1.
std::string reloading(std::uint64_t monotonic_us, std::string_view status);
std::string stopping(std::string_view status);
std::string status(std::string_view text);
inline constexpr std::string_view watchdog_ping = "WATCHDOG=1";

// How often the manager wants to hear from us at least, by $WATCHDOG_USEC and $WATCHDOG_PID; nullopt: it does not.
std::optional<std::uint64_t> watchdog_us() noexcept;

// CLOCK_MONOTONIC in microseconds, for reloading().
std::uint64_t monotonic_us() noexcept;

}  // namespace lakeferry::systemd
