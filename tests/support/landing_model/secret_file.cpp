#include "tests/support/landing_model/secret_file.hpp"

#include "net/rt/check.hpp"
#include "tests/support/fake_databricks/fake_workspace.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

namespace lakeferry::test {

std::string write_secret_file()
{
    std::string path = testing::TempDir() + "lakeferry-secret-XXXXXX";
    const int fd = ::mkstemp(path.data());
    rt::check(fd >= 0, "a temporary file can be made");
    ::fchmod(fd, 0600);
    const std::string secret = fake_databricks::fake_settings{}.client_secret;
    rt::check(::write(fd, secret.data(), secret.size()) == static_cast<ssize_t>(secret.size()), "it takes the secret");
    ::close(fd);
    return path;
}

}  // namespace lakeferry::test
