#include "sync/store/store.hpp"

#include "sync/core/keys.hpp"
#include "sync/store/body.hpp"
#include "sync/store/compaction.hpp"
#include "sync/store/options.hpp"
#include "sync/store/read_many.hpp"
#include "sync/store/status.hpp"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>

#include <atomic>
#include <filesystem>
#include <limits>
#include <mutex>
#include <shared_mutex>

namespace lakeferry::store {

namespace {

constexpr std::string_view format_key = "format";
constexpr std::string_view format_value = "1";

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

// Of the disk that has the store, or will have it.
std::optional<std::uint64_t> free_on_disk(const store_options& options)
{
    auto* env = options.env != nullptr ? options.env : rocksdb::Env::Default();
    std::filesystem::path there = options.directory;
    for (std::uint64_t bytes = 0;; there = there.parent_path()) {
        if (env->GetFreeSpace(there.string(), &bytes).ok()) return bytes;
        if (there == there.parent_path()) return std::nullopt;  // else: not made yet
    }
}

// An open database with the handles of its families.
class opened_database {
public:
    opened_database(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> families)
        : db_(db), families_(std::move(families))
    {
    }
    opened_database(const opened_database&) = delete;
    opened_database& operator=(const opened_database&) = delete;
    ~opened_database()
    {
        // Compactions under way end first: RocksDB 7.8 fails an assertion of its own, and with it the process, where a
        // close cuts one short that has opened a file and written nothing to it. Nothing is flushed here, so nothing waits.
        db_->PauseBackgroundWork().PermitUncheckedError();
        for (auto* handle : families_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
        db_->Close().PermitUncheckedError();
    }

    static rt::outcome<std::unique_ptr<opened_database>> open(const store_options& options)
    {
        if (auto room = enough_room(options); room.has_error()) return room.error();
        rocksdb::DB* db = nullptr;
        std::vector<rocksdb::ColumnFamilyHandle*> families;
        const auto settings = settings_of(options);
        const auto status =
            rocksdb::DB::Open(settings.database, options.directory, settings.families, &families, &db);
        if (!status.ok()) return to_open_failure(status, options.directory);
        auto made = std::make_unique<opened_database>(db, std::move(families));
        for (unsigned i = 0; i < family_count; ++i) {
            if (made->families_[i]->GetID() == i) continue;
            return rt::failure{.retry = rt::retry_class::never,
                               .id = "store.damaged",
                               .detail = "the families of the store in " + options.directory +
                                         " are not numbered as this version expects: use the version that wrote it"};
        }
        return made;
    }

    // A disk that fills up while RocksDB opens ends the process: Debian's 7.8 fails assertions of its own there.
    static rt::outcome<void> enough_room(const store_options& options)
    {
        if (const auto free = free_on_disk(options); free && *free < options.memory_bytes)
            return no_room_to_open(options.directory, *free, options.memory_bytes);
        return rt::outcome<void>();
    }

    rocksdb::DB& db() const { return *db_; }
    rocksdb::Status flush() const { return db_->Flush({}, families_); }
    // Looks through the directory for files that nobody needs any more, and removes them now.
    void remove_files() const { db_->EnableFileDeletions(true).PermitUncheckedError(); }
    rocksdb::ColumnFamilyHandle* handle(family where) const { return families_[static_cast<unsigned>(where)]; }

private:
    std::unique_ptr<rocksdb::DB> db_;
    std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

using shared_lock = std::shared_lock<std::shared_mutex>;

class rocks_store final : public store {
public:
    rocks_store(store_options options, std::unique_ptr<opened_database> opened)
        : options_(std::move(options)), opened_(std::move(opened))
    {
    }

    rt::outcome<void> write(batch changes, durable when) override
    {
        if (auto works = recover(); works.has_error()) return works;
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        rocksdb::WriteOptions options;
        options.sync = when == durable::yes;
        const auto status = opened_->db().Write(options, &changes.raw().changes);
        if (status.ok()) {
            if (changes.raw().changes.HasDeleteRange()) removed_ = true;
            return rt::outcome<void>();
        }
        stuck_ = true;
        return to_failure(status, options_.directory, "writing");
    }

    rt::outcome<std::optional<std::string>> get(family where, std::string_view key) override
    {
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        std::string value;
        const auto status = opened_->db().Get({}, opened_->handle(where), slice(key), &value);
        if (status.IsNotFound()) return std::optional<std::string>();
        if (!status.ok()) return to_failure(status, options_.directory, "reading");
        return std::optional<std::string>(std::move(value));
    }

    rt::outcome<std::vector<std::optional<std::string>>> multi_get(family where,
                                                                  std::span<const std::string> keys) override
    {
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        std::vector<std::optional<std::string>> found;
        if (auto done = read_many(opened_->db(), opened_->handle(where), keys, found); !done.ok())
            return to_failure(done, options_.directory, "reading");
        return found;
    }

    rt::outcome<void> scan(family where, std::string_view from, std::string_view to, const visitor& visit) override
    {
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        const rocksdb::Slice upper = slice(to);
        rocksdb::ReadOptions options;
        options.iterate_upper_bound = &upper;
        options.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> at(opened_->db().NewIterator(options, opened_->handle(where)));
        for (at->Seek(slice(from)); at->Valid(); at->Next()) {
            if (!visit(view(at->key()), view(at->value()))) break;
        }
        if (!at->status().ok()) return to_failure(at->status(), options_.directory, "reading");
        return rt::outcome<void>();
    }

    rt::outcome<std::optional<std::pair<std::string, std::string>>> last(family where, std::string_view from,
                                                                        std::string_view to) override
    {
        using found = std::optional<std::pair<std::string, std::string>>;
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        const rocksdb::Slice lower = slice(from);
        const rocksdb::Slice upper = slice(to);
        rocksdb::ReadOptions options;
        options.iterate_lower_bound = &lower;
        options.iterate_upper_bound = &upper;
        options.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> at(opened_->db().NewIterator(options, opened_->handle(where)));
        at->SeekToLast();
        if (at->Valid()) return found(std::in_place, at->key().ToString(), at->value().ToString());
        if (!at->status().ok()) return to_failure(at->status(), options_.directory, "reading");
        return found();
    }

    std::uint64_t approximate_bytes(family where, std::string_view from, std::string_view to) override
    {
        const shared_lock lock(mutex_);
        if (!opened_) return 0;
        const rocksdb::Range range(slice(from), slice(to));
        rocksdb::SizeApproximationOptions options;
        options.include_memtables = true;
        options.include_files = true;
        std::uint64_t bytes = 0;
        const auto status = opened_->db().GetApproximateSizes(options, opened_->handle(where), &range, 1, &bytes);
        if (!status.ok()) return 0;
        return bytes + blob_share(where, range);
    }

    std::optional<std::uint64_t> free_bytes() override { return free_on_disk(options_); }

    rt::outcome<void> compact(family where, std::string_view from, std::string_view to) override
    {
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        // The log goes when no family needs it any more.
        auto status = opened_->flush();
        if (!status.ok()) return to_failure(status, options_.directory, "flushing");
        status = rewrite(opened_->db(), opened_->handle(where), from, to);
        if (!status.ok()) return to_failure(status, options_.directory, "compacting");
        opened_->remove_files();
        return rt::outcome<void>();
    }

    rt::outcome<void> reclaim() override
    {
        const shared_lock lock(mutex_);
        if (!opened_) return closed();
        const auto free = free_bytes().value_or(std::numeric_limits<std::uint64_t>::max());
        if (free < options_.memory_bytes || !removed_.exchange(false)) return rt::outcome<void>();
        for (const auto where : {family::events, family::outbox}) {
            const auto status = reclaim_removed(opened_->db(), opened_->handle(where), free);
            if (status.ok()) continue;
            removed_ = true;
            return to_failure(status, options_.directory, "compacting");
        }
        opened_->remove_files();
        return rt::outcome<void>();
    }

private:
    // Sizes of ranges know nothing of blob files: take the part that the range has of all keys on disk.
    std::uint64_t blob_share(family where, const rocksdb::Range& range)
    {
        auto& db = opened_->db();
        std::uint64_t blobs = 0;
        db.GetIntProperty(opened_->handle(where), rocksdb::DB::Properties::kLiveBlobFileSize, &blobs);
        if (blobs == 0) return 0;
        std::uint64_t tables = 0;
        std::uint64_t part = 0;
        db.GetIntProperty(opened_->handle(where), rocksdb::DB::Properties::kLiveSstFilesSize, &tables);
        rocksdb::SizeApproximationOptions options;
        options.include_memtables = false;
        options.include_files = true;
        const auto status = db.GetApproximateSizes(options, opened_->handle(where), &range, 1, &part);
        if (!status.ok() || tables == 0) return 0;
        return static_cast<std::uint64_t>(static_cast<double>(blobs) *
                                          std::min(1.0, static_cast<double>(part) / static_cast<double>(tables)));
    }

    rt::failure closed() const
    {
        return {.retry = rt::retry_class::transient,
                .id = "store.io",
                .detail = "the store in " + options_.directory +
                          " was closed by a failing disk and opens again with the next write that finds it working"};
    }

    // After a failed write RocksDB refuses all others. Its own Resume() gives up for ever if the disk fails once more
    // meanwhile (7.8), so the database is opened anew as soon as the disk takes a file again: that replays the log,
    // in which everything acknowledged stands. A write that failed may show up by that: its outcome was unknown.
    rt::outcome<void> recover()
    {
        if (!stuck_) return rt::outcome<void>();
        // Not blocking: the caller itself may be inside scan().
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock.owns_lock()) return closed();
        if (!stuck_) return rt::outcome<void>();
        if (auto works = probe(); works.has_error()) return works;
        opened_.reset();
        auto again = opened_database::open(options_);
        if (again.has_error()) return again.error();
        opened_ = std::move(*again);
        stuck_ = false;
        return rt::outcome<void>();
    }

    rt::outcome<void> probe() const
    {
        auto* env = options_.env != nullptr ? options_.env : rocksdb::Env::Default();
        const std::string path = options_.directory + "/probe.tmp";
        const auto status = rocksdb::WriteStringToFile(env, std::string(std::size_t{1} << 20U, '0'), path, true);
        env->DeleteFile(path).PermitUncheckedError();
        if (!status.ok()) return to_failure(status, options_.directory, "testing the disk after a failed write");
        return rt::outcome<void>();
    }

    store_options options_;
    mutable std::shared_mutex mutex_;  // shared: use opened_; alone: replace it
    std::unique_ptr<opened_database> opened_;
    std::atomic<bool> stuck_ = false;
    std::atomic<bool> removed_ = true;  // since the last reclaim; what an earlier process removed is not known
};

rt::outcome<void> check_format(store& in, const std::string& directory)
{
    auto format = in.get(family::meta, format_key);
    if (format.has_error()) return format.error();
    if (format->has_value()) {
        if (**format == format_value) return rt::outcome<void>();
        return rt::failure{.retry = rt::retry_class::never,
                           .id = "store.damaged",
                           .detail = "the store in " + directory + " has format " + **format + ", this version reads " +
                                     std::string(format_value) + ": it was written by a newer version; use that one"};
    }
    batch first;
    first.put(family::meta, format_key, format_value);
    return in.write(std::move(first), durable::yes);
}

}  // namespace

const char* family_name(family which) noexcept
{
    switch (which) {
        case family::meta: return "default";  // RocksDB insists on a family of this name
        case family::events: return "events";
        case family::seen: return "seen";
        case family::identity: return "identity";
        case family::outbox: return "outbox";
        case family::schema: return "schema";
        case family::loads: return "loads";
        case family::runs: return "runs";
        case family::refusals: return "refusals";
    }
    return "default";
}

rt::outcome<std::unique_ptr<store>> store::open(store_options options)
{
    auto opened = opened_database::open(options);
    if (opened.has_error()) return opened.error();
    const std::string directory = options.directory;
    std::unique_ptr<store> made = std::make_unique<rocks_store>(std::move(options), std::move(*opened));
    if (auto format = check_format(*made, directory); format.has_error()) return format.error();
    return made;
}

rt::outcome<std::uint32_t> space_number(store& in, const std::string& space_id)
{
    static std::mutex one_at_a_time;  // two spaces that come up together must not get one number
    const std::lock_guard lock(one_at_a_time);
    const std::string key = "spaces/" + space_id;
    auto known = in.get(family::meta, key);
    if (known.has_error()) return known.error();
    if (known->has_value() && (*known)->size() == 4) return core::read_be32(**known);
    auto last = in.get(family::meta, "last_space");
    if (last.has_error()) return last.error();
    const std::uint32_t number = (last->has_value() && (*last)->size() == 4 ? core::read_be32(**last) : 0U) + 1U;
    batch changes;
    changes.put(family::meta, key, core::key32(number));
    changes.put(family::meta, "last_space", core::key32(number));
    if (auto written = in.write(std::move(changes), durable::yes); written.has_error()) return written.error();
    return number;
}

}  // namespace lakeferry::store
