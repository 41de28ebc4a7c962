// Listening sockets that the service manager opened: sd_listen_fds(3) without libsystemd.
#pragma once

#include <string>
#include <vector>

namespace lakeferry::systemd {

struct passed_socket {
    int descriptor = -1;
    std::string name{};  // FileDescriptorName= of the socket unit; "unknown" where it has none
};

// The sockets that are meant for this process (LISTEN_PID); closed on exec from now on. The caller owns the
// descriptors. Empty: none, or the variables contradict each other. Call once, before threads start.
std::vector<passed_socket> take_listen_sockets();

}  // namespace lakeferry::systemd
