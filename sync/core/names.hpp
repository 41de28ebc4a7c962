// Names of columns and tables from keys and event names (Segment's public docs, warehouse schemas: naming; the
// snake-casing agrees with Segment's published go-snakecase). What Segment leaves open is settled here: a name
// without letters or digits, reserved names, names that are too long. All functions are pure and thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lakeferry::core {

inline constexpr std::size_t name_characters_max = 128;

// The lower-cased non-empty matches of [A-Z0-9]*[a-z0-9]*, joined with "_"; every other byte separates.
// May be empty.
std::string snake_case(std::string_view text);

// One path segment: snake_case, or "u_" and eight hex digits of SHA-1 where nothing is left.
std::string segment_name(std::string_view text);
// Appends segment_name(text) to a path of columns, with "_" between unless the path is empty.
void append_segment(std::string& path, std::string_view text);

// Columns of traits and properties: "_" before a reserved name or one that starts with "context_"; longer than 128
// characters: the first 119, "_", eight hex digits of SHA-1 of the full name.
std::string column_name(std::span<const std::string_view> path);
inline std::string column_name(std::string_view key) { return column_name({&key, 1}); }
// The same from an already joined path (append_segment): for walks that share prefixes.
std::string finish_column_name(std::string joined);

// Columns of context: the path below `context`, without that word: {"app","version"} is context_app_version.
std::string context_column_name(std::span<const std::string_view> path);
// From a joined path that starts with "context_".
std::string finish_context_column_name(std::string joined);

// Table of a track event. "_" before the names of Lakeferry's own tables, `users` and `accounts`.
std::string event_table_name(std::string_view event);

// Columns that every table may have of its own: id, user_id, received_at, ...
bool is_reserved_column(std::string_view name) noexcept;
// Tables that Lakeferry makes itself (update logs, current tables, call tables), users, accounts.
bool is_reserved_table(std::string_view name) noexcept;

}  // namespace lakeferry::core
