// Output for people: aligned tables, numbers, durations. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

// Columns as wide as their widest cell, two spaces between; numbers to the right. Width counts code points.
class text_table {
public:
    // Names in capitals; a name that begins with ">" is a column of numbers.
    explicit text_table(std::vector<std::string> names);
    void add(std::vector<std::string> cells);
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_{};
    std::vector<bool> right_{};
};

// "1,234,567".
std::string grouped(std::uint64_t n);
// "1 space", "2 spaces".
std::string counted(std::size_t n, std::string_view what);
// "37 s", "4 min", "2 h 5 min", "3 d".
std::string span_text(double seconds);
// "1.4 MiB".
std::string bytes_text(std::uint64_t bytes);
// Control characters become spaces, so that a name cannot drive the terminal.
std::string printable(std::string_view text);

// One line of progress: "[=====>    ] 52 %  1,234,567 calls  41,000/s  12 s left".
struct progress_numbers {
    double part = -1;  // 0 to 1; negative: unknown
    std::uint64_t calls = 0;
    std::uint64_t refused = 0;
    double calls_per_second = 0;
    double seconds_left = -1;  // negative: unknown
    std::string waiting{};     // for what; empty: it goes on
};
std::string progress_line(const progress_numbers& n, std::size_t bar_width);

}  // namespace lakeferry::daemon
