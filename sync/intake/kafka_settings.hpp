// What librdkafka is told, by its own names (its CONFIGURATION.md).
#pragma once

#include "sync/intake/kafka_client.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lakeferry::intake {

// Everything but the password, which is set apart and shown nowhere.
std::vector<std::pair<const char*, std::string>> rdkafka_settings(const kafka_connection& to);

}  // namespace lakeferry::intake
