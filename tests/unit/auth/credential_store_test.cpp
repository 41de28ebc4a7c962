#include "auth/credential_store.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace lakeferry::auth {
namespace {

class CredentialStore : public testing::Test {
protected:
    void SetUp() override
    {
        std::string pattern = testing::TempDir() + "lakeferry-credentials-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory); }

    std::string write(const std::string& name, const std::string& bytes, unsigned mode = 0600) const
    {
        const auto path = directory + "/" + name;
        std::ofstream(path, std::ios::binary) << bytes;
        ::chmod(path.c_str(), mode);
        return path;
    }
    static credential_ref file(std::string path) { return {credential_ref::kind::file, std::move(path)}; }
    static credential_ref credential(std::string name) { return {credential_ref::kind::credential, std::move(name)}; }
    static std::string id_of(const rt::outcome<secret>& got) { return got.has_error() ? got.error().id : "none"; }

    std::string directory;
};

TEST_F(CredentialStore, ReadsAFileWithoutItsLastNewline)
{
    const credential_store store("");
    EXPECT_EQ(store.read(file(write("a", "s3cret\n")))->reveal(), "s3cret");
    EXPECT_EQ(store.read(file(write("b", "s3cret")))->reveal(), "s3cret");
    EXPECT_EQ(store.read(file(write("c", "s3cret\r\n")))->reveal(), "s3cret");
    EXPECT_EQ(id_of(store.read(file(write("d", "s3cret\n\n")))), "credential.malformed");
}

TEST_F(CredentialStore, RefusesAFileThatOthersCanReadAndSaysWhatToDo)
{
    const credential_store store("");
    for (const unsigned mode : {0640U, 0604U, 0620U, 0666U}) {
        const auto path = write("open", "s3cret", mode);
        const auto got = store.read(file(path));
        ASSERT_EQ(id_of(got), "credential.too_open");
        EXPECT_NE(got.error().detail.find("chmod 600 " + path), std::string::npos);
        EXPECT_EQ(got.error().detail.find("s3cret"), std::string::npos);
    }
    EXPECT_TRUE(store.read(file(write("tight", "s3cret", 0400))).has_value());
}

TEST_F(CredentialStore, ReadsSystemdCredentialsWhateverTheirMode)
{
    const credential_store store(directory);
    write("acme", "s3cret\n", 0440);
    EXPECT_EQ(store.read(credential("acme"))->reveal(), "s3cret");
}

TEST_F(CredentialStore, SaysWhyACredentialIsNotThere)
{
    const auto missing = credential_store(directory).read(credential("acme"));
    ASSERT_EQ(id_of(missing), "credential.not_found");
    EXPECT_NE(missing.error().detail.find("LoadCredential=acme:"), std::string::npos);
    const auto none = credential_store("").read(credential("acme"));
    ASSERT_EQ(id_of(none), "credential.no_directory");
    EXPECT_NE(none.error().detail.find("LoadCredential=acme:"), std::string::npos);
}

TEST_F(CredentialStore, NeverLeavesItsDirectory)
{
    const credential_store store(directory + "/sub");
    write("outside", "s3cret");
    std::filesystem::create_directory(directory + "/sub");
    for (const char* name : {"../outside", "..", ".", "", "/etc/passwd"})
        EXPECT_EQ(id_of(store.read(credential(name))), "credential.bad_name") << name;
}

TEST_F(CredentialStore, RefusesWhatCannotBeASecret)
{
    const credential_store store("");
    EXPECT_EQ(id_of(store.read({})), "credential.none");
    EXPECT_EQ(id_of(store.read(file(directory + "/absent"))), "credential.not_found");
    EXPECT_EQ(id_of(store.read(file(write("empty", "")))), "credential.empty");
    EXPECT_EQ(id_of(store.read(file(write("newline", "\n")))), "credential.empty");
    EXPECT_EQ(id_of(store.read(file(write("two", "a\nb")))), "credential.malformed");
    EXPECT_EQ(id_of(store.read(file(write("blank", "a b")))), "credential.malformed");
    EXPECT_EQ(id_of(store.read(file(write("nul", std::string("a\0b", 3))))), "credential.malformed");
    EXPECT_EQ(id_of(store.read(file(write("large", std::string(20000, 'x'))))), "credential.too_large");
    EXPECT_EQ(id_of(store.read(file(directory))), "credential.not_a_file");
    ::mkfifo((directory + "/pipe").c_str(), 0600);
    EXPECT_EQ(id_of(store.read(file(directory + "/pipe"))), "credential.not_a_file");  // and does not hang
}

TEST_F(CredentialStore, FindsARotatedSecretAtTheNextRead)
{
    const credential_store store("");
    const auto path = write("a", "old");
    EXPECT_EQ(store.read(file(path))->reveal(), "old");
    write("a", "new");
    EXPECT_EQ(store.read(file(path))->reveal(), "new");
}

}  // namespace
}  // namespace lakeferry::auth
