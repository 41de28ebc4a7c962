#include "sync/intake/kafka_errors.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <librdkafka/rdkafka.h>

#include <charconv>

namespace lakeferry::intake {
namespace {

using rt::retry_class;

std::string list(const std::vector<std::string>& brokers)
{
    std::string out;
    for (const auto& one : brokers) out += (out.empty() ? "" : ", ") + one;
    return out;
}

rt::failure failed(retry_class retry, const char* id, std::string detail, std::string_view reason)
{
    rt::failure out;
    out.retry = retry;
    out.id = id;
    out.detail = std::move(detail);
    if (!reason.empty()) out.detail.append(" (").append(reason).append(")");
    return out;
}

const boost::json::object* object_at(const boost::json::object* in, std::string_view key)
{
    const auto* found = in ? in->if_contains(key) : nullptr;
    return found ? found->if_object() : nullptr;
}

}  // namespace

rt::failure explain_kafka_error(int code, std::string_view reason, const core::kafka_settings& of)
{
    const std::string topic = "topic \"" + of.topic + "\"";
    switch (code) {
        case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
        case RD_KAFKA_RESP_ERR__TRANSPORT:
        case RD_KAFKA_RESP_ERR__RESOLVE:
        case RD_KAFKA_RESP_ERR__TIMED_OUT:
        case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
        case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
            return failed(retry_class::transient, "kafka.unreachable",
                          "No broker answers at " + list(of.brokers) +
                              ": calls wait in the topic. Look whether the cluster runs and "
                              "kafka.brokers names it; it is tried again by itself",
                          reason);
        case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
        case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
            return failed(retry_class::reauth, "kafka.authentication",
                          "The brokers refuse user \"" + of.username + "\" with " +
                              (of.mechanism.empty() ? "no SASL" : of.mechanism) +
                              ": compare kafka.security, mechanism, username and password; the password is read again "
                              "at the next try",
                          reason);
        case RD_KAFKA_RESP_ERR__SSL:
            return failed(retry_class::transient, "kafka.tls",
                          "TLS with the brokers fails: look whether the port speaks TLS and kafka.ca_file has the "
                          "authority of its certificate",
                          reason);
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
        case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
            return failed(retry_class::transient, "kafka.no_topic",
                          "There is no " + topic +
                              ": create it, or name another in kafka.topic; it is taken up by itself when it is there",
                          reason);
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            return failed(retry_class::transient, "kafka.topic_forbidden",
                          "The user may not read " + topic + ": an administrator allows READ and DESCRIBE on it",
                          reason);
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            return failed(retry_class::transient, "kafka.group_forbidden",
                          "The user may not use group \"" + of.group + "\": an administrator allows READ on it",
                          reason);
        case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
            return failed(retry_class::transient, "kafka.too_old",
                          "The brokers are too old: Kafka 2.3 or newer is needed", reason);
        case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
            return failed(retry_class::never, "kafka.fenced",
                          "Another daemon with a copy of this state directory reads the topic now, so this one has "
                          "stopped reading. Let one of "
                          "them run, then reload or restart",
                          reason);
        case RD_KAFKA_RESP_ERR__FATAL:
            return failed(retry_class::transient, "kafka.fatal", "The consumer has ended and is made anew", reason);
        default:
            break;
    }
    return failed(retry_class::transient, "kafka.error", "Reading from Kafka fails and is tried again", reason);
}

kafka_statistics read_kafka_statistics(std::string_view text, const std::string& topic)
{
    kafka_statistics out;
    boost::json::error_code error;
    const auto parsed = boost::json::parse({text.data(), text.size()}, error);
    const auto* all = error ? nullptr : parsed.if_object();
    if (const auto* brokers = object_at(all, "brokers"))
        for (const auto& [name, value] : *brokers) {
            const auto* state = value.is_object() ? value.get_object().if_contains("state") : nullptr;
            if (state && state->is_string() && state->get_string() == "UP") out.broker_up = true;
        }
    if (const auto* partitions = object_at(object_at(object_at(all, "topics"), topic), "partitions"))
        for (const auto& [name, value] : *partitions) {
            kafka_position end{-1, -1};
            std::from_chars(name.data(), name.data() + name.size(), end.partition);
            const auto* stable = value.is_object() ? value.get_object().if_contains("ls_offset") : nullptr;
            if (stable && stable->is_int64()) end.offset = stable->get_int64();
            if (end.partition >= 0 && end.offset >= 0) out.ends.push_back(end);
        }
    return out;
}

}  // namespace lakeferry::intake
