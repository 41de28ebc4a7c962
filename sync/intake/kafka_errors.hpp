// What librdkafka's errors mean for a space: one place assigns class, id and words. And its statistics, read.
#pragma once

#include "sync/intake/kafka_client.hpp"

#include <string>
#include <string_view>

namespace lakeferry::intake {

// code: an rd_kafka_resp_err_t. reason: librdkafka's own words, shown as such. Ids: "kafka.unreachable", "kafka.tls",
// "kafka.no_topic" (transient: librdkafka tries on by itself), "kafka.authentication" (reauth),
// "kafka.topic_forbidden", "kafka.group_forbidden", "kafka.too_old", "kafka.error" (transient), "kafka.fenced",
// "kafka.fatal" (never: the consumer has ended).
rt::failure explain_kafka_error(int code, std::string_view reason, const core::kafka_settings& of);

// librdkafka's STATISTICS.md (JSON). What cannot be read is absent.
kafka_statistics read_kafka_statistics(std::string_view json, const std::string& topic);

}  // namespace lakeferry::intake
