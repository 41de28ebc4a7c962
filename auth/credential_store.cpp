#include "auth/credential_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

namespace lakeferry::auth {

namespace {

constexpr std::size_t secret_bytes_max = 16U << 10;

rt::failure refuse(std::string id, std::string detail)
{
    return {rt::retry_class::never, "credential." + std::move(id), std::move(detail)};
}

// Closes the descriptor when it goes.
struct descriptor {
    int fd;
    explicit descriptor(int f) noexcept : fd(f) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (fd >= 0) ::close(fd);
    }
};

std::string errno_text(int number)
{
    std::array<char, 128> buffer{};
    return ::strerror_r(number, buffer.data(), buffer.size());
}

std::optional<rt::failure> refuse_mode(const struct stat& about, const std::string& path,
                                       const std::string& what)
{
    if (!S_ISREG(about.st_mode)) return refuse("not_a_file", what + " is not a regular file.");
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse("too_open", what + " can be read or written by others: chmod 600 " + path);
    return std::nullopt;
}

// Reads at most limit + 1 bytes, so that the caller sees that there was more.
std::optional<std::string> read_up_to(int fd, std::size_t limit)
{
    std::string bytes(limit + 1, '\0');
    std::size_t got = 0;
    while (got < bytes.size()) {
        const auto n = ::read(fd, bytes.data() + got, bytes.size() - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            wipe(bytes);
            return std::nullopt;
        }
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    bytes.resize(got);
    return bytes;
}

rt::outcome<secret> checked(std::string bytes, const std::string& what)
{
    if (bytes.size() > secret_bytes_max) {
        wipe(bytes);
        return refuse("too_large", what + " is larger than 16 KiB, which no secret is.");
    }
    if (!bytes.empty() && bytes.back() == '\n') bytes.pop_back();
    if (!bytes.empty() && bytes.back() == '\r') bytes.pop_back();
    if (bytes.empty())
        return refuse("empty", what + " is empty: write the secret into it, on one line.");
    const bool plain = std::all_of(bytes.begin(), bytes.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
    });
    if (!plain) {
        wipe(bytes);
        return refuse("malformed", what + " holds spaces, several lines or control characters: "
                                          "it must hold the secret alone, on one line.");
    }
    return secret(std::move(bytes));
}

}  // namespace

std::string describe(const credential_ref& ref)
{
    switch (ref.from) {
        case credential_ref::kind::credential: return "The credential \"" + ref.name + "\"";
        case credential_ref::kind::file: return "The file " + ref.name;
        case credential_ref::kind::none: break;
    }
    return "The secret (not configured)";
}

credential_store::credential_store(std::string credentials_directory)
    : directory_(std::move(credentials_directory))
{
}

rt::outcome<secret> credential_store::read(const credential_ref& ref) const
{
    const std::string what = describe(ref);
    std::string path = ref.name;
    if (ref.from == credential_ref::kind::none)
        return refuse("none",
                      "No secret is configured: set { credential = \"…\" } or { file = \"…\" }.");
    if (ref.from == credential_ref::kind::credential) {
        if (ref.name.empty() || ref.name == "." || ref.name == ".." ||
            ref.name.find_first_of(std::string_view("/\0", 2)) != std::string::npos)
            return refuse("bad_name", what + " has a name that systemd does not allow.");
        if (directory_.empty())
            return refuse("no_directory",
                          what + " cannot be read: the service was started without credentials. Add "
                                 "LoadCredential=" + ref.name + ":/path/to/secret to the unit, or use "
                                 "{ file = \"…\" }.");
        path = directory_ + "/" + ref.name;
    }
    if (path.find('\0') != std::string::npos) return refuse("bad_name", what + " is no path.");

    // O_NONBLOCK: opening a pipe that nobody writes to must not hang the loop.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (file.fd < 0) {
        const int why = errno;
        if (why != ENOENT && why != ENOTDIR)
            return refuse("unreadable", what + " cannot be opened: " + errno_text(why) + ".");
        if (ref.from == credential_ref::kind::file)
            return refuse("not_found", what + " does not exist.");
        return refuse("not_found", what + " was not passed to the service: add LoadCredential=" +
                                       ref.name + ":/path/to/secret to the unit and restart it.");
    }
    struct stat about {};
    if (::fstat(file.fd, &about) != 0)
        return refuse("unreadable", what + " cannot be read: " + errno_text(errno) + ".");
    // systemd makes its directory private by itself; the files there may well be group-readable.
    if (ref.from == credential_ref::kind::file) {
        if (auto bad = refuse_mode(about, path, what)) return *bad;
    } else if (!S_ISREG(about.st_mode)) {
        return refuse("not_a_file", what + " is not a regular file.");
    }
    auto bytes = read_up_to(file.fd, secret_bytes_max);
    if (!bytes) return refuse("unreadable", what + " cannot be read: " + errno_text(errno) + ".");
    return checked(std::move(*bytes), what);
}

}  // namespace lakeferry::auth
