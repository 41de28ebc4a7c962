#include "net/obs/logger.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lakeferry::obs {

namespace {

spdlog::level::level_enum of(level how) noexcept
{
    static constexpr std::array map{spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                    spdlog::level::err};
    return map[static_cast<std::size_t>(how)];
}

class function_sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    explicit function_sink(std::function<void(std::string_view)> to) : to_(std::move(to)) {}

private:
    void sink_it_(const spdlog::details::log_msg& msg) override
    {
        to_(std::string(msg.payload.data(), msg.payload.size()) + "\n");
    }
    void flush_() override {}

    std::function<void(std::string_view)> to_;
};

std::shared_ptr<spdlog::logger> line_logger(spdlog::sink_ptr sink)
{
    auto made = std::make_shared<spdlog::logger>("lakeferry", std::move(sink));
    made->set_level(spdlog::level::trace);  // the threshold is ours
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
    made->flush_on(spdlog::level::warn);
    made->set_error_handler([](const std::string&) {});  // a broken stderr must not end the process
    return made;
}

}  // namespace

// Where lines go: spdlog for text and JSON, a datagram socket for the journal.
class logger::output {
public:
    explicit output(const log_options& options)
        : lines(line_logger(std::make_shared<spdlog::sinks::stderr_sink_st>()))
    {
        if (options.format == log_format::journal) connect(options.journal_socket);
    }
    output(const output&) = delete;
    output& operator=(const output&) = delete;
    ~output()
    {
        if (socket_ >= 0) ::close(socket_);
    }

    // false: not sent, write a line instead.
    bool send(const std::string& record) noexcept
    {
        if (socket_ < 0) return false;
        if (::send(socket_, record.data(), record.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
        // A journal that restarts is there again under the same name.
        if (errno == ECONNREFUSED || errno == ENOTCONN || errno == ENOENT) return reconnect_and_send(record);
        return false;
    }

    std::shared_ptr<spdlog::logger> lines;

private:
    void connect(const std::string& path) noexcept
    {
        if (path.size() >= sizeof address_.sun_path) return;
        address_.sun_family = AF_UNIX;
        std::memcpy(address_.sun_path, path.data(), path.size());
        socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (socket_ >= 0 && ::connect(socket_, generic(), sizeof address_) != 0) {
            ::close(socket_);
            socket_ = -1;
        }
    }
    bool reconnect_and_send(const std::string& record) noexcept
    {
        return ::connect(socket_, generic(), sizeof address_) == 0 &&
               ::send(socket_, record.data(), record.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    }
    const sockaddr* generic() const noexcept { return static_cast<const sockaddr*>(static_cast<const void*>(&address_)); }

    sockaddr_un address_{};
    int socket_ = -1;
};

logger::logger(const rt::wall_clock& clock, log_options options)
    : clock_(clock),
      options_(std::move(options)),
      threshold_(options_.threshold),
      output_(std::make_unique<output>(options_))
{
}

logger::~logger() { flush(); }

void logger::set_sink(std::function<void(std::string_view)> to)
{
    output_->lines = line_logger(std::make_shared<function_sink>(std::move(to)));
}

void logger::flush() noexcept
{
    try {
        output_->lines->flush();
    } catch (...) {  // nothing is left that could be told about it
        return;
    }
}

void logger::write(level how, std::string_view event, std::string_view message, std::vector<field> fields)
{
    if (how < threshold_) return;
    if (options_.format == log_format::json) {
        output_->lines->log(of(how), "{}", json_line(clock_.now_us(), how, event, message, fields));
        return;
    }
    if (options_.format == log_format::text) {
        output_->lines->log(of(how), "{}", text_line(clock_.now_us(), how, event, message, fields));
        return;
    }
    if (output_->send(journal_record(how, event, message, fields))) return;
    static constexpr std::array<std::string_view, 4> priorities{"<7>", "<6>", "<4>", "<3>"};
    output_->lines->log(of(how), "{}{}", priorities[static_cast<std::size_t>(how)],
                        text_line(clock_.now_us(), how, event, message, fields));
}

void rate_limited::write(std::string_view key, level how, std::string_view event, std::string_view message,
                         std::vector<field> fields)
{
    const auto now = clock_.now();
    auto at = keys_.find(key);
    if (at != keys_.end() && now < at->second.next) {
        ++at->second.suppressed;
        return;
    }
    forget_quiet(now);
    at = keys_.try_emplace(std::string(key)).first;
    if (at->second.suppressed > 0) fields.emplace_back("suppressed", at->second.suppressed);
    at->second = {now + interval_, 0};
    to_.write(how, event, message, std::move(fields));
}

// What was suppressed and never said stays, so that the number is not lost.
void rate_limited::forget_quiet(rt::time_point now)
{
    constexpr std::size_t keys_kept = 1024;
    if (keys_.size() < keys_kept) return;
    std::erase_if(keys_, [&](const auto& entry) { return entry.second.next <= now && entry.second.suppressed == 0; });
    if (keys_.size() >= keys_kept) std::erase_if(keys_, [&](const auto& entry) { return entry.second.next <= now; });
}

}  // namespace lakeferry::obs
