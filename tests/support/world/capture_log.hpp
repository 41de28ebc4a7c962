// A log that remembers, for tests.
#pragma once

#include "net/obs/log.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::test {

class capture_log final : public obs::log {
public:
    struct line {
        obs::level how{};
        std::string event{};
        std::string message{};
        std::vector<obs::field> fields{};
        // Empty: no such field.
        std::string_view operator[](std::string_view key) const noexcept;
    };

    void write(obs::level how, std::string_view event, std::string_view message,
               std::vector<obs::field> fields) override;

    const std::vector<line>& lines() const noexcept { return lines_; }
    std::size_t count(std::string_view event) const noexcept;
    std::size_t count(obs::level how) const noexcept;
    // nullptr: that event was not logged.
    const line* last(std::string_view event) const noexcept;
    // Every line as "level event message key=value ...", for messages of failed expectations.
    std::string text() const;
    void clear() { lines_.clear(); }

private:
    std::vector<line> lines_{};
};

}  // namespace lakeferry::test
