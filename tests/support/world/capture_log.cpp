#include "tests/support/world/capture_log.hpp"

#include <algorithm>

namespace lakeferry::test {

std::string_view capture_log::line::operator[](std::string_view key) const noexcept
{
    for (const auto& f : fields)
        if (f.key == key) return f.value;
    return {};
}

void capture_log::write(obs::level how, std::string_view event, std::string_view message,
                        std::vector<obs::field> fields)
{
    lines_.push_back({how, std::string(event), std::string(message), std::move(fields)});
}

std::size_t capture_log::count(std::string_view event) const noexcept
{
    return static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(), [&](const line& l) { return l.event == event; }));
}

std::size_t capture_log::count(obs::level how) const noexcept
{
    return static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(), [&](const line& l) { return l.how == how; }));
}

const capture_log::line* capture_log::last(std::string_view event) const noexcept
{
    const auto found = std::find_if(lines_.rbegin(), lines_.rend(), [&](const line& l) { return l.event == event; });
    return found == lines_.rend() ? nullptr : &*found;
}

std::string capture_log::text() const
{
    static constexpr const char* names[] = {"debug", "info", "warn", "error"};
    std::string out;
    for (const auto& l : lines_) {
        out += std::string(names[static_cast<std::size_t>(l.how)]) + " " + l.event + " " + l.message;
        for (const auto& f : l.fields) out += " " + f.key + "=" + f.value;
        out += "\n";
    }
    return out;
}

}  // namespace lakeferry::test
