#include "daemon/cli/init_terminal.hpp"

#include <termios.h>
#include <unistd.h>
#include <csignal>

#include <array>
#include <cerrno>
#include <iostream>

namespace lakeferry::daemon {

namespace {

constexpr std::array<int, 4> ending{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::size_t line_bytes_max = std::size_t{64} << 10;

// What the handler needs: only one terminal is without echo at a time.
termios as_it_was{};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): handlers have no argument

extern "C" void put_back_and_end(int number)
{
    // Both are on POSIX' list of what a handler may call.
    (void)::tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
    ::_exit(128 + number);
}

class no_echo {
public:
    no_echo()
    {
        if (::tcgetattr(STDIN_FILENO, &as_it_was) != 0) return;
        on_ = true;
        struct sigaction mine{};
        mine.sa_handler = put_back_and_end;
        for (std::size_t i = 0; i < ending.size(); ++i) (void)::sigaction(ending[i], &mine, &before_[i]);
        termios quiet = as_it_was;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        (void)::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    no_echo(const no_echo&) = delete;
    no_echo& operator=(const no_echo&) = delete;
    ~no_echo()
    {
        if (!on_) return;
        (void)::tcsetattr(STDIN_FILENO, TCSANOW, &as_it_was);
        for (std::size_t i = 0; i < ending.size(); ++i) (void)::sigaction(ending[i], &before_[i], nullptr);
    }
    bool on() const noexcept { return on_; }

private:
    bool on_ = false;
    std::array<struct sigaction, ending.size()> before_{};
};

std::optional<std::string> read_line()
{
    std::string line;
    char c = 0;
    for (;;) {
        const ssize_t n = ::read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return line.empty() ? std::nullopt : std::optional(std::move(line));
        if (c == '\n') return line;
        if (line.size() < line_bytes_max) line.push_back(c);
    }
}

std::string trimmed(std::string text)
{
    const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && space(text.back())) text.pop_back();
    std::size_t first = 0;
    while (first < text.size() && space(text[first])) ++first;
    return text.substr(first);
}

}  // namespace

std::optional<std::string> ask_line(const std::string& question, const std::string& proposed)
{
    std::cout << question << (proposed.empty() ? "" : " [" + proposed + "]") << ": " << std::flush;
    auto line = read_line();
    if (!line) return std::nullopt;
    auto answer = trimmed(std::move(*line));
    return answer.empty() ? proposed : answer;
}

std::optional<auth::secret> ask_secret(const std::string& question)
{
    const no_echo quiet;
    // Asked when the echo is off: whoever answers at once is not shown either.
    std::cout << question << ": " << std::flush;
    auto line = read_line();
    if (quiet.on()) std::cout << std::endl;
    if (!line) return std::nullopt;
    std::string answer = trimmed(*line);
    auth::wipe(*line);
    return auth::secret(std::move(answer));
}

struct signals_held::body {
    sigset_t before{};
};

signals_held::signals_held() : body_(std::make_unique<body>())
{
    sigset_t held{};
    ::sigemptyset(&held);
    for (const int number : ending) ::sigaddset(&held, number);
    (void)::pthread_sigmask(SIG_BLOCK, &held, &body_->before);
}

signals_held::~signals_held()
{
    (void)::pthread_sigmask(SIG_SETMASK, &body_->before, nullptr);
}

}  // namespace lakeferry::daemon
