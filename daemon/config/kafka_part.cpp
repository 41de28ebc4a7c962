// The table [kafka] of a space's file.
#include "daemon/config/space_parts.hpp"
#include "daemon/config/url.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace lakeferry::daemon {

namespace {

const std::vector<std::string> securities{"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
const std::vector<std::string> mechanisms{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

// "host:port"; a port of 9092 is added where there is none. nullopt: it is no address.
std::optional<std::string> broker_address(const std::string& text)
{
    const bool v6 = text.starts_with('[');
    const auto colon = text.rfind(':');
    const bool has_port = colon != std::string::npos && (!v6 || (colon > 0 && text[colon - 1] == ']'));
    const std::string whole = has_port ? text : text + ":9092";
    const auto parsed = parse_listen(whole);
    const auto odd = [](char c) { return c <= ' ' || c == ',' || c == '/' || c == '@' || c == '"'; };
    if (!parsed || parsed->port == 0 || parsed->host.empty() || std::any_of(whole.begin(), whole.end(), odd))
        return std::nullopt;
    return whole;
}

// Kafka's own rule (org.apache.kafka.common.internals.Topic).
bool is_topic(std::string_view name)
{
    if (name.empty() || name.size() > 249 || name == "." || name == "..") return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

void read_brokers(const reader& from, core::kafka_settings& to)
{
    std::vector<std::string> given;
    from.texts("brokers", given);
    if (!from.require("brokers", "write [\"host:9092\"], one address or more of the cluster")) return;
    if (given.empty())
        from.complain("brokers", "is empty", "write [\"host:9092\"], one address or more of the cluster");
    for (const auto& one : given) {
        if (auto address = broker_address(one))
            to.brokers.push_back(std::move(*address));
        else
            from.complain("brokers", "\"" + one + "\" is not an address of a broker", "write \"host:9092\"");
    }
}

bool all_loopback(const std::vector<std::string>& brokers)
{
    return std::all_of(brokers.begin(), brokers.end(), [](const std::string& one) {
        const auto parsed = parse_listen(one);
        return parsed && is_loopback(parsed->host);
    });
}

void read_principal(const reader& from, core::kafka_settings& to)
{
    if (const auto chosen = from.choice("security", securities)) to.security = securities[*chosen];
    if (const auto chosen = from.choice("mechanism", mechanisms)) to.mechanism = mechanisms[*chosen];
    from.text("username", to.username);
    from.secret("password", to.password);
    const std::filesystem::path base = std::filesystem::path(from.in().file).parent_path();
    if (to.password.from == core::secret_ref::kind::file)
        to.password.name = (base / to.password.name).lexically_normal().string();
    if (to.security.starts_with("sasl_")) {
        from.require("mechanism", "write \"SCRAM-SHA-512\", \"SCRAM-SHA-256\" or \"PLAIN\"");
        from.require("username", "write the user that the brokers know");
        from.require("password", "write { credential = \"name\" } or { file = \"/path\" }");
    } else {
        for (const char* key : {"mechanism", "username", "password"})
            if (from.has(key))
                from.complain(key, "is used with SASL only, and security is \"" + to.security + "\"",
                              "write security = \"sasl_ssl\", or take the key out");
    }
    if (to.security == "sasl_plaintext" && to.mechanism == "PLAIN" && !all_loopback(to.brokers))
        from.complain("mechanism", "PLAIN without TLS shows the password to the network",
                      "write security = \"sasl_ssl\"; only brokers on loopback hosts go without");
    from.text("ca_file", to.ca_file);
    if (!from.has("ca_file")) return;
    to.ca_file = (base / to.ca_file).lexically_normal().string();
    if (!to.security.ends_with("ssl"))
        from.complain("ca_file", "is used with TLS only, and security is \"" + to.security + "\"",
                      "write security = \"ssl\" or \"sasl_ssl\", or take the key out");
    else if (!std::ifstream(to.ca_file).is_open())
        from.complain("ca_file", to.ca_file + " cannot be read", "name a PEM file");
}

}  // namespace

void read_kafka(const reader& from, const core::space_config& space, core::kafka_settings& to)
{
    if (!from.present()) return;
    read_brokers(from, to);
    from.text("topic", to.topic);
    if (from.require("topic", "write the topic that holds the calls") && !is_topic(to.topic))
        from.complain("topic", "\"" + to.topic + "\" is not the name of a topic",
                      "Kafka allows up to 249 of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"");
    to.group = "lakeferry-" + space.id;
    from.text("group", to.group);
    if (to.group.empty()) from.complain("group", "is empty", "write a name or take the key out");

    std::string source;
    from.text("source", source);
    const auto named = std::find_if(space.sources.begin(), space.sources.end(),
                                    [&](const auto& s) { return s.id == source || s.name == source; });
    if (named != space.sources.end())
        to.source = named->id;
    else if (from.has("source"))
        from.complain("source", "the space has no source \"" + source + "\"",
                      "write the id or the name of one of its [[sources]]");
    else if (space.sources.size() == 1)
        to.source = space.sources.front().id;
    read_principal(from, to);
}

}  // namespace lakeferry::daemon
