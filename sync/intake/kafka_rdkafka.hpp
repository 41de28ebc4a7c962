// kafka_client on librdkafka: the only place that talks to it.
#pragma once

#include "sync/intake/kafka_client.hpp"

namespace lakeferry::intake {

// librdkafka runs threads of its own; its calls that may block run on one more thread that the client owns, never on
// the loop. Messages that were fetched ahead are bounded (16 MiB a client). Its log and its errors come out of poll().
rt::awaitable<rt::outcome<std::unique_ptr<kafka_client>>> connect_to_kafka(kafka_connection to);

}  // namespace lakeferry::intake
