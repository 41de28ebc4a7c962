#include "sync/store/compaction.hpp"

#include <string>

namespace lakeferry::store {

namespace {

rocksdb::CompactRangeOptions gently(rocksdb::BlobGarbageCollectionPolicy blobs)
{
    rocksdb::CompactRangeOptions how;
    how.exclusive_manual_compaction = false;
    how.blob_garbage_collection_policy = blobs;
    return how;
}

rocksdb::CompactRangeOptions all_of_it()
{
    auto how = gently(rocksdb::BlobGarbageCollectionPolicy::kForce);
    how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
    how.blob_garbage_collection_age_cutoff = 1.0;
    return how;
}

std::uint64_t number(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, const std::string& property)
{
    std::uint64_t value = 0;
    db.GetIntProperty(family, property, &value);
    return value;
}

}  // namespace

rocksdb::Status rewrite(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view from, std::string_view to)
{
    const rocksdb::Slice first(from.data(), from.size());
    const rocksdb::Slice last(to.data(), to.size());
    return db.CompactRange(all_of_it(), family, &first, &last);
}

rocksdb::Status reclaim_removed(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::uint64_t free)
{
    using properties = rocksdb::DB::Properties;
    // What was removed may stand in memory only. The rewriting of tables finds which values nobody holds any more.
    if (auto flushed = db.Flush({}, family); !flushed.ok()) return flushed;
    auto done = db.CompactRange(gently(rocksdb::BlobGarbageCollectionPolicy::kDisable), family, nullptr, nullptr);
    if (!done.ok()) return done;
    const auto dead = number(db, family, properties::kLiveBlobFileGarbageSize);
    const auto live = number(db, family, properties::kLiveBlobFileSize) - dead;
    if (dead == 0 || live > dead || live > free / 2) return done;
    return db.CompactRange(all_of_it(), family, nullptr, nullptr);
}

}  // namespace lakeferry::store
