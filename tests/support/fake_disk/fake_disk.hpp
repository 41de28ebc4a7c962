// A disk in memory that forgets: what was not synced is gone after crash(). The store runs on it unchanged.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace rocksdb {
class Env;
}

namespace lakeferry::test {

// Faults that the disk shows until told otherwise.
enum class disk_fault { none, no_space, io_error };

// Thread-safe. The model: appended bytes survive a crash once their file was synced; a file that was never synced
// vanishes; renames and removals survive at once (RocksDB syncs the directory after each of them). A store that is
// still open when the disk crashes keeps running on the old disk, as a process that is about to be killed, and
// changes nothing on the new one.
class fake_disk {
public:
    fake_disk();
    ~fake_disk();
    fake_disk(const fake_disk&) = delete;
    fake_disk& operator=(const fake_disk&) = delete;

    // The disk as it is now; after crash() ask again. Lives as long as the fake_disk.
    rocksdb::Env* env() noexcept;

    // Power fails: everything unsynced is lost. With a seed, a random part of each unsynced tail survives, as on
    // real disks.
    void crash(std::uint64_t seed = 0);

    // Appends and syncs fail from now on.
    void fail_with(disk_fault fault) noexcept;
    // What the disk says it has left; without this it does not say.
    void set_free(std::uint64_t bytes) noexcept;
    // This many more changes (appends, syncs, renames, removals) happen, then the process counts as dead: every
    // further one fails, or is not seen if RocksDB's own threads make it. crash() brings the disk back.
    void die_after(std::uint64_t changes) noexcept;
    bool dead() const noexcept;
    // Changes since the disk was made: to choose a point for die_after.
    std::uint64_t changes() const noexcept;
    std::uint64_t syncs() const noexcept;

    // Bytes of a file as a reader sees them now; empty if there is none.
    std::string read(const std::string& path);
    void overwrite(const std::string& path, const std::string& bytes);
    // Path of a file in `directory` whose name ends with `suffix`; empty: none.
    std::string find(const std::string& directory, const std::string& suffix);

private:
    struct world;
    struct generation;
    std::unique_ptr<world> world_;
};

}  // namespace lakeferry::test
