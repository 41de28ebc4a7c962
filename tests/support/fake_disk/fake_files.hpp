// The file system under fake_disk: RocksDB's in-memory one, with a note per file of what was synced.
#pragma once

#include "tests/support/fake_disk/fake_disk.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace lakeferry::test {

// Shared by all generations of one disk.
struct disk_switches {
    std::atomic<disk_fault> fault = disk_fault::none;
    std::atomic<std::uint64_t> changes = 0;
    std::atomic<std::uint64_t> syncs = 0;
    std::atomic<std::uint64_t> dies_at = UINT64_MAX;
    std::atomic<bool> dead = false;
    static constexpr std::uint64_t unknown = UINT64_MAX;
    std::atomic<std::uint64_t> free = unknown;  // bytes

    // What becomes of one change, which is counted.
    struct fate {
        rocksdb::IOStatus status{};
        // No: it may change what is in memory, but no note. RocksDB's own threads end with their process and never see
        // it die: after that they write where nobody will look. (An error in a compaction whose result is empty is a
        // failed assertion in Debian's build, and the end of the test.)
        bool seen = true;
    };
    fate change();
};

// What one file has and what of it is safe.
struct file_note {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
    bool ever_synced = false;
};

class fake_files final : public rocksdb::FileSystemWrapper {
public:
    fake_files(std::shared_ptr<rocksdb::FileSystem> memory, std::shared_ptr<disk_switches> switches)
        : FileSystemWrapper(std::move(memory)), switches_(std::move(switches))
    {
    }

    const char* Name() const override { return "lakeferry.fake_files"; }

    rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* made,
                                      rocksdb::IODebugContext* dbg) override;
    rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* made,
                                         rocksdb::IODebugContext* dbg) override;
    rocksdb::IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* made,
                                        rocksdb::IODebugContext* dbg) override;
    rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* dbg) override;
    rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* dbg) override;

    rocksdb::IOStatus GetFreeSpace(const std::string& path, const rocksdb::IOOptions& options, std::uint64_t* free,
                                   rocksdb::IODebugContext* dbg) override;

    std::map<std::string, file_note> notes() const;
    void appended(const std::string& name, std::uint64_t size);
    void synced(const std::string& name);
    void set_note(const std::string& name, file_note note);

private:
    rocksdb::IOStatus wrap(const std::string& name, bool fresh, std::unique_ptr<rocksdb::FSWritableFile>* made);

    std::shared_ptr<disk_switches> switches_;
    mutable std::mutex mutex_;
    std::map<std::string, file_note> notes_;
};

}  // namespace lakeferry::test
