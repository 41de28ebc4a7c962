#include "systemd/listen_fds.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace lakeferry::systemd {

namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr int descriptors_max = 256;

int number_from(const char* name) noexcept
{
    const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no threads yet
    if (text == nullptr) return -1;
    int value = -1;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc{} && stop == end ? value : -1;
}

}  // namespace

std::vector<passed_socket> take_listen_sockets()
{
    std::vector<passed_socket> sockets;
    const int count = number_from("LISTEN_FDS");
    if (number_from("LISTEN_PID") != ::getpid() || count <= 0 || count > descriptors_max) return sockets;
    const char* given = std::getenv("LISTEN_FDNAMES");  // NOLINT(concurrency-mt-unsafe): no threads yet
    std::string_view names = given == nullptr ? std::string_view{} : std::string_view(given);
    for (int fd = first_descriptor; fd < first_descriptor + count; ++fd) {
        const int flags = ::fcntl(fd, F_GETFD);
        const auto end = names.find(':');
        std::string name(names.substr(0, end));
        names = end == std::string_view::npos ? std::string_view{} : names.substr(end + 1);
        if (flags < 0) continue;  // not an open descriptor after all
        ::fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
        sockets.push_back({fd, name.empty() ? "unknown" : std::move(name)});
    }
    return sockets;
}

}  // namespace lakeferry::systemd
