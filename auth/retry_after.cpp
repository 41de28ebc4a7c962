#include "auth/oauth_messages.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace lakeferry::auth {

namespace {

constexpr std::int64_t seconds_max = 15 * 60;

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count)
{
    int out = 0;
    const auto* first = text.data() + at;
    const auto got = std::from_chars(first, first + count, out);
    if (got.ec != std::errc{} || got.ptr != first + count || *first == '-') return std::nullopt;
    return out;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form of a date that RFC 9110 lets senders use.
std::optional<std::int64_t> http_date(std::string_view text)
{
    using namespace std::chrono;
    static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text.substr(3, 2) != ", " || text.substr(25) != " GMT" ||
        text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
        return std::nullopt;
    const auto* const month = std::find(months.begin(), months.end(), text.substr(8, 3));
    const auto d = digits(text, 5, 2), y = digits(text, 12, 4), h = digits(text, 17, 2),
               m = digits(text, 20, 2), s = digits(text, 23, 2);
    if (month == months.end() || !d || !y || !h || !m || !s) return std::nullopt;
    const year_month_day date{year(*y), std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
                              day(static_cast<unsigned>(*d))};
    if (!date.ok() || *h > 23 || *m > 59 || *s > 60) return std::nullopt;
    const auto days = sys_days(date).time_since_epoch();
    return duration_cast<seconds>(days).count() + *h * 3600 + *m * 60 + *s;
}

}  // namespace

std::optional<rt::duration> parse_retry_after(std::string_view value, std::int64_t wall_now_us)
{
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
    std::int64_t left = 0;
    if (!value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos) {
        const auto got = std::from_chars(value.data(), value.data() + value.size(), left);
        if (got.ec == std::errc::result_out_of_range) left = seconds_max;
    } else if (const auto at = http_date(value)) {
        left = *at - wall_now_us / 1'000'000;
    } else {
        return std::nullopt;
    }
    return std::chrono::seconds(std::clamp<std::int64_t>(left, 0, seconds_max));
}

}  // namespace lakeferry::auth
