#include "tests/support/fake_disk/fake_files.hpp"

#include <pthread.h>

#include <array>
#include <string_view>

namespace lakeferry::test {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

namespace {

// RocksDB names the threads of its pools before they have work.
bool rocksdb_thread()
{
    thread_local const bool is = [] {
        std::array<char, 16> name{};
        return ::pthread_getname_np(::pthread_self(), name.data(), name.size()) == 0 &&
               std::string_view(name.data()).starts_with("rocksdb:");
    }();
    return is;
}

class fake_file final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    fake_file(std::string name, std::unique_ptr<rocksdb::FSWritableFile> file, fake_files& files,
              std::shared_ptr<disk_switches> switches)
        : FSWritableFileOwnerWrapper(std::move(file)),
          name_(std::move(name)),
          files_(files),
          switches_(std::move(switches))
    {
    }

    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* dbg) override
    {
        const auto fate = switches_->change();
        if (!fate.status.ok()) return fate.status;
        auto s = target()->Append(data, options, dbg);
        if (s.ok() && fate.seen) files_.appended(name_, target()->GetFileSize(options, dbg));
        return s;
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                    IODebugContext* dbg) override
    {
        return Append(data, options, dbg);
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* dbg) override
    {
        if (const auto fate = switches_->change(); !fate.status.ok() || !fate.seen) return fate.status;
        auto s = target()->Truncate(size, options, dbg);
        if (s.ok()) files_.appended(name_, size);
        return s;
    }
    IOStatus Sync(const IOOptions&, IODebugContext*) override { return mark_synced(); }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override { return mark_synced(); }
    IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override
    {
        return IOStatus::OK();  // starts writing, promises nothing
    }

private:
    IOStatus mark_synced()
    {
        if (const auto fate = switches_->change(); !fate.status.ok() || !fate.seen) return fate.status;
        switches_->syncs += 1;
        files_.synced(name_);
        return IOStatus::OK();
    }

    std::string name_;
    fake_files& files_;  // the file system outlives its files
    std::shared_ptr<disk_switches> switches_;
};

}  // namespace

disk_switches::fate disk_switches::change()
{
    if (!dead && changes.fetch_add(1) >= dies_at) dead = true;
    if (dead && rocksdb_thread()) return {.seen = false};
    if (dead) return {IOStatus::IOError("the process is dead")};
    switch (fault.load()) {
        case disk_fault::none: return {};
        case disk_fault::no_space: return {IOStatus::NoSpace("fake disk is full")};
        case disk_fault::io_error: return {IOStatus::IOError("fake disk failed")};
    }
    return {};
}

IOStatus fake_files::wrap(const std::string& name, bool fresh, std::unique_ptr<rocksdb::FSWritableFile>* made)
{
    if (fresh) set_note(name, {});
    *made = std::make_unique<fake_file>(name, std::move(*made), *this, switches_);
    return IOStatus::OK();
}

IOStatus fake_files::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                     std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* dbg)
{
    const auto fate = switches_->change();
    if (!fate.status.ok()) return fate.status;
    if (auto s = target()->NewWritableFile(name, options, made, dbg); !s.ok()) return s;
    return wrap(name, fate.seen, made);
}

IOStatus fake_files::ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* dbg)
{
    if (const auto fate = switches_->change(); !fate.status.ok()) return fate.status;
    if (auto s = target()->ReopenWritableFile(name, options, made, dbg); !s.ok()) return s;
    return wrap(name, false, made);
}

IOStatus fake_files::ReuseWritableFile(const std::string& name, const std::string& old_name,
                                       const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* dbg)
{
    if (auto s = RenameFile(old_name, name, {}, dbg); !s.ok()) return s;
    return NewWritableFile(name, options, made, dbg);
}

IOStatus fake_files::DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* dbg)
{
    if (const auto fate = switches_->change(); !fate.status.ok() || !fate.seen) return fate.status;
    auto s = target()->DeleteFile(name, options, dbg);
    if (s.ok()) {
        const std::lock_guard lock(mutex_);
        notes_.erase(name);
    }
    return s;
}

IOStatus fake_files::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                IODebugContext* dbg)
{
    if (const auto fate = switches_->change(); !fate.status.ok() || !fate.seen) return fate.status;
    auto s = target()->RenameFile(from, to, options, dbg);
    if (s.ok()) {
        const std::lock_guard lock(mutex_);
        if (auto node = notes_.extract(from)) {
            notes_.erase(to);
            node.key() = to;
            notes_.insert(std::move(node));
        }
    }
    return s;
}

IOStatus fake_files::GetFreeSpace(const std::string&, const IOOptions&, std::uint64_t* free, IODebugContext*)
{
    *free = switches_->free;
    return *free == disk_switches::unknown ? IOStatus::NotSupported("the fake disk does not say") : IOStatus::OK();
}

std::map<std::string, file_note> fake_files::notes() const
{
    const std::lock_guard lock(mutex_);
    return notes_;
}

void fake_files::appended(const std::string& name, std::uint64_t size)
{
    const std::lock_guard lock(mutex_);
    auto& note = notes_[name];
    note.size = size;
    note.synced = std::min(note.synced, size);
}

void fake_files::synced(const std::string& name)
{
    const std::lock_guard lock(mutex_);
    auto& note = notes_[name];
    note.synced = note.size;
    note.ever_synced = true;
}

void fake_files::set_note(const std::string& name, file_note note)
{
    const std::lock_guard lock(mutex_);
    notes_[name] = note;
}

}  // namespace lakeferry::test
