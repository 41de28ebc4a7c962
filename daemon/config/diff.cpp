#include "daemon/config/diff.hpp"

#include "daemon/config/effective.hpp"

#include <map>

namespace lakeferry::daemon {

namespace {

using space_map = std::map<std::string, const core::space_config*>;

space_map by_id(const snapshot& s)
{
    space_map all;
    for (const auto& one : s.spaces) all.emplace(one->id, one.get());
    return all;
}

void count(std::string& to, const std::vector<std::string>& ids, const char* what, bool names)
{
    if (ids.empty()) return;
    if (!to.empty()) to += ", ";
    to += std::to_string(ids.size()) + " " + what;
    if (!names) return;
    to += " (";
    for (std::size_t i = 0; i < ids.size() && i < 10; ++i) to += (i != 0 ? ", " : "") + ids[i];
    to += ids.size() > 10 ? ", ...)" : ")";
}

}  // namespace

config_diff compare(const snapshot& old_one, const snapshot& new_one)
{
    config_diff d;
    const auto before = by_id(old_one);
    const auto after = by_id(new_one);
    for (const auto& [id, config] : before) {
        const auto it = after.find(id);
        if (it == after.end()) d.removed.push_back(id);
        else (*it->second == *config ? d.same : d.changed).push_back(id);
    }
    for (const auto& [id, config] : after)
        if (!before.contains(id)) d.added.push_back(id);

    const auto old_settings = effective_settings(old_one.global);
    const auto new_settings = effective_settings(new_one.global);
    for (std::size_t i = 0; i < old_settings.size(); ++i) {
        const auto& [key, old_value] = old_settings[i];
        const auto& new_value = new_settings[i].second;
        if (old_value == new_value) continue;
        // The folder and the switch are used while reading only; the level can be turned at any time.
        if (key == "log.level") d.log_changed = true;
        else if (key != "daemon.spaces_directory" && key != "daemon.allow_short_schedules")
            d.needs_restart.push_back({key, old_value, new_value});
    }
    return d;
}

std::string to_text(const config_diff& d)
{
    std::string text;
    count(text, d.added, "added", true);
    count(text, d.removed, "removed", true);
    count(text, d.changed, "changed", true);
    if (d.log_changed) text += std::string(text.empty() ? "" : ", ") + "log level changed";
    if (text.empty()) text = "nothing changed";
    count(text, d.same, "untouched", false);
    return text;
}

}  // namespace lakeferry::daemon
