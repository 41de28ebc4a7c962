#include "daemon/cli/init_files.hpp"

#include "daemon/cli/init_terminal.hpp"
#include "daemon/config/space_file.hpp"
#include "daemon/config/tree.hpp"
#include "net/rt/check.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

namespace lakeferry::daemon {

namespace {

std::string words(int error)
{
    return std::generic_category().message(error);
}

rt::failure failed(const char* id, std::string detail)
{
    return {.id = id, .detail = std::move(detail)};
}

std::string folder_of(const std::string& path)
{
    return path.substr(0, path.rfind('/'));
}

int write_all(int fd, std::string_view text)
{
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return 0;
}

// Under a name of its own beside `path`; 0 or an errno.
int write_aside(const new_file& file, const std::string& aside, const std::string& owned_like)
{
    const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.mode);
    if (fd < 0) return errno;
    int error = ::fchmod(fd, file.mode) != 0 ? errno : 0;
    struct stat like{};
    if (error == 0 && file.like_state && ::geteuid() == 0 && ::stat(owned_like.c_str(), &like) == 0 &&
        ::fchown(fd, like.st_uid, like.st_gid) != 0)
        error = errno;
    if (error == 0) error = write_all(fd, file.text);
    if (error == 0 && ::fsync(fd) != 0) error = errno;
    ::close(fd);
    return error;
}

void sync_folder(const std::string& folder)
{
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)::fsync(fd);
    ::close(fd);
}

}  // namespace

std::string new_write_key()
{
    static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device system;
    std::uniform_int_distribution<std::size_t> any(0, letters.size() - 1);
    std::string key;
    for (int i = 0; i < 32; ++i) key.push_back(letters[any(system)]);
    return key;
}

std::string space_id_of(const std::string& name)
{
    std::string id;
    for (char c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            id.push_back(c);
        else if (!id.empty() && id.back() != '-' && id.size() < 62)
            id.push_back('-');
        if (id.size() == 63) break;
    }
    while (id.ends_with('-')) id.pop_back();
    return id;
}

std::string space_file_text(const core::space_config& c, const std::string& every)
{
    const auto& d = c.databricks;
    const bool credential = d.client_secret.from == core::secret_ref::kind::credential;
    std::string text =
        "# One space of Lakeferry; the file's name is its id. lakeferry config check finds mistakes, lakeferry reload\n"
        "# puts changes in force. Every key: docs/configuration.md.\n\n";
    text += "name = " + toml_quoted(c.name) + "  # may be changed at any time\n\n[databricks]\n";
    text += "workspace_url = " + toml_quoted(d.workspace_url) + "\n";
    text += "port = " + std::to_string(d.port) + "\n";
    text += "http_path = " + toml_quoted(d.http_path) + "  # of a SQL warehouse, not of a cluster\n";
    text += "catalog = " + toml_quoted(d.catalog) + "  # of Unity Catalog\n";
    text += "client_id = " + toml_quoted(d.client_id) + "  # application id of the service principal\n";
    text += std::string("client_secret = { ") + (credential ? "credential" : "file") + " = " +
            toml_quoted(d.client_secret.name) + " }\n";
    for (const auto& s : c.sources)
        text += "\n[[sources]]\nname = " + toml_quoted(s.name) + "\nwrite_key = " + toml_quoted(s.write_key) +
                "  # what its calls carry\n";
    text += "\n[profiles_sync]\nschema = " + toml_quoted(c.profiles_sync.schema) +
            "  # fixed after the first sync: tables are not moved\nevery = " + toml_quoted(every) + "\n";
    return text;
}

rt::outcome<void> write_new_files(const std::vector<new_file>& files, const std::string& owned_like)
{
    const signals_held held;
    std::vector<std::string> asides;
    std::vector<std::string> named;
    std::optional<rt::failure> why;
    for (const auto& file : files) {
        asides.push_back(folder_of(file.path) + "/.lakeferry-init-" + std::to_string(::getpid()) + "-" +
                         std::to_string(asides.size()));
        if (const int error = write_aside(file, asides.back(), owned_like)) {
            why = failed("init.not_written", file.path + " cannot be written: " + words(error));
            break;
        }
    }
    for (std::size_t i = 0; !why && i < files.size(); ++i) {
        // Unlike a rename, this fails where something has the name.
        if (::link(asides[i].c_str(), files[i].path.c_str()) == 0) {
            named.push_back(files[i].path);
            continue;
        }
        const int error = errno;
        why = error == EEXIST
                  ? failed("init.exists",
                           files[i].path + " exists already and is left as it is: move it away, or choose another id")
                  : failed("init.not_written", files[i].path + " cannot be written: " + words(error));
    }
    for (const auto& one : asides) (void)::unlink(one.c_str());
    if (why)
        for (const auto& one : named) (void)::unlink(one.c_str());
    for (const auto& file : files) sync_folder(folder_of(file.path));
    if (why) return *why;
    return rt::outcome<void>();
}

init_verdict by_the_reader(const core::space_config& config, const std::string& every, std::string_view key)
{
    problems found;
    core::space_config whole = config;
    if (whole.id.empty()) whole.id = "space";
    (void)parse_space_file(space_file_text(whole, every), "init", whole.id, false, found);
    for (const auto& one : found)
        if (one.key == key) return init_no(one.what + (one.cure.empty() ? "" : "; " + one.cure));
    return std::string();
}

secret_in_memory::secret_in_memory(const auth::secret& bytes) : fd_(::memfd_create("lakeferry-secret", MFD_CLOEXEC))
{
    rt::check(fd_ >= 0, "a file in memory can be made");
    (void)::fchmod(fd_, 0600);
    rt::check(write_all(fd_, bytes.reveal()) == 0, "a file in memory can be written");
}

secret_in_memory::~secret_in_memory()
{
    ::close(fd_);
}

core::secret_ref secret_in_memory::reference() const
{
    return {core::secret_ref::kind::file, "/proc/self/fd/" + std::to_string(fd_)};
}

}  // namespace lakeferry::daemon
