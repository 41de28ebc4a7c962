// Counters and gauges, and their text for Prometheus. One loop, nothing locks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::obs {

using labels = std::vector<std::pair<std::string, std::string>>;

// Names: lakeferry_<area>_<what>_<unit>[_total]. The reference stays valid as long as the registry lives
// and the series is not dropped; keep it, do not look it up per event.
class metrics {
public:
    std::uint64_t& counter(const std::string& name, const std::string& help, labels of = {});
    // Gauges are read from their owner when scraped.
    void gauge(const std::string& name, const std::string& help, labels of, std::function<double()> read);
    // Forgets every series that carries this label value (a space that was removed).
    void drop(std::string_view label, std::string_view value);
    std::string text() const;
    // For the status page and tests: 0 if there is no such series.
    double value(const std::string& name, const labels& of = {}) const;

private:
    struct series {
        labels of{};
        std::uint64_t count = 0;
        std::function<double()> read{};
    };
    struct one {
        std::string help{};
        bool is_gauge = false;
        std::map<std::string, series> by_labels{};
    };
    std::map<std::string, one> all_;
};

}  // namespace lakeferry::obs
