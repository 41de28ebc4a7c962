// The unit file, judged by systemd itself where it is installed.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

const fs::path source = LAKEFERRY_SOURCE_DIR;

std::string text_of(const fs::path& file)
{
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

struct ran {
    int status = -1;
    std::string output{};
};

ran run(const std::string& command)
{
    ran result;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return result;
    std::array<char, 4096> buffer{};
    while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe)) result.output.append(buffer.data(), n);
    result.status = ::pclose(pipe);
    return result;
}

bool analyzer_is_there() { return run("systemd-analyze --version").status == 0; }

// systemd wants every program of the unit to exist: a copy that names one that does.
class UnitFile : public testing::Test {
protected:
    void SetUp() override
    {
        if (!analyzer_is_there()) GTEST_SKIP() << "systemd-analyze is not installed";
        std::string pattern = fs::temp_directory_path() / "lakeferry-unit-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        const std::string text =
            std::regex_replace(text_of(source / "systemd/lakeferry.service"), std::regex("/usr/bin/lakeferry"), "/bin/true");
        std::ofstream(folder_ / "lakeferry.service") << text;
        fs::copy(source / "systemd/lakeferry.socket", folder_ / "lakeferry.socket");
    }
    void TearDown() override
    {
        if (!folder_.empty()) fs::remove_all(folder_);
    }
    fs::path folder_;
};

TEST_F(UnitFile, IsUnderstoodWithoutAWarning)
{
    const auto service = run("systemd-analyze verify --man=no " + (folder_ / "lakeferry.service").string());
    EXPECT_EQ(service.status, 0) << service.output;
    EXPECT_EQ(service.output.find("lakeferry.service:"), std::string::npos) << service.output;
    const auto socket = run("systemd-analyze verify --man=no " + (folder_ / "lakeferry.socket").string());
    EXPECT_EQ(socket.status, 0) << socket.output;
    EXPECT_EQ(socket.output.find("lakeferry.socket:"), std::string::npos) << socket.output;
}

TEST_F(UnitFile, IsHardened)
{
    const auto result = run("systemd-analyze security --offline=yes --no-pager " + (folder_ / "lakeferry.service").string());
    ASSERT_EQ(result.status, 0) << result.output;
    std::smatch exposure;
    ASSERT_TRUE(std::regex_search(result.output, exposure, std::regex("exposure level[^:]*: ([0-9.]+)"))) << result.output;
    EXPECT_LE(std::stod(exposure[1]), 1.5) << result.output;
}

TEST(UnitFileText, NeverRestartsWhatRestartingCannotHelp)
{
    const std::string text = text_of(source / "systemd/lakeferry.service");
    EXPECT_NE(text.find("RestartPreventExitStatus=75 78\n"), std::string::npos);
    EXPECT_NE(text.find("Type=notify\n"), std::string::npos);
    EXPECT_LT(text.find("ExecReload=/usr/bin/lakeferry config check"), text.find("ExecReload=/bin/kill -HUP"));
}

}  // namespace
