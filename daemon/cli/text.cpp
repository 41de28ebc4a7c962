#include "daemon/cli/text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace lakeferry::daemon {

namespace {

std::size_t width_of(std::string_view text)
{
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not the inside of a code point
    }));
}

std::string one_decimal(double v)
{
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.1f", v);
    return buffer;
}

}  // namespace

text_table::text_table(std::vector<std::string> names)
{
    for (auto& name : names) {
        right_.push_back(name.starts_with('>'));
        if (right_.back()) name.erase(0, 1);
    }
    rows_.push_back(std::move(names));
}

void text_table::add(std::vector<std::string> cells)
{
    cells.resize(right_.size());
    for (auto& cell : cells) cell = printable(cell);
    rows_.push_back(std::move(cells));
}

std::string text_table::text() const
{
    std::vector<std::size_t> widths(right_.size(), 0);
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
    std::string out;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string pad(widths[i] - width_of(row[i]), ' ');
            line += right_[i] ? pad + row[i] : row[i] + pad;
            if (i + 1 != row.size()) line += "  ";
        }
        while (line.ends_with(' ')) line.pop_back();
        out += line + "\n";
    }
    return out;
}

std::string grouped(std::uint64_t n)
{
    std::string digits = std::to_string(n);
    for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
    return digits;
}

std::string counted(std::size_t n, std::string_view what)
{
    return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

std::string span_text(double seconds)
{
    const auto s = static_cast<std::uint64_t>(std::max(0.0, std::round(seconds)));
    if (s < 60) return std::to_string(s) + " s";
    if (s < 3600) return std::to_string(s / 60) + " min" + (s < 600 && s % 60 != 0 ? " " + std::to_string(s % 60) + " s" : "");
    if (s < 86400) return std::to_string(s / 3600) + " h" + (s % 3600 >= 60 ? " " + std::to_string(s % 3600 / 60) + " min" : "");
    return std::to_string(s / 86400) + " d";
}

std::string bytes_text(std::uint64_t bytes)
{
    if (bytes < 1024) return std::to_string(bytes) + " B";
    double v = static_cast<double>(bytes);
    const char* const units[] = {"KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    for (v /= 1024; v >= 1024 && unit < 3; v /= 1024) ++unit;
    return one_decimal(v) + " " + units[unit];
}

std::string printable(std::string_view text)
{
    std::string out(text);
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20U || c == 0x7F) c = ' ';
    return out;
}

std::string progress_line(const progress_numbers& n, std::size_t bar_width)
{
    std::string line;
    if (n.part >= 0) {
        const double part = std::min(1.0, n.part);
        if (bar_width != 0) {
            const auto full = static_cast<std::size_t>(part * static_cast<double>(bar_width));
            line += "[" + std::string(full, '=') + std::string(bar_width - full, ' ') + "] ";
        }
        line += std::to_string(static_cast<int>(part * 100)) + " %  ";
    }
    line += grouped(n.calls) + " calls";
    if (n.refused != 0) line += "  " + grouped(n.refused) + " refused";
    if (!n.waiting.empty()) return line + "  waiting " + n.waiting;
    line += "  " + grouped(static_cast<std::uint64_t>(std::max(0.0, n.calls_per_second))) + "/s";
    if (n.seconds_left >= 0) line += "  " + span_text(n.seconds_left) + " left";
    return line;
}

}  // namespace lakeferry::daemon
