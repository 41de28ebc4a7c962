// A space's calls from a Kafka topic: every message once in the store, whatever ends in between.
#pragma once

#include "auth/credential_store.hpp"
#include "net/obs/logger.hpp"
#include "net/obs/metrics.hpp"
#include "net/rt/backoff.hpp"
#include "net/rt/event.hpp"
#include "sync/intake/acceptor.hpp"
#include "sync/intake/kafka_client.hpp"
#include "sync/intake/kafka_plan.hpp"
#include "sync/intake/kafka_positions.hpp"
#include "sync/intake/refusals.hpp"
#include "sync/intake/sources.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace lakeferry::intake {

// connecting: no partition yet. reading. held: the store takes nothing for now. waiting: the connection ended by a
// failure, and comes again. stopped: it does not come again by itself.
enum class kafka_state { connecting, reading, held, waiting, stopped };
const char* to_string(kafka_state s) noexcept;

struct kafka_view {
    kafka_state state = kafka_state::connecting;
    std::string topic{};
    std::string group{};
    std::size_t partitions = 0;        // that this daemon reads
    std::size_t partitions_total = 0;  // of the topic; 0: not known yet
    std::uint64_t messages = 0;        // since the start
    std::uint64_t calls = 0;
    std::uint64_t refused = 0;
    std::optional<std::uint64_t> lag{};  // messages to read, as of a few seconds ago
    std::uint64_t lost = 0;              // messages that were gone before they were read
    std::string notice{};                // what an operator should know although it goes on
    std::string error_id{};
    std::string error{};
};

// All of it outlives run().
struct kafka_needs {
    boost::asio::any_io_executor workers;
    rt::time_source& time;
    const rt::wall_clock& wall;
    std::mt19937_64& rng;
    obs::log& log;
    obs::metrics& metrics;
    store::store& store;
    const auth::credential_store& credentials;
    const sources& from;
    acceptor& into;
    refusals& refused;
    kafka_connector connect;
    core::limits limits{};
    // Whether the calls of the topic are this daemon's to take: not while another one lands in the space's schema, whose
    // profiles they belong to. afresh: asks again, which may take seconds; else says what is known. Empty: they are.
    std::function<rt::awaitable<rt::outcome<void>>(bool afresh)> may_read{};
};

// The offset of each partition goes into the same synced batch as the calls read up to it, so a crash loses and doubles
// nothing; the group is told afterwards. After a write whose outcome is not known the place is read from the store
// before anything is written again. Whose calls they are (may_read) is asked before each connection and when partitions
// change hands; a daemon that must not have them leaves the group and asks again every minute.
// Owner: the space. Loop thread only; run() is spawned once and joined. Failures never leave run(): they are in view()
// and in the log, and it goes on. Cancelling (terminal) ends it after the write in hand, within a few seconds.
class kafka_reader {
public:
    kafka_reader(kafka_needs needs, core::kafka_settings settings, std::string space_id, std::uint32_t space);
    ~kafka_reader();
    kafka_reader(const kafka_reader&) = delete;
    kafka_reader& operator=(const kafka_reader&) = delete;

    rt::awaitable<void> run();
    const kafka_view& view() const noexcept { return view_; }

private:
    struct counters {
        std::uint64_t& messages;
        std::uint64_t& calls;
        std::uint64_t& lost;
        std::uint64_t& rebalances;
        std::uint64_t& failures;
    };
    using stop_state = boost::asio::cancellation_state;

    rt::awaitable<rt::failure> session(const stop_state& stop);
    rt::awaitable<std::optional<rt::failure>> not_ours(bool afresh);
    rt::awaitable<std::optional<rt::failure>> prepare();
    rt::awaitable<rt::outcome<std::string>> store_id();
    rt::awaitable<std::optional<rt::failure>> serve(const stop_state& stop);
    rt::awaitable<std::optional<rt::failure>> handle(kafka_events events);
    rt::awaitable<void> write_pending();
    rt::awaitable<bool> settle();
    rt::awaitable<std::optional<rt::failure>> begin_partitions(std::vector<std::int32_t> partitions);
    rt::awaitable<void> end_partitions(bool lost);
    rt::awaitable<std::optional<rt::failure>> skip_gap(std::int32_t partition);
    rt::awaitable<void> tell_group(bool wait);
    rt::awaitable<void> say_whether_shared();
    void keep_start(std::int32_t partition, const kafka_decision& start, std::int64_t committed);
    void note_refused(std::vector<kafka_refused> all);
    void note(const kafka_statistics& seen);
    void write_logs(const std::vector<kafka_log_line>& lines);
    void put_off(const rt::failure& why);
    void set_problem(const rt::failure& why);
    void clear_problem();
    std::vector<kafka_position> starts() const;
    std::vector<obs::field> about(std::vector<obs::field> more = {}) const;

    kafka_needs needs_;
    core::kafka_settings settings_;
    std::string space_id_;
    std::uint32_t space_;
    counters counts_;
    obs::rate_limited client_log_;
    rt::backoff write_patience_;

    std::unique_ptr<kafka_client> client_{};
    std::string store_id_{};
    kafka_offsets next_{};    // of the partitions that are ours now
    kafka_offsets untold_{};  // not committed to the group yet
    std::vector<kafka_message> pending_{};
    bool uncertain_ = false;  // the last write may have happened or not
    bool held_ = false;
    bool problem_of_writing_ = false;
    rt::time_point not_before_{};  // the next write
    rt::time_point told_at_{};
    kafka_view view_{};
};

}  // namespace lakeferry::intake
