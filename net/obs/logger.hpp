// The log that writes: text or JSON lines on stderr, or native records for the journal.
#pragma once

#include "net/obs/log.hpp"
#include "net/rt/time.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::obs {

enum class log_format { text, json, journal };

// "text", "json", "journal"; "debug", "info", "warn", "error". nullopt: none of them.
std::optional<log_format> parse_format(std::string_view name) noexcept;
std::optional<level> parse_level(std::string_view name) noexcept;
std::string_view to_string(level of) noexcept;

// One line of the text format without its end:
//   2026-03-01T12:00:00.000Z info  sync.finished space=acme rows=12 The sync has finished.
std::string text_line(std::int64_t now_us, level how, std::string_view event, std::string_view message,
                      const std::vector<field>& fields);
// One JSON object: time, level, event, message, then the fields as strings.
std::string json_line(std::int64_t now_us, level how, std::string_view event, std::string_view message,
                      const std::vector<field>& fields);
// One record of the journal's native protocol (systemd's "Native Journal Protocol"): MESSAGE, PRIORITY,
// SYSLOG_IDENTIFIER, LAKEFERRY_EVENT and LAKEFERRY_<FIELD>.
std::string journal_record(level how, std::string_view event, std::string_view message,
                           const std::vector<field>& fields);

struct log_options {
    log_format format = log_format::text;
    level threshold = level::info;
    std::string journal_socket = "/run/systemd/journal/socket";
};

// Loop thread only. Never throws and never waits: what cannot be written is lost (a full pipe on stderr aside).
// Without a journal socket the journal format becomes text lines with the "<N>" priority that systemd reads.
class logger final : public log {
public:
    logger(const rt::wall_clock& clock, log_options options);
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;
    ~logger() override;

    void write(level how, std::string_view event, std::string_view message, std::vector<field> fields) override;
    void set_threshold(level threshold) noexcept { threshold_ = threshold; }
    level threshold() const noexcept { return threshold_; }
    void flush() noexcept;
    // Another place than stderr, for tests: every line with its end.
    void set_sink(std::function<void(std::string_view)> to);

private:
    class output;
    const rt::wall_clock& clock_;
    log_options options_;
    level threshold_;
    std::unique_ptr<output> output_;
};

// Lets one line per key through in every interval and counts the others; the next line that goes through says
// how many were not shown ("suppressed"). Keys: event plus whatever tells the cases apart. Bounded: a key that was
// quiet for a whole interval is forgotten.
class rate_limited {
public:
    rate_limited(log& to, const rt::time_source& clock, rt::duration interval = std::chrono::seconds(10))
        : to_(to), clock_(clock), interval_(interval)
    {
    }

    void write(std::string_view key, level how, std::string_view event, std::string_view message,
               std::vector<field> fields = {});
    std::size_t keys() const noexcept { return keys_.size(); }

private:
    struct state {
        rt::time_point next{};
        std::uint64_t suppressed = 0;
    };
    void forget_quiet(rt::time_point now);

    log& to_;
    const rt::time_source& clock_;
    rt::duration interval_;
    std::map<std::string, state, std::less<>> keys_{};
};

}  // namespace lakeferry::obs
