// The table [kafka] of a space's file.
#include "daemon/config/effective.hpp"
#include "tests/unit/daemon/config/folder.hpp"

#include <gtest/gtest.h>

namespace lakeferry::daemon {
namespace {

std::string with_table(const std::string& table)
{
    return with(good_space, "[profiles_sync]", "[kafka]\n" + table + "\n[profiles_sync]");
}

constexpr const char* good_table = "brokers = [\"kafka-1\", \"[::1]:9093\"]\ntopic = \"calls\"";

TEST(KafkaPart, IsReadWithItsDefaults)
{
    const config_folder folder;
    folder.space("acme", with_table(good_table));
    const auto result = folder.load();
    ASSERT_NE(result.config, nullptr) << to_text(result.found);
    const auto& kafka = result.config->spaces[0]->kafka;
    EXPECT_EQ(kafka.brokers, (std::vector<std::string>{"kafka-1:9092", "[::1]:9093"}));
    EXPECT_EQ(kafka.group, "lakeferry-acme");
    EXPECT_EQ(kafka.source, "website") << "the only one";
    EXPECT_EQ(kafka.security, "plaintext");
}

TEST(KafkaPart, IsAbsentByDefault)
{
    const config_folder folder;
    folder.space("acme", good_space);
    const auto result = folder.load();
    ASSERT_NE(result.config, nullptr) << to_text(result.found);
    EXPECT_EQ(result.config->spaces[0]->kafka, core::kafka_settings{});
    EXPECT_EQ(effective_toml(*result.config).find("[kafka]"), std::string::npos);
}

TEST(KafkaPart, IsShownWithoutItsPassword)
{
    const config_folder folder;
    folder.write("kafka.secret", "hidden-word\n", 0600);
    folder.space("acme", with_table(std::string(good_table) +
                                    "\nsecurity = \"sasl_ssl\"\nmechanism = \"SCRAM-SHA-512\"\nusername = \"ferry\"\n"
                                    "password = { file = \"../kafka.secret\" }"));
    const auto result = folder.load();
    ASSERT_NE(result.config, nullptr) << to_text(result.found);
    for (const auto& text : {effective_toml(*result.config), effective_json(*result.config)}) {
        EXPECT_NE(text.find("kafka.secret"), std::string::npos) << text;
        EXPECT_EQ(text.find("hidden-word"), std::string::npos);
    }
    // What is shown can be read again.
    const auto shown = effective_toml(*result.config);
    EXPECT_NE(shown.find("[kafka]\nbrokers = [\"kafka-1:9092\", \"[::1]:9093\"]\ntopic = \"calls\"\n"),
              std::string::npos)
        << shown;
}

struct wrong_table {
    const char* table;
    const char* expected;
};

TEST(KafkaPart, MistakesAreNamedWithPlaceAndCure)
{
    const wrong_table all[] = {
        {"topic = \"calls\"", "kafka.brokers: is missing"},
        {"brokers = []\ntopic = \"calls\"", "kafka.brokers: is empty"},
        {"brokers = [\"http://kafka\"]\ntopic = \"calls\"",
         "kafka.brokers: \"http://kafka\" is not an address of a broker; write \"host:9092\""},
        {"brokers = [\"kafka:0\"]\ntopic = \"calls\"", "\"kafka:0\" is not an address of a broker"},
        {"brokers = [\"kafka\"]", "kafka.topic: is missing"},
        {"brokers = [\"kafka\"]\ntopic = \"a b\"", "kafka.topic: \"a b\" is not the name of a topic"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\ngroup = \"\"", "kafka.group: is empty"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nsource = \"app\"", "kafka.source: the space has no source \"app\""},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nsecurity = \"tls\"",
         "kafka.security: \"tls\" is not one of plaintext, ssl"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nusername = \"u\"", "kafka.username: is used with SASL only"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nsecurity = \"sasl_ssl\"\nmechanism = \"PLAIN\"\nusername = \"u\"",
         "kafka.password: is missing"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nsecurity = \"sasl_plaintext\"\nmechanism = \"PLAIN\"\nusername = "
         "\"u\"\npassword = { file = \"../secret\" }",
         "kafka.mechanism: PLAIN without TLS shows the password to the network"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\npassword = \"open\"", "kafka.password: holds a secret in the open"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nca_file = \"/etc/hosts\"", "kafka.ca_file: is used with TLS only"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nsecurity = \"ssl\"\nca_file = \"nowhere.pem\"",
         "nowhere.pem cannot be read"},
        {"brokers = [\"kafka\"]\ntopic = \"calls\"\nbroker = 1",
         "kafka.broker: is not a known key; did you mean \"brokers\"?"},
    };
    for (const auto& one : all) {
        const config_folder folder;
        folder.space("acme", with_table(one.table));
        const auto result = folder.load();
        EXPECT_EQ(result.config, nullptr) << one.table;
        EXPECT_NE(to_text(result.found).find(one.expected), std::string::npos) << one.expected << "\nnot in\n"
                                                                               << to_text(result.found);
    }
}

TEST(KafkaPart, TwoSpacesDoNotShareAGroupOnATopic)
{
    const config_folder folder;
    const std::string table = "brokers = [\"kafka\"]\ntopic = \"calls\"\ngroup = \"same\"";
    folder.space("acme", with_table(table));
    folder.space("beta", with(with(with_table(table), "schema = \"acme\"", "schema = \"beta\""), "wk-website-1",
                              "wk-website-2"));
    const auto text = to_text(folder.load().found);
    EXPECT_NE(text.find("beta.toml:15: kafka.topic: group \"same\" reads topic \"calls\" also in"), std::string::npos)
        << text;
}

}  // namespace
}  // namespace lakeferry::daemon
