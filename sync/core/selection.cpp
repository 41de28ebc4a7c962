#include "sync/core/selection.hpp"

#include "sync/core/names.hpp"
#include "sync/core/row.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::core {

namespace {

using names = std::span<const std::string_view>;

constexpr std::array<std::string_view, 3> of_events{"id", "received_at", "segment_id"};
constexpr std::array<std::string_view, 3> of_id_graph_updates{"segment_id", "canonical_segment_id", "seq"};
constexpr std::array<std::string_view, 7> of_mapping_updates{"external_id_hash", "external_id_type", "external_id_value",
                                                             "segment_id",       "seq",              "id",
                                                             "received_at"};
constexpr std::array<std::string_view, 3> of_traits_updates{"segment_id", "seq", "received_at"};
constexpr std::array<std::string_view, 5> of_user_traits{"canonical_segment_id", "name", "value", "seq", "received_at"};
constexpr std::array<std::string_view, 5> of_user_identifiers{"canonical_segment_id", "type", "value", "seq",
                                                              "received_at"};
constexpr std::array<std::string_view, 4> of_profile_merges{"segment_id", "canonical_segment_id", "seq", "received_at"};
// Native current tables: keys, and what says where a profile went.
constexpr std::array<std::string_view, 3> of_id_graph{"segment_id", "canonical_segment_id", "seq"};
constexpr std::array<std::string_view, 5> of_mapping{"canonical_segment_id", "external_id_type", "external_id_value",
                                                     "external_id_hash", "seq"};
constexpr std::array<std::string_view, 3> of_profile_traits{"canonical_segment_id", "merged_to", "seq"};

struct own_table {
    std::string_view name;
    names needed;
    bool has_own_columns;  // columns that values bring
};
const std::array<own_table, 15>& own_tables() noexcept
{
    static const std::array<own_table, 15> all{{
        {"id_graph_updates", of_id_graph_updates, false},
        {"external_id_mapping_updates", of_mapping_updates, false},
        {"profile_traits_updates", of_traits_updates, true},
        {"user_traits", of_user_traits, false},
        {"user_identifiers", of_user_identifiers, false},
        {"profile_merges", of_profile_merges, false},
        {"id_graph", of_id_graph, false},
        {"external_id_mapping", of_mapping, false},
        {"profile_traits", of_profile_traits, true},
        {"identifies", of_events, true},
        {"tracks", of_events, true},
        {"pages", of_events, true},
        {"screens", of_events, true},
        {"groups", of_events, true},
        {"aliases", of_events, true},
    }};
    return all;
}

// Tables that are made in the warehouse from others.
constexpr std::array<std::pair<std::string_view, std::string_view>, 2> made_from{
    {{"profile_traits", "id_graph_updates"}, {"profile_traits", "profile_traits_updates"}}};

bool holds(names all, std::string_view name) noexcept { return std::find(all.begin(), all.end(), name) != all.end(); }

// One side of a pattern: could it be a name of ours, or match one?
std::optional<pattern_problem> check_name(std::string_view name, const char* what)
{
    if (name.empty()) return pattern_problem{std::string("names no ") + what, "write a name, or \"*\""};
    std::size_t letters = 0;
    bool upper = false;
    for (const char c : name) {
        upper = upper || (c >= 'A' && c <= 'Z');
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '*';
        if (!plain && !(c >= 'A' && c <= 'Z'))
            return pattern_problem{"can never match: names of tables and columns have a-z, 0-9 and \"_\" only",
                                   "write the name as it stands in the schema, with \"*\" for any characters"};
        letters += c == '*' ? 0 : 1;
    }
    if (upper)
        return pattern_problem{"can never match: names of tables and columns are lower case",
                               "write the name as it stands in the schema, such as \"" + segment_name(name) + "\""};
    if (letters > name_characters_max + 1)
        return pattern_problem{"can never match: names have at most 128 characters", "write the name as it stands in the schema"};
    return std::nullopt;
}

std::string_view without_mark(std::string_view pattern) noexcept
{
    return pattern.starts_with('!') ? pattern.substr(1) : pattern;
}

// What the list says of a name: the last pattern that matches decides.
template <class Match>
bool decide(const std::vector<std::string>& patterns, Match&& match) noexcept
{
    if (patterns.empty()) return true;
    for (auto it = patterns.rbegin(); it != patterns.rend(); ++it)
        if (match(without_mark(*it))) return !it->starts_with('!');
    return patterns.front().starts_with('!');
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view name) noexcept
{
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

names needed_columns(std::string_view table) noexcept
{
    for (const auto& own : own_tables())
        if (own.name == table) return own.needed;
    return of_events;
}

std::optional<pattern_problem> check_table_pattern(std::string_view pattern)
{
    const auto name = without_mark(pattern);
    if (name.find('.') != std::string_view::npos)
        return pattern_problem{"names a column", "write it under profiles_sync.select.columns"};
    if (auto wrong = check_name(name, "table")) return wrong;
    if (name.starts_with("_lakeferry"))
        return pattern_problem{"names Lakeferry's own bookkeeping, which is always kept", "take it out"};
    return std::nullopt;
}

std::optional<pattern_problem> check_table_patterns(std::span<const std::string> patterns)
{
    bool anything = patterns.empty() || patterns.front().starts_with('!');
    for (const auto& pattern : patterns) {
        if (pattern == "!*") anything = false;
        if (!pattern.starts_with('!')) anything = true;
    }
    if (!anything)
        return pattern_problem{"leaves out every table",
                               "take \"!*\" out, name the tables to keep after it, or write paused = true"};
    const selection chosen({.tables = {patterns.begin(), patterns.end()}});
    for (const auto& [made, from] : made_from)
        if (chosen.table(made) && !chosen.table(from))
            return pattern_problem{"leaves out " + std::string(from) + ", which " + std::string(made) + " is made from",
                                   "leave out " + std::string(made) + " as well, or neither"};
    return std::nullopt;
}

std::optional<pattern_problem> check_column_pattern(std::string_view pattern)
{
    const auto whole = without_mark(pattern);
    const auto dot = whole.find('.');
    if (dot == std::string_view::npos || whole.find('.', dot + 1) != std::string_view::npos)
        return pattern_problem{"is not of the form \"table.column\"", "write \"pages.url\", or \"*.url\" for every table"};
    const auto table = whole.substr(0, dot);
    const auto column = whole.substr(dot + 1);
    if (auto wrong = check_name(table, "table")) return wrong;
    if (auto wrong = check_name(column, "column")) return wrong;
    if (!pattern.starts_with('!') || column.find('*') != std::string_view::npos) return std::nullopt;
    if (column == rescued_column)
        return pattern_problem{"leaves out _rescued_data, where values that fit no column are kept", "take it out"};
    // A name that every matching table needs cannot be meant for another one.
    bool needed = false;
    bool elsewhere = false;
    bool known = false;
    for (const auto& own : own_tables()) {
        if (!matches_pattern(table, own.name)) continue;
        known = known || own.name == table;
        const bool here = holds(own.needed, column);
        needed = needed || here;
        elsewhere = elsewhere || (!here && own.has_own_columns && !is_reserved_column(column));
    }
    if (!known) {
        const bool here = holds(of_events, column);
        needed = needed || here;
        elsewhere = elsewhere || (!here && !is_reserved_column(column));
    }
    if (!needed || elsewhere) return std::nullopt;
    return pattern_problem{"leaves out \"" + std::string(column) + "\", which the table cannot do without",
                           "take it out; to land nothing of a table, leave the table out under tables"};
}

bool selection::table(std::string_view name) const noexcept
{
    return decide(by_.tables, [&](std::string_view pattern) { return matches_pattern(pattern, name); });
}

bool selection::column(std::string_view table, std::string_view column) const noexcept
{
    if (by_.columns.empty() || column == rescued_column || holds(needed_columns(table), column)) return true;
    return decide(by_.columns, [&](std::string_view pattern) {
        const auto dot = pattern.find('.');
        return dot != std::string_view::npos && matches_pattern(pattern.substr(0, dot), table) &&
               matches_pattern(pattern.substr(dot + 1), column);
    });
}

table selection::narrowed(core::table t) const
{
    if (!by_.columns.empty())
        std::erase_if(t.columns, [&](const core::column& c) {
            const bool key = std::find(t.key.begin(), t.key.end(), c.name) != t.key.end();
            const bool clustered = std::find(t.cluster_by.begin(), t.cluster_by.end(), c.name) != t.cluster_by.end();
            return !key && !clustered && !column(t.name, c.name);
        });
    return t;
}

}  // namespace lakeferry::core
