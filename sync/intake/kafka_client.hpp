// One consumer of a topic as the reader sees it, so that tests can stand in for a cluster.
#pragma once

#include "auth/secret.hpp"
#include "net/obs/log.hpp"
#include "net/rt/failure.hpp"
#include "sync/core/space_config.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lakeferry::intake {

struct kafka_message {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
    std::int64_t timestamp_ms = 0;           // of the record; 0: it has none
    std::optional<std::string> write_key{};  // the header "writeKey"
    std::optional<std::string> value{};      // absent: a tombstone
};

// The offset of the next message to read. offset_beginning: the earliest that there is.
struct kafka_position {
    std::int32_t partition = 0;
    std::int64_t offset = 0;
};
inline constexpr std::int64_t offset_beginning = -2;

// What the group has committed for a partition; offset < 0: nothing.
struct kafka_committed {
    std::int32_t partition = 0;
    std::int64_t offset = -1;
    std::string metadata{};
};

struct kafka_watermarks {
    std::int64_t low = 0;   // the earliest offset that can be read
    std::int64_t high = 0;  // the offset of the next message that is produced
};

struct kafka_statistics {
    bool broker_up = false;
    std::vector<kafka_position> ends{};  // what a reader of committed messages may read up to, by partition
};

struct kafka_log_line {
    obs::level how = obs::level::info;
    std::string facility{};
    std::string text{};
};

// What one poll found. The messages came before everything else.
struct kafka_events {
    std::vector<kafka_message> messages{};
    std::optional<std::vector<std::int32_t>> assigned{};
    bool revoked = false;
    bool lost = false;  // revoked because the group went on without this member: others may have the partitions
    std::vector<std::int32_t> out_of_range{};  // the offset to read does not exist (any more)
    bool at_end = false;                       // a partition has been read to its end
    std::vector<rt::failure> problems{};
    std::vector<kafka_log_line> logs{};
    std::optional<kafka_statistics> statistics{};
};

// Loop thread only, one call at a time, none cancellable half-way: each ends within a few seconds whatever the cluster
// does. Failures of all calls: "kafka.*", see kafka_errors.hpp.
class kafka_client {
public:
    virtual ~kafka_client() = default;

    // Returns when something came, or after about half a second. At most bytes_max of messages, give or take one.
    virtual rt::awaitable<kafka_events> poll(std::size_t bytes_max) = 0;
    // To be called after `assigned`, and again to read from elsewhere; unassign() after `revoked`.
    virtual rt::awaitable<rt::outcome<void>> assign(std::vector<kafka_position> from) = 0;
    virtual rt::awaitable<void> unassign() = 0;
    // While held, poll() brings no messages but what was under way; everything else goes on.
    virtual rt::awaitable<void> hold(bool on) = 0;
    virtual rt::awaitable<rt::outcome<std::vector<kafka_committed>>> committed(
        std::vector<std::int32_t> partitions) = 0;
    virtual rt::awaitable<rt::outcome<kafka_watermarks>> watermarks(std::int32_t partition) = 0;
    // How many partitions the topic has.
    virtual rt::awaitable<rt::outcome<std::uint32_t>> partitions() = 0;
    // Tells the group. `wait`: for its answer, a few seconds at most.
    virtual rt::awaitable<rt::outcome<void>> commit(std::vector<kafka_committed> what, bool wait) = 0;
    // Ends the connections. Nothing else may be called afterwards; must be called before this goes.
    virtual rt::awaitable<void> close() = 0;
};

struct kafka_connection {
    core::kafka_settings settings{};
    std::string space_id{};
    std::string instance_id{};  // of a static member (KIP-345): a restart keeps its partitions without a rebalance
    auth::secret password{};
};

// Subscribes to the topic. Does not wait for the cluster. Failure: "kafka.settings" (never).
using kafka_connector = std::function<rt::awaitable<rt::outcome<std::unique_ptr<kafka_client>>>(kafka_connection to)>;

}  // namespace lakeferry::intake
