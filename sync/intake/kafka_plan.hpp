// Messages of a topic into blocks of calls. Pure; may run on a worker.
#pragma once

#include "sync/intake/acceptor.hpp"
#include "sync/intake/checker.hpp"
#include "sync/intake/kafka_positions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace lakeferry::intake {

// A message holds one call (an object), several (an array), or a batch as Segment's /v1/batch takes it (an object with
// "batch"). A call's own "writeKey" decides over that of the batch, this over the header "writeKey" of the message,
// this over the configured source.
struct kafka_plan_options {
    const source_table* table = nullptr;
    const source_entry* fallback = nullptr;  // the configured source
    std::uint32_t space = 0;
    std::string topic{};
    std::int64_t now_us = 0;
    core::limits limits{};
};

struct kafka_refused {
    refused_text why{};
    std::int64_t received_us = 0;
    std::string where{};  // "topic calls, partition 3, offset 17, item 2"
    std::string text{};   // cut after 2 KiB
};

struct kafka_plan {
    std::vector<piece> pieces{};
    std::vector<kafka_refused> refused{};
    kafka_offsets after{};       // of the partitions that the messages came from
    std::uint64_t messages = 0;  // that were read: those before `from` are left out
    std::uint64_t calls = 0;     // that were accepted
};

// Messages before their partition's place in `from`, and of partitions that are not in it, are left out. The time at
// which a call was received is its own "receivedAt", else the time of the message, so that a reader that lags behind
// shifts no times. The views in the result are gone: everything is copied.
kafka_plan plan_messages(const std::vector<kafka_message>& messages,
                         const kafka_offsets& from,
                         const kafka_plan_options& with);

}  // namespace lakeferry::intake
