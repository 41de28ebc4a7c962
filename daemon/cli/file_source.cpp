#include "daemon/cli/file_source.hpp"

#include "net/rt/check.hpp"
#include "sync/core/hash.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

namespace {

constexpr std::size_t hashed_bytes = std::size_t{1} << 20U;

rt::failure wrong(const char* id, const std::string& path, const std::string& what)
{
    return {.id = std::string("file.") + id, .detail = (path == "-" ? "standard input" : path) + " " + what};
}

std::string system_text(int error) { return std::generic_category().message(error); }

}  // namespace

// zlib's reader takes plain and gzip, one member or several. The first MiB was read for the fingerprint: a stream cannot
// be read again from its start, so a pump gives it back whole there.
struct file_source::handle {
    int fd = -1;
    gzFile gz = nullptr;
    int stream = -1;  // read by the pump
    std::future<void> pumping{};

    ~handle()
    {
        if (gz != nullptr) ::gzclose(gz);
        else if (fd >= 0) ::close(fd);
        if (pumping.valid()) pumping.wait();
        if (stream >= 0) ::close(stream);
    }
};

namespace {

// Reads up to `most` bytes; short only at the end of the file. -1: an error.
ssize_t read_head(int fd, std::string& to, std::size_t most)
{
    to.resize(most);
    std::size_t have = 0;
    while (have < most) {
        const ssize_t n = ::read(fd, to.data() + have, most - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    to.resize(have);
    return static_cast<ssize_t>(have);
}

bool write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

// Gives a stream back as if its head had not been read: a pipe that a thread fills.
void pump_stream(int from, int to, std::string head)
{
    std::vector<char> buffer(std::size_t{64} << 10U);
    bool open = write_all(to, head);
    while (open) {
        const ssize_t n = ::read(from, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        open = write_all(to, {buffer.data(), static_cast<std::size_t>(n)});
    }
    ::close(to);
}

}  // namespace

file_source::file_source(std::string path, std::unique_ptr<handle> from) : path_(std::move(path)), from_(std::move(from)) {}

file_source::~file_source()
{
    if (ahead_.valid()) ahead_.wait();
}

rt::outcome<std::unique_ptr<file_source>> file_source::open(const std::string& path)
{
    auto from = std::make_unique<handle>();
    from->fd = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (from->fd < 0) {
        const int why = errno;
        if (why == ENOENT) return wrong("not_found", path, "does not exist; check the name");
        if (why == EACCES) return wrong("forbidden", path, "may not be read by this user; change its mode or run as another user");
        return wrong("unreadable", path, "cannot be opened: " + system_text(why));
    }
    struct stat about {};
    if (::fstat(from->fd, &about) != 0) return wrong("unreadable", path, "cannot be read: " + system_text(errno));
    if (S_ISDIR(about.st_mode)) return wrong("directory", path, "is a directory; name the files in it");

    std::string head;
    if (read_head(from->fd, head, hashed_bytes) < 0) return wrong("unreadable", path, "cannot be read: " + system_text(errno));
    std::unique_ptr<file_source> made(new file_source(path, std::move(from)));
    handle& h = *made->from_;
    made->gzip_ = head.size() >= 2 && head[0] == '\x1f' && head[1] == '\x8b';
    if (!made->gzip_ && path.ends_with(".gz") && !head.empty())
        return wrong("not_gzip", path, "is called .gz, but its first bytes are not gzip's; unpack or rename it");
    made->size_ = S_ISREG(about.st_mode) ? static_cast<std::uint64_t>(about.st_size) : 0;
    made->fingerprint_ = std::to_string(made->size_) + "-" + core::sha256_hex(head).substr(0, 32);
    if (::lseek(h.fd, 0, SEEK_SET) != 0) {
        int ends[2] = {-1, -1};
        if (::pipe2(ends, O_CLOEXEC) != 0) return wrong("unreadable", path, "cannot be read: " + system_text(errno));
        h.stream = std::exchange(h.fd, ends[0]);
        h.pumping = std::async(std::launch::async, pump_stream, h.stream, ends[1], std::move(head));
    }
    h.gz = ::gzdopen(h.fd, "rb");
    if (h.gz == nullptr) return wrong("unreadable", path, "cannot be read: out of memory");
    ::gzbuffer(h.gz, 256U << 10U);
    return made;
}

file_source::block file_source::read(std::size_t bytes)
{
    block got;
    std::string text(bytes, '\0');
    std::size_t have = 0;
    while (have < bytes) {
        const int n = ::gzread(from_->gz, text.data() + have, static_cast<unsigned>(bytes - have));
        if (n > 0) {
            have += static_cast<std::size_t>(n);
            continue;
        }
        int code = Z_OK;
        const char* said = ::gzerror(from_->gz, &code);
        if (n == 0 && code == Z_OK) break;
        if (code == Z_ERRNO)
            got.bytes = wrong("unreadable", path_, "cannot be read: " + system_text(errno));
        else
            got.bytes = wrong("damaged", path_, "is damaged gzip (" + std::string(said) + "); what came before is imported, mend the file and run the command again");
        return got;
    }
    text.resize(have);
    got.bytes = std::move(text);
    const auto at = ::gzoffset(from_->gz);
    got.position = at < 0 ? 0 : static_cast<std::uint64_t>(at);
    return got;
}

rt::outcome<std::string> file_source::next(std::size_t bytes)
{
    block now = ahead_.valid() ? ahead_.get() : read(bytes);
    position_ = now.position;
    const bool more = now.bytes.has_value() && !now.bytes->empty();
    if (more) ahead_ = std::async(std::launch::async, [this, bytes] { return read(bytes); });
    return std::move(now.bytes);
}

rt::outcome<void> file_source::skip(std::uint64_t bytes)
{
    rt::check(!ahead_.valid(), "passing over comes before reading");
    constexpr std::uint64_t step = std::uint64_t{1} << 20U;
    while (bytes != 0) {
        auto got = read(static_cast<std::size_t>(std::min(bytes, step)));
        if (got.bytes.has_error()) return got.bytes.error();
        if (got.bytes->empty())
            return wrong("shorter", path_, "is shorter than it was when a part of it was imported; use --again to begin anew");
        bytes -= got.bytes->size();
        position_ = got.position;
    }
    return {};
}

}  // namespace lakeferry::daemon
