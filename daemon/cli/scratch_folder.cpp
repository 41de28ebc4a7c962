#include "daemon/cli/scratch_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace lakeferry::daemon {

namespace fs = std::filesystem;

namespace {

constexpr const char* lock_name = "in_use";

int take_lock(const fs::path& folder, int flags)
{
    const int fd = ::open((folder / lock_name).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0) return -1;
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    ::close(fd);
    return -1;
}

// Folders of this user that nobody holds: their command was killed.
void sweep(const fs::path& below, const std::string& prefix)
{
    std::error_code error;
    for (fs::directory_iterator at(below, error), end; !error && at != end; at.increment(error)) {
        if (!at->path().filename().string().starts_with(prefix + "-")) continue;
        struct stat about {};
        if (::lstat(at->path().c_str(), &about) != 0 || !S_ISDIR(about.st_mode) || about.st_uid != ::geteuid()) continue;
        const int lock = take_lock(at->path(), 0);
        if (lock < 0) continue;  // in use, or not made to the end
        std::error_code ignored;
        fs::remove_all(at->path(), ignored);
        ::close(lock);
    }
}

}  // namespace

rt::outcome<std::unique_ptr<scratch_folder>> scratch_folder::make(const std::string& prefix)
{
    const char* given = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    const fs::path below = given == nullptr || *given == '\0' ? fs::path("/tmp") : fs::path(given);
    sweep(below, prefix);
    std::string name = (below / (prefix + "-XXXXXX")).string();
    if (::mkdtemp(name.data()) == nullptr)
        return rt::failure{.id = "scratch.not_made",
                           .detail = "No folder can be made in " + below.string() + ": " + std::generic_category().message(errno) +
                                     "; set TMPDIR to a folder with room"};
    const int lock = take_lock(name, O_CREAT);
    if (lock < 0) {
        const int why = errno;
        std::error_code ignored;
        fs::remove_all(name, ignored);
        return rt::failure{.id = "scratch.not_made", .detail = name + " cannot be written: " + std::generic_category().message(why)};
    }
    return std::unique_ptr<scratch_folder>(new scratch_folder(std::move(name), lock));
}

scratch_folder::~scratch_folder()
{
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    ::close(lock_);
}

}  // namespace lakeferry::daemon
