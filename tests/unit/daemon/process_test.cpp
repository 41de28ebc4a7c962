// The program itself: signals, service manager, exit statuses. Nothing here depends on how long something takes; a
// minute without a sign of life is a failure.
#include "tests/unit/daemon/config/folder.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>
#include <sstream>

namespace lakeferry::daemon {
namespace {

struct finished {
    int status = -1;
    std::string output{};
};

class Process : public testing::Test {
protected:
    void SetUp() override
    {
        folder_.write("lakeferry.toml",
                      "[daemon]\nspaces_directory = \"spaces.d\"\nstate_directory = \"state\"\n"
                      "[intake]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\ncontrol_socket = \"c.sock\"\n");
        folder_.space("acme", good_space);
        listen_for_notes();
    }
    void TearDown() override
    {
        if (daemon_ > 0) {
            ::kill(daemon_, SIGKILL);
            ::waitpid(daemon_, nullptr, 0);
        }
        ::close(notes_);
    }

    void listen_for_notes()
    {
        notes_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = folder_.path("notify");
        std::memcpy(address.sun_path, path.data(), path.size());
        ASSERT_EQ(::bind(notes_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        const timeval minute{60, 0};
        ::setsockopt(notes_, SOL_SOCKET, SO_RCVTIMEO, &minute, sizeof minute);
    }
    // Watchdog pings are passed over.
    std::string note() const
    {
        for (;;) {
            char text[2048];
            const ssize_t n = ::recv(notes_, text, sizeof text, 0);
            if (n < 0) return "nothing within a minute";
            const std::string said(text, static_cast<std::size_t>(n));
            if (said != "WATCHDOG=1") return said;
        }
    }

    pid_t spawn(std::vector<std::string> words, const std::string& output, int passed_socket = -1) const
    {
        const pid_t child = ::fork();
        if (child != 0) return child;
        const int out = ::open(folder_.path(output).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(out, 1);
        ::dup2(out, 2);
        ::setenv("NOTIFY_SOCKET", folder_.path("notify").c_str(), 1);
        if (passed_socket >= 0) {
            ::dup2(passed_socket, 3);
            ::setenv("LISTEN_FDS", "1", 1);
            ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
        }
        words.insert(words.begin(), LAKEFERRY_BINARY);
        words.insert(words.end(), {"--config", folder_.path("lakeferry.toml")});
        std::vector<char*> argv;
        for (auto& word : words) argv.push_back(word.data());
        argv.push_back(nullptr);
        ::execv(LAKEFERRY_BINARY, argv.data());
        ::_exit(127);
    }
    std::string text_of(const std::string& name) const
    {
        std::ostringstream text;
        text << std::ifstream(folder_.path(name)).rdbuf();
        return text.str();
    }
    static int wait_for(pid_t child)
    {
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }
    finished command(std::vector<std::string> words) const
    {
        std::filesystem::remove(folder_.path("out"));
        finished f;
        f.status = wait_for(spawn(std::move(words), "out"));
        f.output = text_of("out");
        return f;
    }
    void start(int passed_socket = -1)
    {
        daemon_ = spawn({"run"}, "log", passed_socket);
        ASSERT_TRUE(note().starts_with("READY=1")) << text_of("log");
    }
    int stop(int signal = SIGTERM)
    {
        ::kill(daemon_, signal);
        return wait_for(std::exchange(daemon_, -1));
    }

    config_folder folder_;
    int notes_ = -1;
    pid_t daemon_ = -1;
};

TEST_F(Process, TellsTheServiceManagerOfEveryTurn)
{
    start();
    ::kill(daemon_, SIGHUP);
    EXPECT_TRUE(note().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    EXPECT_EQ(note(), "READY=1\nSTATUS=1 spaces, configuration generation 2\n");
    EXPECT_EQ(stop(), 0) << text_of("log");
    EXPECT_TRUE(note().starts_with("STOPPING=1"));
    EXPECT_NE(text_of("log").find("daemon.stopped"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(folder_.path("c.sock")));
}

TEST_F(Process, ABadReloadIsToldAndChangesNothing)
{
    start();
    folder_.space("acme", with(good_space, "15m", "1s"));
    ::kill(daemon_, SIGHUP);
    EXPECT_TRUE(note().starts_with("RELOADING=1"));
    const auto said = note();
    EXPECT_NE(said.find("generation 1, last reload refused"), std::string::npos) << said;
    EXPECT_NE(said.find("acme.toml:15: profiles_sync.every"), std::string::npos) << said;
    EXPECT_EQ(stop(), 0);
}

TEST_F(Process, ASecondDaemonOnTheStateDirectoryIsRefused)
{
    start();
    folder_.write("lakeferry.toml",
                  "[daemon]\nspaces_directory = \"spaces.d\"\nstate_directory = \"state\"\n"
                  "[intake]\nlisten = [\"127.0.0.1:0\"]\n[admin]\nlisten = \"127.0.0.1:0\"\ncontrol_socket = \"other.sock\"\n");
    const auto second = command({"run"});
    EXPECT_EQ(second.status, 75) << second.output;
    EXPECT_NE(second.output.find("store.locked"), std::string::npos) << second.output;
    EXPECT_EQ(stop(), 0);
}

TEST_F(Process, AWrongConfigurationStartsNothing)
{
    folder_.space("acme", with(good_space, "http_path", "htp_path"));
    const auto run = command({"run"});
    EXPECT_EQ(run.status, 78);
    EXPECT_NE(run.output.find("did you mean \"http_path\"?"), std::string::npos) << run.output;
    EXPECT_FALSE(std::filesystem::exists(folder_.path("state")));
    EXPECT_EQ(command({"config", "check"}).status, 78);
    EXPECT_EQ(command({"check"}).status, 78);
}

TEST_F(Process, ComesBackAfterBeingKilled)
{
    start();
    EXPECT_EQ(stop(SIGKILL), 1000 + SIGKILL);
    start();
    EXPECT_EQ(stop(SIGINT), 0) << text_of("log");
}

TEST_F(Process, CommandsTalkToItAndSayWhenNobodyAnswers)
{
    EXPECT_EQ(command({"status"}).status, 69);
    start();
    const auto status = command({"status", "--json"});
    EXPECT_EQ(status.status, 0) << status.output;
    EXPECT_NE(status.output.find("\"id\":\"acme\""), std::string::npos) << status.output;
    EXPECT_EQ(command({"status", "nobody"}).status, 1);
    EXPECT_EQ(command({"reload"}).status, 0);
    folder_.write("calls.ndjson", "{\"type\":\"track\",\"event\":\"E\",\"anonymousId\":\"a\"}\n");
    const auto import = command({"import", "acme", folder_.path("calls.ndjson"), "--source", "Website"});
    EXPECT_EQ(import.status, 0) << import.output;
    EXPECT_NE(import.output.find("1 calls accepted, 0 refused"), std::string::npos) << import.output;
    const auto unnamed = command({"import", "acme", folder_.path("calls.ndjson"), "--source", "Nobody"});
    EXPECT_EQ(unnamed.status, 1) << unnamed.output;
    EXPECT_EQ(stop(), 0);
}

TEST_F(Process, TakesTheSocketThatTheServiceManagerOpened)
{
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listening, 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size);
    start(listening);
    ::close(listening);
    const auto status = command({"status", "--json"});
    EXPECT_NE(status.output.find("127.0.0.1:" + std::to_string(ntohs(address.sin_port))), std::string::npos) << status.output;
    EXPECT_EQ(stop(), 0);
}

TEST_F(Process, CheckSaysWhereItEnds)
{
    folder_.space("acme", with(good_space, "https://dbc-1.cloud.databricks.com", "http://127.0.0.1:1"));
    const auto check = command({"check"});
    EXPECT_EQ(check.status, 1) << check.output;
    EXPECT_NE(check.output.find("MISSING host http://127.0.0.1:1"), std::string::npos) << check.output;
    EXPECT_NE(check.output.find("refused the connection"), std::string::npos) << check.output;
    EXPECT_NE(check.output.find("Check databricks.workspace_url and port"), std::string::npos) << check.output;
    EXPECT_EQ(command({"check", "nobody"}).status, 1);
}

}  // namespace
}  // namespace lakeferry::daemon
