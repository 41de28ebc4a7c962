#include "sync/intake/kafka_rdkafka.hpp"

#include "net/rt/offload.hpp"
#include "sync/intake/kafka_errors.hpp"
#include "sync/intake/kafka_settings.hpp"

#include <boost/asio/thread_pool.hpp>

#include <librdkafka/rdkafka.h>

#include <strings.h>

#include <array>
#include <cstring>

namespace lakeferry::intake {
namespace {

namespace asio = boost::asio;

constexpr int poll_wait_ms = 500;
constexpr int answer_wait_ms = 5000;
constexpr int commit_wait_ms = 3000;
constexpr std::size_t messages_max = 5000;

struct list_deleter {
    void operator()(rd_kafka_topic_partition_list_t* list) const { rd_kafka_topic_partition_list_destroy(list); }
};
struct conf_deleter {
    void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
struct queue_deleter {
    void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
struct event_deleter {
    void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
struct topic_deleter {
    void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
};
struct message_deleter {
    void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
};
using list_ptr = std::unique_ptr<rd_kafka_topic_partition_list_t, list_deleter>;
using conf_ptr = std::unique_ptr<rd_kafka_conf_t, conf_deleter>;
using queue_ptr = std::unique_ptr<rd_kafka_queue_t, queue_deleter>;
using event_ptr = std::unique_ptr<rd_kafka_event_t, event_deleter>;
using topic_ptr = std::unique_ptr<rd_kafka_topic_t, topic_deleter>;
using message_ptr = std::unique_ptr<rd_kafka_message_t, message_deleter>;

std::string text(const char* from)
{
    return from ? from : "";
}

obs::level level_of(int syslog)
{
    // Broker failures are LOG_ERR there; what they mean here is said by the problems.
    return syslog <= 3 ? obs::level::warn : syslog <= 5 ? obs::level::info : obs::level::debug;
}

class rdkafka_client final : public kafka_client {
public:
    explicit rdkafka_client(core::kafka_settings settings) : settings_(std::move(settings)) {}
    rdkafka_client(const rdkafka_client&) = delete;
    rdkafka_client& operator=(const rdkafka_client&) = delete;
    ~rdkafka_client() override
    {
        destroy();
        thread_.join();
    }

    // On the client's thread.
    rt::outcome<void> open(const kafka_connection& to);

    rt::awaitable<rt::outcome<void>> start(kafka_connection to)
    {
        return rt::offload_uncancellable(
            thread(), [this, to = std::make_shared<kafka_connection>(std::move(to))] { return open(*to); });
    }
    rt::awaitable<kafka_events> poll(std::size_t bytes_max) override
    {
        return rt::offload_uncancellable(thread(), [this, bytes_max] { return poll_now(bytes_max); });
    }
    rt::awaitable<rt::outcome<void>> assign(std::vector<kafka_position> from) override
    {
        return rt::offload_uncancellable(thread(), [this, from = std::move(from)] { return assign_now(from); });
    }
    rt::awaitable<void> unassign() override
    {
        return rt::offload_uncancellable(thread(), [this] { rd_kafka_assign(handle_, nullptr); });
    }
    rt::awaitable<void> hold(bool on) override
    {
        return rt::offload_uncancellable(thread(), [this, on] { hold_now(on); });
    }
    rt::awaitable<rt::outcome<std::vector<kafka_committed>>> committed(std::vector<std::int32_t> of) override
    {
        return rt::offload_uncancellable(thread(), [this, of = std::move(of)] { return committed_now(of); });
    }
    rt::awaitable<rt::outcome<kafka_watermarks>> watermarks(std::int32_t partition) override
    {
        return rt::offload_uncancellable(thread(), [this, partition]() -> rt::outcome<kafka_watermarks> {
            kafka_watermarks out;
            const auto error = rd_kafka_query_watermark_offsets(handle_, settings_.topic.c_str(), partition, &out.low,
                                                                &out.high, answer_wait_ms);
            if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
            return out;
        });
    }
    rt::awaitable<rt::outcome<std::uint32_t>> partitions() override
    {
        return rt::offload_uncancellable(thread(), [this] { return partitions_now(); });
    }
    rt::awaitable<rt::outcome<void>> commit(std::vector<kafka_committed> what, bool wait) override
    {
        return rt::offload_uncancellable(thread(),
                                         [this, what = std::move(what), wait] { return commit_now(what, wait); });
    }
    rt::awaitable<void> close() override
    {
        return rt::offload_uncancellable(thread(), [this] { destroy(); });
    }

private:
    asio::any_io_executor thread() { return thread_.get_executor(); }
    rt::failure explain(rd_kafka_resp_err_t error) const
    {
        return explain_kafka_error(error, text(rd_kafka_err2str(error)), settings_);
    }
    list_ptr new_list(std::size_t size) const
    {
        return list_ptr(rd_kafka_topic_partition_list_new(static_cast<int>(size)));
    }

