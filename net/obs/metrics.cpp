#include "net/obs/metrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace lakeferry::obs {

namespace {

// Prometheus, text exposition format 0.0.4: backslash, quote and line feed are escaped in label values.
void append_escaped(std::string& out, std::string_view text, bool quote)
{
    for (const char c : text) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '"' && quote)
            out += "\\\"";
        else
            out += c;
    }
}

std::string label_text(const labels& of)
{
    std::string out;
    for (const auto& [name, value] : of) {
        out += out.empty() ? "{" : ",";
        out += name;
        out += "=\"";
        append_escaped(out, value, true);
        out += '"';
    }
    if (!out.empty()) out += '}';
    return out;
}

std::string number(double v)
{
    if (std::isnan(v)) return "NaN";
    if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
    std::array<char, 40> text{};
    const bool whole = std::abs(v) < 1e15 && v == std::floor(v);
    std::snprintf(text.data(), text.size(), whole ? "%.0f" : "%.17g", v);
    return text.data();
}

}  // namespace

std::uint64_t& metrics::counter(const std::string& name, const std::string& help, labels of)
{
    std::sort(of.begin(), of.end());
    auto& metric = all_[name];
    if (metric.help.empty()) metric.help = help;
    auto [at, fresh] = metric.by_labels.try_emplace(label_text(of));
    if (fresh) at->second.of = std::move(of);
    return at->second.count;
}

void metrics::gauge(const std::string& name, const std::string& help, labels of, std::function<double()> read)
{
    std::sort(of.begin(), of.end());
    auto& metric = all_[name];
    if (metric.help.empty()) metric.help = help;
    metric.is_gauge = true;
    auto& series = metric.by_labels[label_text(of)];
    series.of = std::move(of);
    series.read = std::move(read);
}

void metrics::drop(std::string_view label, std::string_view value)
{
    for (auto& [name, metric] : all_) {
        std::erase_if(metric.by_labels, [&](const auto& entry) {
            return std::any_of(entry.second.of.begin(), entry.second.of.end(),
                               [&](const auto& l) { return l.first == label && l.second == value; });
        });
    }
}

std::string metrics::text() const
{
    std::string out;
    for (const auto& [name, metric] : all_) {
        if (metric.by_labels.empty()) continue;
        out += "# HELP " + name + " ";
        append_escaped(out, metric.help, false);
        out += "\n# TYPE " + name + (metric.is_gauge ? " gauge\n" : " counter\n");
        for (const auto& [of, series] : metric.by_labels)
            out += name + of + " " + (series.read ? number(series.read()) : std::to_string(series.count)) + "\n";
    }
    return out;
}

double metrics::value(const std::string& name, const labels& of) const
{
    auto sorted = of;
    std::sort(sorted.begin(), sorted.end());
    const auto metric = all_.find(name);
    if (metric == all_.end()) return 0;
    const auto series = metric->second.by_labels.find(label_text(sorted));
    if (series == metric->second.by_labels.end()) return 0;
    return series->second.read ? series->second.read() : static_cast<double>(series->second.count);
}

}  // namespace lakeferry::obs
