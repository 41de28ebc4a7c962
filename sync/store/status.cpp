#include "sync/store/status.hpp"

namespace lakeferry::store {

namespace {

bool is_no_space(const rocksdb::Status& s)
{
    return s.IsNoSpace() || s.subcode() == rocksdb::Status::kSpaceLimit ||
           s.subcode() == rocksdb::Status::kNoSpace;
}

bool mentions(const std::string& text, std::string_view word)
{
    return text.find(word) != std::string::npos;
}

}  // namespace

rt::failure no_room_to_open(const std::string& directory, std::uint64_t free, std::uint64_t wanted)
{
    constexpr std::uint64_t kib = 1024;
    return {.retry = rt::retry_class::transient,
            .id = "store.disk_full",
            .detail = "the disk of " + directory + " has " + std::to_string(free / kib) +
                      " KiB left, and opening the store takes up to " + std::to_string(wanted / kib) +
                      " KiB: free some space; nothing that was accepted is lost"};
}

rt::failure to_failure(const rocksdb::Status& status, const std::string& directory,
                       std::string_view doing)
{
    const std::string text = status.ToString();
    const std::string where = " while " + std::string(doing) + " (" + text + ")";
    if (is_no_space(status)) {
        return {.retry = rt::retry_class::transient,
                .id = "store.disk_full",
                .detail = "no space left on the disk of " + directory + where +
                          ": free some space; nothing that was accepted is lost, and work goes on by itself"};
    }
    if (status.IsCorruption()) {
        return {.retry = rt::retry_class::never,
                .id = "store.damaged",
                .detail = "the store in " + directory + " is damaged" + where +
                          ": stop the daemon, keep a copy of the directory, check the disk, and restore a backup or "
                          "start with an empty directory"};
    }
    return {.retry = rt::retry_class::transient,
            .id = "store.io",
            .detail = "the disk of " + directory + " failed" + where +
                      ": look at the kernel log; if writes keep failing after the disk works again, restart the daemon"};
}

rt::failure to_open_failure(const rocksdb::Status& status, const std::string& directory)
{
    const std::string text = status.ToString();
    // RocksDB has no code of its own for this. The words come from its POSIX environment.
    if (status.IsIOError() && mentions(text, "LOCK") &&
        (mentions(text, "lock hold by current process") || mentions(text, "temporarily unavailable") ||
         mentions(text, "already held") || mentions(text, "While lock file"))) {
        return {.retry = rt::retry_class::never,
                .id = "store.locked",
                .detail = "another daemon uses the state directory " + directory +
                          " (its LOCK is held): stop that one, or give this one a directory of its own "
                          "([daemon] state_directory)"};
    }
    if (status.IsInvalidArgument() && mentions(text, "olumn famil")) {
        return {.retry = rt::retry_class::never,
                .id = "store.damaged",
                .detail = "the store in " + directory + " holds families that this version does not know (" + text +
                          "): it was written by a newer version; use that one"};
    }
    if (status.IsIOError() && !is_no_space(status)) {
        return {.retry = rt::retry_class::transient,
                .id = "store.io",
                .detail = "cannot open the state directory " + directory + " (" + text +
                          "): it must exist or be creatable, and belong to the user that the daemon runs as"};
    }
    return to_failure(status, directory, "opening it");
}

}  // namespace lakeferry::store
