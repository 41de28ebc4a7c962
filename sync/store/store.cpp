#include "sync/store/store.hpp"

#include "sync/core/keys.hpp"
#include "sync/store/body.hpp"
#include "sync/store/options.hpp"
#include "sync/store/status.hpp"

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

#include <atomic>
#include <mutex>

namespace lakeferry::store {

namespace {

constexpr std::string_view format_key = "format";
constexpr std::string_view format_value = "1";

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

class rocks_store final : public store {
public:
    rocks_store(std::string directory, rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> families)
        : directory_(std::move(directory)), db_(db), families_(std::move(families))
    {
    }
    rocks_store(const rocks_store&) = delete;
    rocks_store& operator=(const rocks_store&) = delete;
    ~rocks_store() override
    {
        for (auto* handle : families_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
        db_->Close().PermitUncheckedError();
    }

    rt::outcome<void> write(batch changes, durable when) override
    {
        if (auto resumed = resume(); resumed.has_error()) return resumed;
        rocksdb::WriteOptions options;
        options.sync = when == durable::yes;
        const auto status = db_->Write(options, &changes.raw().changes);
        if (status.ok()) return rt::outcome<void>();
        stuck_ = true;
        return to_failure(status, directory_, "writing");
    }

    rt::outcome<std::optional<std::string>> get(family where, std::string_view key) override
    {
        std::string value;
        const auto status = db_->Get({}, handle(where), slice(key), &value);
        if (status.IsNotFound()) return std::optional<std::string>();
        if (!status.ok()) return to_failure(status, directory_, "reading");
        return std::optional<std::string>(std::move(value));
    }

    rt::outcome<std::vector<std::optional<std::string>>> multi_get(family where,
                                                                  std::span<const std::string> keys) override
    {
        std::vector<rocksdb::Slice> slices;
        slices.reserve(keys.size());
        for (const auto& key : keys) slices.emplace_back(key);
        std::vector<rocksdb::PinnableSlice> values(keys.size());
        std::vector<rocksdb::Status> statuses(keys.size());
        db_->MultiGet({}, handle(where), keys.size(), slices.data(), values.data(), statuses.data());
        std::vector<std::optional<std::string>> found(keys.size());
        for (std::size_t i = 0; i < keys.size(); ++i) {
            if (statuses[i].IsNotFound()) continue;
            if (!statuses[i].ok()) return to_failure(statuses[i], directory_, "reading");
            found[i].emplace(values[i].data(), values[i].size());
        }
        return found;
    }

    rt::outcome<void> scan(family where, std::string_view from, std::string_view to, const visitor& visit) override
    {
        const rocksdb::Slice upper = slice(to);
        rocksdb::ReadOptions options;
        options.iterate_upper_bound = &upper;
        options.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(where)));
        for (at->Seek(slice(from)); at->Valid(); at->Next()) {
            if (!visit(view(at->key()), view(at->value()))) break;
        }
        if (!at->status().ok()) return to_failure(at->status(), directory_, "reading");
        return rt::outcome<void>();
    }

    rt::outcome<std::optional<std::pair<std::string, std::string>>> last(family where, std::string_view from,
                                                                        std::string_view to) override
    {
        using found = std::optional<std::pair<std::string, std::string>>;
        const rocksdb::Slice lower = slice(from);
        const rocksdb::Slice upper = slice(to);
        rocksdb::ReadOptions options;
        options.iterate_lower_bound = &lower;
        options.iterate_upper_bound = &upper;
        options.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options, handle(where)));
        at->SeekToLast();
        if (at->Valid()) return found(std::in_place, at->key().ToString(), at->value().ToString());
        if (!at->status().ok()) return to_failure(at->status(), directory_, "reading");
        return found();
    }

    std::uint64_t approximate_bytes(family where, std::string_view from, std::string_view to) override
    {
        const rocksdb::Range range(slice(from), slice(to));
        rocksdb::SizeApproximationOptions options;
        options.include_memtables = true;
        options.include_files = true;
        std::uint64_t bytes = 0;
        const auto status = db_->GetApproximateSizes(options, handle(where), &range, 1, &bytes);
        if (!status.ok()) return 0;
        return bytes + blob_share(where, range);
    }

private:
    rocksdb::ColumnFamilyHandle* handle(family where) const { return families_[static_cast<unsigned>(where)]; }

    // Sizes of ranges know nothing of blob files: take the part that the range has of all keys on disk.
    std::uint64_t blob_share(family where, const rocksdb::Range& range)
    {
        std::uint64_t blobs = 0;
        db_->GetIntProperty(handle(where), rocksdb::DB::Properties::kLiveBlobFileSize, &blobs);
        if (blobs == 0) return 0;
        std::uint64_t tables = 0;
        std::uint64_t part = 0;
        db_->GetIntProperty(handle(where), rocksdb::DB::Properties::kLiveSstFilesSize, &tables);
        rocksdb::SizeApproximationOptions options;
        options.include_memtables = false;
        options.include_files = true;
        if (!db_->GetApproximateSizes(options, handle(where), &range, 1, &part).ok() || tables == 0) return 0;
        return static_cast<std::uint64_t>(static_cast<double>(blobs) *
                                          std::min(1.0, static_cast<double>(part) / static_cast<double>(tables)));
    }

    // After a failed write RocksDB refuses all others until it is told to go on (which writes out what it has in
    // memory, and so finds out whether the disk works again).
    rt::outcome<void> resume()
    {
        if (!stuck_) return rt::outcome<void>();
        const std::lock_guard one_at_a_time(resume_mutex_);
        if (!stuck_) return rt::outcome<void>();
        const auto status = db_->Resume();
        if (!status.ok()) return to_failure(status, directory_, "resuming after a failed write");
        stuck_ = false;
        return rt::outcome<void>();
    }

    std::string directory_;
    std::unique_ptr<rocksdb::DB> db_;
    std::vector<rocksdb::ColumnFamilyHandle*> families_;
    std::atomic<bool> stuck_ = false;
    std::mutex resume_mutex_;
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
    rocksdb::DB* opened = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    const auto status = rocksdb::DB::Open(database_options(options), options.directory, family_options(options),
                                          &families, &opened);
    if (!status.ok()) return to_open_failure(status, options.directory);
    std::unique_ptr<store> made = std::make_unique<rocks_store>(options.directory, opened, families);
    for (unsigned i = 0; i < family_count; ++i) {
        if (families[i]->GetID() == i) continue;
        return rt::failure{.retry = rt::retry_class::never,
                           .id = "store.damaged",
                           .detail = "the families of the store in " + options.directory +
                                     " are not numbered as this version expects: use the version that wrote it"};
    }
    if (auto format = check_format(*made, options.directory); format.has_error()) return format.error();
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
