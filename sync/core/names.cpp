#include "sync/core/names.hpp"

#include "sync/core/hash.hpp"

#include <algorithm>
#include <array>

namespace lakeferry::core {
namespace {

bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

constexpr auto reserved_columns = [] {
    std::array<std::string_view, 25> names{
        "id",           "user_id",
        "anonymous_id", "previous_id",
        "group_id",     "event",
        "event_text",   "received_at",
        "sent_at",      "timestamp",
        "original_timestamp", "uuid_ts",
        "loaded_at",    "segment_id",
        "canonical_segment_id", "event_source_id",
        "merged_to",    "seq",
        "etl_ts",       "triggering_event_id",
        "triggering_event_name", "triggering_event_type",
        "triggering_event_source_id", "triggering_event_source_name",
        "triggering_event_source_slug"};
    std::sort(names.begin(), names.end());
    return names;
}();

constexpr auto reserved_tables = [] {
    std::array<std::string_view, 17> names{
        "id_graph_updates", "external_id_mapping_updates", "profile_traits_updates",
        "id_graph",         "profile_merges",              "external_id_mapping",
        "user_identifiers", "profile_traits",              "user_traits",
        "identifies",       "tracks",                      "pages",
        "screens",          "groups",                      "aliases",
        "users",            "accounts"};
    std::sort(names.begin(), names.end());
    return names;
}();

// Already in the form that snake-casing gives: [a-z0-9]+(_[a-z0-9]+)*.
bool is_plain(std::string_view text) noexcept
{
    bool separator = true;
    for (const char c : text) {
        if (c == '_') {
            if (separator) return false;
            separator = true;
        } else if (is_lower(c) || is_digit(c)) {
            separator = false;
        } else {
            return false;
        }
    }
    return !separator;
}

std::string shortened(std::string name)
{
    constexpr std::size_t hash_digits = 8;
    if (name.size() <= name_characters_max) return name;
    const std::string hash = sha1_prefix(name, hash_digits);
    name.resize(name_characters_max - 1 - hash_digits);
    return name + "_" + hash;
}

}  // namespace

std::string snake_case(std::string_view text)
{
    std::string out;
    out.reserve(text.size() + 8);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t begin = at;
        while (at < text.size() && (is_upper(text[at]) || is_digit(text[at]))) ++at;
        while (at < text.size() && (is_lower(text[at]) || is_digit(text[at]))) ++at;
        if (at == begin) {
            ++at;
            continue;
        }
        if (!out.empty()) out.push_back('_');
        for (std::size_t i = begin; i < at; ++i)
            out.push_back(is_upper(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i]);
    }
    return out;
}

std::string segment_name(std::string_view text)
{
    if (is_plain(text)) return std::string(text);
    std::string name = snake_case(text);
    return name.empty() ? "u_" + sha1_prefix(text, 8) : name;
}

void append_segment(std::string& path, std::string_view text)
{
    if (!path.empty()) path.push_back('_');
    if (is_plain(text))
        path.append(text);
    else
        path.append(segment_name(text));
}

std::string finish_column_name(std::string joined)
{
    if (is_reserved_column(joined) || joined.starts_with("context_")) joined.insert(joined.begin(), '_');
    return shortened(std::move(joined));
}

std::string column_name(std::span<const std::string_view> path)
{
    std::string joined;
    for (const std::string_view segment : path) append_segment(joined, segment);
    return finish_column_name(std::move(joined));
}

std::string finish_context_column_name(std::string joined) { return shortened(std::move(joined)); }

std::string context_column_name(std::span<const std::string_view> path)
{
    std::string joined("context");
    for (const std::string_view segment : path) append_segment(joined, segment);
    return shortened(std::move(joined));
}

std::string event_table_name(std::string_view event)
{
    std::string name = shortened(segment_name(event));
    if (is_reserved_table(name)) name.insert(name.begin(), '_');
    return name;
}

bool is_reserved_column(std::string_view name) noexcept
{
    return std::binary_search(reserved_columns.begin(), reserved_columns.end(), name);
}

bool is_reserved_table(std::string_view name) noexcept
{
    return std::binary_search(reserved_tables.begin(), reserved_tables.end(), name);
}

}  // namespace lakeferry::core
