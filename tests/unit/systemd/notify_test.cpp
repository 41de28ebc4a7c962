#include "systemd/listen_fds.hpp"
#include "systemd/notify.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

namespace lakeferry::systemd {
namespace {

// What the service manager would receive.
class manager {
public:
    explicit manager(bool abstract = false)
    {
        std::string pattern = std::filesystem::temp_directory_path() / "lakeferry-notify-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        path_ = (abstract ? "@" : "") + folder_ + "/notify";
        fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        if (abstract) address.sun_path[0] = '\0';
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size() + (abstract ? 0 : 1));
        if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0) throw std::runtime_error("bind");
        ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
    }
    manager(const manager&) = delete;
    manager& operator=(const manager&) = delete;
    ~manager()
    {
        ::unsetenv("NOTIFY_SOCKET");
        ::close(fd_);
        std::filesystem::remove_all(folder_);
    }
    std::string received() const
    {
        char buffer[1024];
        const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
        return n < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(n));
    }

private:
    std::string folder_;
    std::string path_;
    int fd_ = -1;
};

TEST(Notify, ReachesTheManager)
{
    const manager m;
    EXPECT_TRUE(notify(ready("3 spaces")));
    EXPECT_EQ(m.received(), "READY=1\nSTATUS=3 spaces\n");
    EXPECT_TRUE(notify(watchdog_ping));
    EXPECT_EQ(m.received(), "WATCHDOG=1");
}

TEST(Notify, ReachesAnAbstractSocket)
{
    const manager m(true);
    EXPECT_TRUE(notify(stopping("")));
    EXPECT_EQ(m.received(), "STOPPING=1\nSTATUS=\n");
}

TEST(Notify, WithoutManagerSaysNothing)
{
    ::unsetenv("NOTIFY_SOCKET");
    EXPECT_FALSE(notify("READY=1"));
    ::setenv("NOTIFY_SOCKET", "relative", 1);
    EXPECT_FALSE(notify("READY=1"));
    ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'x')).c_str(), 1);
    EXPECT_FALSE(notify("READY=1"));
    ::setenv("NOTIFY_SOCKET", "/nowhere/at/all", 1);
    EXPECT_FALSE(notify("READY=1"));
    ::unsetenv("NOTIFY_SOCKET");
}

TEST(Notify, AStatusCannotForgeAnotherField)
{
    EXPECT_EQ(status("bad\nREADY=1"), "STATUS=bad READY=1\n");
    EXPECT_EQ(reloading(17, "generation 2"), "RELOADING=1\nMONOTONIC_USEC=17\nSTATUS=generation 2\n");
}

TEST(Watchdog, IsForThisProcessOnly)
{
    ::unsetenv("WATCHDOG_USEC");
    ::unsetenv("WATCHDOG_PID");
    EXPECT_EQ(watchdog_us(), std::nullopt);
    ::setenv("WATCHDOG_USEC", "30000000", 1);
    EXPECT_EQ(watchdog_us(), 30000000U);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_EQ(watchdog_us(), 30000000U);
    ::setenv("WATCHDOG_PID", "1", 1);
    EXPECT_EQ(watchdog_us(), std::nullopt);
    ::unsetenv("WATCHDOG_PID");
    for (const char* wrong : {"", "0", "x", "12x"}) {
        ::setenv("WATCHDOG_USEC", wrong, 1);
        EXPECT_EQ(watchdog_us(), std::nullopt) << wrong;
    }
    ::unsetenv("WATCHDOG_USEC");
}

// In a child, because the descriptors' numbers are fixed.
int in_child(int (*body)())
{
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ListenSockets, AreTakenOverWithTheirNames)
{
    EXPECT_EQ(in_child([] {
                  const int one = ::socket(AF_INET, SOCK_STREAM, 0);
                  ::dup2(one, 3);
                  ::dup2(one, 4);
                  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
                  ::setenv("LISTEN_FDS", "2", 1);
                  ::setenv("LISTEN_FDNAMES", "intake:admin", 1);
                  const auto sockets = take_listen_sockets();
                  if (sockets.size() != 2 || sockets[0].name != "intake" || sockets[1].name != "admin") return 1;
                  if (sockets[0].descriptor != 3 || sockets[1].descriptor != 4) return 2;
                  return (::fcntl(3, F_GETFD) & FD_CLOEXEC) != 0 ? 0 : 3;
              }),
              0);
}

TEST(ListenSockets, OfAnotherProcessAreLeftAlone)
{
    EXPECT_EQ(in_child([] {
                  ::setenv("LISTEN_PID", "1", 1);
                  ::setenv("LISTEN_FDS", "1", 1);
                  if (!take_listen_sockets().empty()) return 1;
                  ::unsetenv("LISTEN_PID");
                  if (!take_listen_sockets().empty()) return 2;
                  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
                  ::setenv("LISTEN_FDS", "x", 1);
                  return take_listen_sockets().empty() ? 0 : 3;
              }),
              0);
}

}  // namespace
}  // namespace lakeferry::systemd
