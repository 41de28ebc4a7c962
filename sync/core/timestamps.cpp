#include "sync/core/timestamps.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::core {
namespace {

constexpr std::int64_t second_us = 1'000'000;

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, and back (Howard Hinnant's public-domain
// "chrono-compatible low-level date algorithms").
constexpr std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) noexcept
{
    y -= m <= 2;
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const auto yoe = static_cast<unsigned>(y - era * 400);
    const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
    const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

struct civil {
    unsigned year, month, day;
};

constexpr civil civil_from_days(std::int64_t z) noexcept
{
    z += 719468;
    const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    const auto doe = static_cast<unsigned>(z - era * 146097);
    const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const unsigned mp = (5 * doy + 2) / 153;
    const unsigned month = mp < 10 ? mp + 3 : mp - 9;
    const std::int64_t year = static_cast<std::int64_t>(yoe) + era * 400 + (month <= 2);
    return {static_cast<unsigned>(year), month, doy - (153 * mp + 2) / 5 + 1};
}

static_assert(days_from_civil(1970, 1, 1) == 0);
static_assert(days_from_civil(1, 1, 1) * day_us == timestamp_min_us);
static_assert((days_from_civil(9999, 12, 31) + 1) * day_us - 1 == timestamp_max_us);

constexpr unsigned days_in(unsigned year, unsigned month) noexcept
{
    constexpr std::array<unsigned, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : days[month - 1];
}

// Takes characters from the front of a text.
class cursor {
public:
    explicit cursor(std::string_view text) noexcept : text_(text) {}

    bool done() const noexcept { return text_.empty(); }
    bool take(char c) noexcept
    {
        if (text_.empty() || text_.front() != c) return false;
        text_.remove_prefix(1);
        return true;
    }
    // Exactly `digits` digits.
    bool number(std::size_t digits, unsigned& out) noexcept
    {
        if (text_.size() < digits) return false;
        unsigned v = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            const auto d = static_cast<unsigned>(static_cast<unsigned char>(text_[i])) - '0';
            if (d > 9) return false;
            v = v * 10 + d;
        }
        text_.remove_prefix(digits);
        out = v;
        return true;
    }
    // 1 to 9 digits of a fraction, as microseconds.
    bool fraction(std::int64_t& us) noexcept
    {
        std::size_t digits = 0;
        std::int64_t v = 0;
        while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') {
            if (digits < 6) v = v * 10 + (text_[digits] - '0');
            ++digits;
        }
        if (digits == 0 || digits > 9) return false;
        for (std::size_t i = digits; i < 6; ++i) v *= 10;
        text_.remove_prefix(digits);
        us = v;
        return true;
    }

private:
    std::string_view text_;
};

// The offset from UTC in microseconds; nothing left after it.
bool read_zone(cursor& in, std::int64_t& offset_us) noexcept
{
    offset_us = 0;
    if (in.take('Z')) return in.done();
    const bool west = in.take('-');
    if (!west && !in.take('+')) return false;
    unsigned hours = 0;
    unsigned minutes = 0;
    if (!in.number(2, hours)) return false;
    in.take(':');
    if (!in.number(2, minutes) || hours > 23 || minutes > 59 || !in.done()) return false;
    offset_us = (west ? -1 : 1) * std::int64_t{hours * 60 + minutes} * 60 * second_us;
    return true;
}

void put_digits(char*& to, unsigned value, unsigned digits) noexcept
{
    for (unsigned i = digits; i-- > 0; value /= 10) to[i] = static_cast<char>('0' + value % 10);
    to += digits;
}

}  // namespace

std::optional<timestamp_text> parse_timestamp_text(std::string_view text) noexcept
{
    cursor in(text);
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (!in.number(4, year) || !in.take('-') || !in.number(2, month) || !in.take('-') || !in.number(2, day))
        return std::nullopt;
    if (year == 0 || month == 0 || month > 12 || day == 0 || day > days_in(year, month)) return std::nullopt;

    timestamp_text out;
    out.us = days_from_civil(year, month, day) * day_us;
    if (in.done()) return out;
    if (!in.take('T') && !in.take(' ')) return std::nullopt;

    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    std::int64_t fraction_us = 0;
    if (!in.number(2, hour) || !in.take(':') || !in.number(2, minute)) return std::nullopt;
    if (in.take(':')) {
        if (!in.number(2, second)) return std::nullopt;
        if (in.take('.') && !in.fraction(fraction_us)) return std::nullopt;
    }
    if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
    out.has_time = true;
    out.us += std::int64_t{(hour * 60 + minute) * 60 + second} * second_us + fraction_us;
    if (in.done()) return out;

    std::int64_t offset_us = 0;
    if (!read_zone(in, offset_us)) return std::nullopt;
    out.has_zone = true;
    out.us -= offset_us;
    if (out.us < timestamp_min_us || out.us > timestamp_max_us) return std::nullopt;
    return out;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) noexcept
{
    const auto parsed = parse_timestamp_text(text);
    if (!parsed) return std::nullopt;
    return parsed->us;
}

std::optional<std::int64_t> parse_full_timestamp(std::string_view text) noexcept
{
    const auto parsed = parse_timestamp_text(text);
    if (!parsed || !parsed->has_time || !parsed->has_zone) return std::nullopt;
    return parsed->us;
}

void append_timestamp(std::string& to, std::int64_t us)
{
    us = std::clamp(us, timestamp_min_us, timestamp_max_us);
    std::int64_t days = us / day_us;
    std::int64_t rest = us % day_us;
    if (rest < 0) {
        rest += day_us;
        --days;
    }
    const civil date = civil_from_days(days);
    const auto seconds = static_cast<unsigned>(rest / second_us);
    std::array<char, 27> text{};
    char* at = text.data();
    put_digits(at, date.year, 4);
    *at++ = '-';
    put_digits(at, date.month, 2);
    *at++ = '-';
    put_digits(at, date.day, 2);
    *at++ = 'T';
    put_digits(at, seconds / 3600, 2);
    *at++ = ':';
    put_digits(at, seconds / 60 % 60, 2);
    *at++ = ':';
    put_digits(at, seconds % 60, 2);
    *at++ = '.';
    put_digits(at, static_cast<unsigned>(rest % second_us), 6);
    *at = 'Z';
    to.append(text.data(), text.size());
}

std::string format_timestamp(std::int64_t us)
{
    std::string out;
    append_timestamp(out, us);
    return out;
}

std::int64_t corrected_timestamp(std::int64_t received_us, std::optional<std::int64_t> sent_us,
                                 std::int64_t original_us) noexcept
{
    std::int64_t at = sent_us ? received_us - (*sent_us - original_us) : original_us;
    if (at > received_us + day_us) at = received_us;
    return std::clamp(at, timestamp_min_us, timestamp_max_us);
}

}  // namespace lakeferry::core