    kafka_events poll_now(std::size_t bytes_max);
    void take(const rd_kafka_message_t& message);
    rt::outcome<void> assign_now(const std::vector<kafka_position>& from);
    void hold_now(bool on);
    rt::outcome<std::vector<kafka_committed>> committed_now(const std::vector<std::int32_t>& of);
    rt::outcome<std::uint32_t> partitions_now();
    rt::outcome<void> commit_now(const std::vector<kafka_committed>& what, bool wait);

    // A static member does not leave the group: whoever comes back within the session's time finds its partitions.
    void destroy()
    {
        if (handle_) rd_kafka_destroy_flags(std::exchange(handle_, nullptr), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }

    // Called by librdkafka from inside poll_now() only, as its queues are read nowhere else.
    static rdkafka_client& self(void* opaque) { return *static_cast<rdkafka_client*>(opaque); }
    static void on_rebalance(rd_kafka_t* handle,
                             rd_kafka_resp_err_t what,
                             rd_kafka_topic_partition_list_t* list,
                             void* opaque);
    static void on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque);
    static int on_statistics(rd_kafka_t* handle, char* json, std::size_t size, void* opaque);
    static void on_log(const rd_kafka_t* handle, int level, const char* facility, const char* line);

    core::kafka_settings settings_;
    asio::thread_pool thread_{1};
    rd_kafka_t* handle_ = nullptr;
    kafka_events found_{};
};

// ---- settings --------------------------------------------------------------------------------------------

rt::outcome<void> rdkafka_client::open(const kafka_connection& to)
{
    std::array<char, 512> why{};
    conf_ptr conf(rd_kafka_conf_new());
    const auto wrong = [&](const char* key) -> rt::failure {
        return {.retry = rt::retry_class::never,
                .id = "kafka.settings",
                .detail = std::string("librdkafka refuses ") + key + ": " + why.data()};
    };
    for (const auto& [key, value] : rdkafka_settings(to))
        if (rd_kafka_conf_set(conf.get(), key, value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
            return wrong(key);
    if (!to.password.empty()) {
        std::string password(to.password.reveal());
        const auto set = rd_kafka_conf_set(conf.get(), "sasl.password", password.c_str(), why.data(), why.size());
        auth::wipe(password);
        // Its words might repeat the value.
        if (set != RD_KAFKA_CONF_OK)
            return rt::failure{.id = "kafka.settings", .detail = "librdkafka refuses the password of [kafka]"};
    }
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_rebalance_cb(conf.get(), on_rebalance);
    rd_kafka_conf_set_error_cb(conf.get(), on_error);
    rd_kafka_conf_set_stats_cb(conf.get(), on_statistics);
    rd_kafka_conf_set_log_cb(conf.get(), on_log);
    handle_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), why.data(), why.size());
    if (!handle_) return wrong("the settings of [kafka]");
    (void)conf.release();  // NOLINT(bugprone-unused-return-value): rd_kafka_new() owns it now
    rd_kafka_set_log_queue(handle_, nullptr);
    rd_kafka_poll_set_consumer(handle_);
    const auto list = new_list(1);
    rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(handle_, list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
    return rt::outcome<void>();
}

// ---- what librdkafka calls ----------------------------------------------------------------------------------

// Answered later, by assign() or unassign(): librdkafka waits for that.
void rdkafka_client::on_rebalance(rd_kafka_t* handle,
                                  rd_kafka_resp_err_t what,
                                  rd_kafka_topic_partition_list_t* list,
                                  void* opaque)
{
    auto& found = self(opaque).found_;
    if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        found.revoked = true;
        found.lost = rd_kafka_assignment_lost(handle) != 0;
        return;
    }
    found.assigned.emplace();
    for (int i = 0; i < list->cnt; ++i) found.assigned->push_back(list->elems[i].partition);
}

void rdkafka_client::on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque)
{
    auto& me = self(opaque);
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        std::array<char, 512> why{};
        const auto cause = rd_kafka_fatal_error(handle, why.data(), why.size());
        const int shown = cause == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? static_cast<int>(cause) : error;
        me.found_.problems.push_back(explain_kafka_error(shown, why.data(), me.settings_));
        return;
    }
    // One of several brokers: the others serve, and if none does that is said, too.
    if (error == RD_KAFKA_RESP_ERR__TRANSPORT) return;
    me.found_.problems.push_back(explain_kafka_error(error, text(reason), me.settings_));
}

int rdkafka_client::on_statistics(rd_kafka_t* /*handle*/, char* json, std::size_t size, void* opaque)
{
    auto& me = self(opaque);
    me.found_.statistics = read_kafka_statistics({json, size}, me.settings_.topic);
    return 0;
}

void rdkafka_client::on_log(const rd_kafka_t* handle, int level, const char* facility, const char* line)
{
    if (!handle) return;
    self(rd_kafka_opaque(handle)).found_.logs.push_back({level_of(level), text(facility), text(line)});
}

// ---- reading ---------------------------------------------------------------------------------------------

kafka_events rdkafka_client::poll_now(std::size_t bytes_max)
{
    found_ = {};
    std::size_t bytes = 0;
    int wait = poll_wait_ms;
    while (bytes < bytes_max && found_.messages.size() < messages_max) {
        const message_ptr message(rd_kafka_consumer_poll(handle_, std::exchange(wait, 0)));
        const bool something = found_.assigned || found_.revoked;
        if (message) {
            bytes += message->len;
            take(*message);
        }
        if (!message || something || !found_.out_of_range.empty()) break;
    }
    return std::move(found_);
}

void rdkafka_client::take(const rd_kafka_message_t& message)
{
    if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        found_.at_end = true;
        return;
    }
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        found_.out_of_range.push_back(message.partition);
        return;
    }
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        found_.problems.push_back(explain_kafka_error(message.err, text(rd_kafka_message_errstr(&message)), settings_));
        return;
    }
    kafka_message one;
    one.partition = message.partition;
    one.offset = message.offset;
    rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    const auto stamp = rd_kafka_message_timestamp(&message, &kind);
    if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && stamp > 0) one.timestamp_ms = stamp;
    if (message.payload) one.value.emplace(static_cast<const char*>(message.payload), message.len);
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* name = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
             ++i)
            if (value && ::strcasecmp(name, "writeKey") == 0)
                one.write_key.emplace(static_cast<const char*>(value), size);
    }
    found_.messages.push_back(std::move(one));
}

