// Files in Unity Catalog volumes. Databricks' public docs: REST API, Files.
#pragma once

#include "sync/databricks/rest.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::databricks {

struct file_entry {
    std::string path{};
    std::string name{};
    bool is_directory = false;
    std::uint64_t size = 0;
    std::int64_t modified_ms = 0;
};

// "/Volumes/<catalog>/<schema>/<volume>", not encoded: the functions below encode.
std::string volume_root(std::string_view catalog, std::string_view schema, std::string_view volume);

// Paths begin with /Volumes/. Failures: workspace::call's; "volume.not_found", "permission.missing",
// "file.not_found" (get). All repeat as idempotent calls do, for up to 15 minutes or the deadline.

// Overwrites: with a name that is used once, sending it again after any failure is harmless.
// The body is in memory twice while it is sent.
rt::awaitable<rt::outcome<void>> put_file(workspace& door, std::string path, std::string body, rt::deadline limit);
rt::awaitable<rt::outcome<std::string>> get_file(workspace& door, std::string path, rt::deadline limit,
                                                 std::size_t bytes_max = 256U << 20);
// A file that is not there is removed already.
rt::awaitable<rt::outcome<void>> remove_file(workspace& door, std::string path, rt::deadline limit);
// Of an empty directory; absent is fine.
rt::awaitable<rt::outcome<void>> remove_directory(workspace& door, std::string path, rt::deadline limit);
// All pages. A directory that is not there is empty; a volume that is not there is "volume.not_found".
rt::awaitable<rt::outcome<std::vector<file_entry>>> list_directory(workspace& door, std::string path, rt::deadline limit);
// With its parents; there already is fine.
rt::awaitable<rt::outcome<void>> make_directory(workspace& door, std::string path, rt::deadline limit);
rt::awaitable<rt::outcome<bool>> file_exists(workspace& door, std::string path, rt::deadline limit);
rt::awaitable<rt::outcome<bool>> directory_exists(workspace& door, std::string path, rt::deadline limit);

}  // namespace lakeferry::databricks
