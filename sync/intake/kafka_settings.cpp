#include "sync/intake/kafka_settings.hpp"

namespace lakeferry::intake {

std::vector<std::pair<const char*, std::string>> rdkafka_settings(const kafka_connection& to)
{
    const auto& s = to.settings;
    std::string brokers;
    for (const auto& one : s.brokers) brokers += (brokers.empty() ? "" : ",") + one;
    std::vector<std::pair<const char*, std::string>> all{
        {"client.id", "lakeferry"},
        {"bootstrap.servers", brokers},
        {"group.id", s.group},
        {"group.instance.id", to.instance_id},
        {"security.protocol", s.security},
        {"enable.auto.commit", "false"},  // told after the store has it
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},  // what is missing is said, not skipped
        {"enable.partition.eof", "true"},
        {"allow.auto.create.topics", "false"},
        {"queued.max.messages.kbytes", "16384"},
        {"topic.metadata.refresh.interval.ms", "10000"},
        {"statistics.interval.ms", "5000"},
        {"socket.keepalive.enable", "true"},
        {"log.queue", "true"}};
    if (!s.mechanism.empty()) all.emplace_back("sasl.mechanism", s.mechanism);
    if (!s.username.empty()) all.emplace_back("sasl.username", s.username);
    if (!s.ca_file.empty()) all.emplace_back("ssl.ca.location", s.ca_file);
    return all;
}

}  // namespace lakeferry::intake
