#include "daemon/config/space_parts.hpp"
#include "daemon/config/units.hpp"

#include <boost/regex.hpp>

#include <algorithm>
#include <array>

namespace lakeferry::daemon {

namespace {

// Types that calls carry by themselves; their places are fixed.
constexpr std::array<std::string_view, 10> built_in{
    "user_id",  "anonymous_id",       "email",          "android.id",  "ios.id", "android.idfa",
    "ios.idfa", "android.push_token", "ios.push_token", "ga_client_id"};
constexpr std::size_t pattern_bytes_max = 512;

bool is_type(std::string_view name)
{
    if (name.empty() || name.size() > 128 || name.front() < 'a' || name.front() > 'z') return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

void patterns(const reader& from, const std::string& key, std::vector<std::string>& to)
{
    from.texts(key, to);
    if (!from.has(key)) return;
    for (const std::string& pattern : to) {
        try {
            if (pattern.size() > pattern_bytes_max) {
                from.complain(key, "\"" + pattern.substr(0, 80) + "...\" is longer than 512 bytes", "write a shorter one, or several");
                continue;
            }
            const boost::regex compiled(pattern, boost::regex::perl);  // as resolution will
        } catch (const std::exception&) {
            from.complain(key, "\"" + pattern.substr(0, 80) + "\" is not a regular expression",
                          "write one in Perl's syntax, like \"^test-\"");
        }
    }
}

void read_limit(const reader& from, core::identifier_rule& to)
{
    const auto* value = from.raw("limit");
    if (value == nullptr) return;
    if (value->is == toml_value::kind::text && value->text == "unlimited") {
        to.limit = 0;
        return;
    }
    unsigned limit = 0;
    from.integer("limit", 1, 1000, limit);
    if (limit != 0) to.limit = limit;
}

void read_window(const reader& from, core::identifier_rule& to)
{
    std::string text;
    from.text("window", text);
    if (!from.has("window") || text == "ever") return;
    if (text == "week") to.window_days = 7;
    else if (text == "month") to.window_days = 30;
    else if (text == "year") to.window_days = 365;
    else {
        const auto length = parse_duration(text);
        if (length && length->count() > 0 && length->count() % 86400 == 0)
            to.window_days = static_cast<unsigned>(length->count() / 86400);
        else
            from.complain("window", "is not a window", "write week, month, year, ever, or days like \"90d\"");
    }
}

core::identifier_rule read_rule(const reader& from, const core::identity_settings& all)
{
    core::identifier_rule to;
    from.text("type", to.type);
    if (from.require("type", "write the type, like \"email\"") && !is_type(to.type))
        from.complain("type", "\"" + to.type + "\" is not a type's name",
                      "begin with a-z, go on with a-z, 0-9, \"_\" and \".\"");
    read_limit(from, to);
    read_window(from, to);
    from.texts("blocked", to.blocked);
    patterns(from, "blocked_patterns", to.blocked_patterns);
    from.texts("keys", to.keys);
    const bool fixed = std::find(built_in.begin(), built_in.end(), to.type) != built_in.end() ||
                       (to.type == "group_id" && all.group_id);
    if (from.has("keys") && fixed)
        from.complain("keys", "\"" + to.type + "\" is a built-in type, its place in a call is fixed", "take keys out");
    return to;
}

}  // namespace

void read_identity(const reader& from, core::identity_settings& to)
{
    from.texts("blocked", to.blocked);
    patterns(from, "blocked_patterns", to.blocked_patterns);
    from.integer("merges_max", 1, 100000, to.merges_max);
    from.integer("identifiers_max", 1, 100000, to.identifiers_max);
    from.integer("dedupe_days", 1, 365, to.dedupe_days);
    from.integer("traits_max", 1, 10000, to.traits_max);
    from.flag("group_id", to.group_id);
    from.flag("fold_email_case", to.fold_email_case);

    // Those with a priority come first, by it; the others after them in the order of the file.
    std::vector<std::pair<unsigned, core::identifier_rule>> rules;
    unsigned place = 1001;
    for (const auto* table : from.tables("identifiers")) {
        reader one(from.in(), table, "identity.identifiers[]");
        unsigned priority = place++;
        one.integer("priority", 1, 1000, priority);
        auto rule = read_rule(one, to);
        for (const auto& [other_priority, other] : rules) {
            if (!rule.type.empty() && other.type == rule.type)
                one.complain("type", "\"" + rule.type + "\" stands there twice", "put both into one table");
            if (one.has("priority") && other_priority == priority)
                one.complain("priority", "\"" + other.type + "\" has the same", "give each its own");
        }
        rules.emplace_back(priority, std::move(rule));
    }
    std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [priority, rule] : rules) to.identifiers.push_back(std::move(rule));
}

}  // namespace lakeferry::daemon