rt::outcome<void> rdkafka_client::assign_now(const std::vector<kafka_position>& from)
{
    const auto list = new_list(from.size());
    for (const auto& one : from)
        rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), one.partition)->offset =
            one.offset == offset_beginning ? std::int64_t{RD_KAFKA_OFFSET_BEGINNING} : one.offset;
    const auto error = rd_kafka_assign(handle_, list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
    return rt::outcome<void>();
}

void rdkafka_client::hold_now(bool on)
{
    rd_kafka_topic_partition_list_t* mine = nullptr;
    if (rd_kafka_assignment(handle_, &mine) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
    const list_ptr owned(mine);
    (void)(on ? rd_kafka_pause_partitions(handle_, mine) : rd_kafka_resume_partitions(handle_, mine));
}

rt::outcome<std::vector<kafka_committed>> rdkafka_client::committed_now(const std::vector<std::int32_t>& of)
{
    const auto list = new_list(of.size());
    for (const auto partition : of) rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), partition);
    const auto error = rd_kafka_committed(handle_, list.get(), answer_wait_ms);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
    std::vector<kafka_committed> found;
    for (int i = 0; i < list->cnt; ++i) {
        const auto& at = list->elems[i];
        if (at.err != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(at.err);
        found.push_back(
            {at.partition, at.offset < 0 ? -1 : at.offset,
             at.metadata ? std::string(static_cast<const char*>(at.metadata), at.metadata_size) : std::string()});
    }
    return found;
}

rt::outcome<std::uint32_t> rdkafka_client::partitions_now()
{
    const topic_ptr topic(rd_kafka_topic_new(handle_, settings_.topic.c_str(), nullptr));
    const rd_kafka_metadata_t* seen = nullptr;
    const auto error =
        topic ? rd_kafka_metadata(handle_, 0, topic.get(), &seen, answer_wait_ms) : rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
    const auto count = seen->topic_cnt > 0 ? static_cast<std::uint32_t>(seen->topics[0].partition_cnt) : 0U;
    rd_kafka_metadata_destroy(seen);
    return count;
}

rt::outcome<void> rdkafka_client::commit_now(const std::vector<kafka_committed>& what, bool wait)
{
    const auto list = new_list(what.size());
    for (const auto& one : what) {
        auto* at = rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), one.partition);
        at->offset = one.offset;
        at->metadata = ::strdup(one.metadata.c_str());  // librdkafka frees it with the list
        at->metadata_size = one.metadata.size();
    }
    if (!wait) {
        const auto error = rd_kafka_commit(handle_, list.get(), 1);
        if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
        return rt::outcome<void>();
    }
    // Not rd_kafka_commit(): that waits as long as the coordinator is away.
    const queue_ptr queue(rd_kafka_queue_new(handle_));
    auto error = rd_kafka_commit_queue(handle_, list.get(), queue.get(), nullptr, nullptr);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const event_ptr answer(rd_kafka_queue_poll(queue.get(), commit_wait_ms));
        error = answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return explain(error);
    return rt::outcome<void>();
}

}  // namespace

rt::awaitable<rt::outcome<std::unique_ptr<kafka_client>>> connect_to_kafka(kafka_connection to)
{
    auto made = std::make_unique<rdkafka_client>(to.settings);
    auto opened = co_await made->start(std::move(to));
    if (opened.has_error()) co_return opened.error();
    co_return std::unique_ptr<kafka_client>(std::move(made));
}

}  // namespace lakeferry::intake
