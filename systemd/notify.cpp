#include "systemd/notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace lakeferry::systemd {

namespace {

// One line: the protocol separates by line ends.
std::string one_line(std::string_view text)
{
    std::string line(text.substr(0, 500));
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20U) c = ' ';
    return line;
}

std::optional<std::uint64_t> number_from(const char* name) noexcept
{
    const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    if (text == nullptr) return std::nullopt;
    std::uint64_t value = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

}  // namespace

bool notify(std::string_view state) noexcept
{
    const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return false;
    const std::size_t length = std::strlen(path);
    sockaddr_un address{};
    if (length >= sizeof address.sun_path) return false;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';  // abstract socket

    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    const ssize_t sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, to, size);
    ::close(fd);
    return sent == static_cast<ssize_t>(state.size());
}

std::string ready(std::string_view text) { return "READY=1\nSTATUS=" + one_line(text) + "\n"; }

std::string reloading(std::uint64_t now_us, std::string_view text)
{
    return "RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us) + "\nSTATUS=" + one_line(text) + "\n";
}

std::string stopping(std::string_view text) { return "STOPPING=1\nSTATUS=" + one_line(text) + "\n"; }

std::string status(std::string_view text) { return "STATUS=" + one_line(text) + "\n"; }

std::optional<std::uint64_t> watchdog_us() noexcept
{
    const auto interval = number_from("WATCHDOG_USEC");
    if (!interval || *interval == 0) return std::nullopt;
    const auto pid = number_from("WATCHDOG_PID");
    if (pid && *pid != static_cast<std::uint64_t>(::getpid())) return std::nullopt;
    return interval;
}

std::uint64_t monotonic_us() noexcept
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U + static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
}

}  // namespace lakeferry::systemd
