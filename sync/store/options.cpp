#include "sync/store/options.hpp"

#include "sync/store/body.hpp"
#include "sync/store/seen_filter.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

namespace lakeferry::store {

namespace {

constexpr std::uint64_t mib = 1ULL << 20U;

// Of a family; the queues get two. All families together may fill six, half of the memory: what is over it is flushed.
std::size_t write_buffer_bytes(const store_options& options) noexcept { return options.memory_bytes / 12; }

rocksdb::BlockBasedTableOptions table_options(const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    // Index and filters live in the cache too: otherwise memory grows with the database.
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.format_version = 5;
    return table;
}

rocksdb::ColumnFamilyOptions small(const store_options& options, const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = write_buffer_bytes(options) / 4;
    family.max_write_buffer_number = 2;
    family.compression = rocksdb::kLZ4Compression;
    family.target_file_size_base = 16 * mib;
    family.max_bytes_for_level_base = 64 * mib;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache)));
    return family;
}

// Point look-ups, mostly of keys that are not there (seen) or spread over everything (identity).
rocksdb::ColumnFamilyOptions looked_up(const store_options& options, const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::ColumnFamilyOptions family = small(options, cache);
    family.write_buffer_size = write_buffer_bytes(options);
    family.max_write_buffer_number = 3;
    auto table = table_options(cache);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    // Index and filter in parts of a block each: those of a whole table are half a MiB, and a store of some ten million ids
    // has more of them than the cache holds, so that each look-up would read one anew.
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;
    table.pin_top_level_index_and_filter = true;
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    family.memtable_prefix_bloom_size_ratio = 0.05;
    family.memtable_whole_key_filtering = true;
    family.level_compaction_dynamic_level_bytes = true;
    return family;
}

// Values that wait and are then removed in order: large ones go to blob files, so that they are written once and
// whole files are dropped when everything in them is gone.
rocksdb::ColumnFamilyOptions queue(const store_options& options, const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::ColumnFamilyOptions family = small(options, cache);
    family.write_buffer_size = 2 * write_buffer_bytes(options);
    family.max_write_buffer_number = 3;
    family.enable_blob_files = true;
    family.min_blob_size = 2048;
    family.blob_file_size = 64 * mib;
    family.enable_blob_garbage_collection = true;
    family.blob_garbage_collection_age_cutoff = 0.5;
    // Its tables hold little but places in blob files, in the order of their keys, so that many of them are no harm. From
    // RocksDB's 20 on all families are slowed down, and a large import makes 20 while one table of ids is compacted.
    family.level0_slowdown_writes_trigger = 200;
    family.level0_stop_writes_trigger = 400;
    family.table_properties_collector_factories = {
        rocksdb::NewCompactOnDeletionCollectorFactory(4096, 1024)};
    family.periodic_compaction_seconds = 24ULL * 3600;
    return family;
}

// What is being written counts as used cache: one bound for both.
rocksdb::DBOptions database_options(const store_options& options, const std::shared_ptr<rocksdb::Cache>& cache)
{
    rocksdb::DBOptions db;
    db.create_if_missing = true;
    db.create_missing_column_families = true;
    db.env = options.env != nullptr ? options.env : rocksdb::Env::Default();
    db.max_background_jobs = 3;  // one flushes, two compact: a long compaction of one family does not hold up the others
    db.max_subcompactions = 1;
    db.max_open_files = 256;
    db.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(6 * write_buffer_bytes(options), cache);
    // Families that rarely change would keep old logs alive for ever; this bounds them and the replay.
    db.max_total_wal_size = 128 * mib;
    db.bytes_per_sync = mib;
    db.wal_bytes_per_sync = 0;
    db.avoid_flush_during_shutdown = true;
    db.avoid_unnecessary_blocking_io = true;
    db.skip_stats_update_on_db_open = true;
    db.stats_dump_period_sec = 0;
    db.stats_persist_period_sec = 0;
    db.info_log_level = rocksdb::WARN_LEVEL;
    db.keep_log_file_num = 3;
    db.max_log_file_size = mib;
    db.manual_wal_flush = false;
    return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_options(const store_options& options,
                                                            const std::shared_ptr<rocksdb::Cache>& cache)
{
    std::vector<rocksdb::ColumnFamilyDescriptor> all;
    for (unsigned i = 0; i < family_count; ++i) {
        const auto which = static_cast<family>(i);
        rocksdb::ColumnFamilyOptions set = small(options, cache);
        if (which == family::seen || which == family::identity) set = looked_up(options, cache);
        if (which == family::seen) set.compression = rocksdb::kNoCompression;  // hashes
        if (which == family::events || which == family::outbox) set = queue(options, cache);
        if (which == family::events) set.blob_compression_type = rocksdb::kLZ4Compression;
        if (which == family::seen && options.seen_days > 0 && options.clock != nullptr) {
            set.compaction_filter_factory = std::make_shared<seen_filter_factory>(*options.clock, options.seen_days);
            set.periodic_compaction_seconds = 24ULL * 3600;
        }
        all.emplace_back(family_name(which), set);
    }
    return all;
}

}  // namespace

database_settings settings_of(const store_options& options)
{
    const auto cache = rocksdb::NewLRUCache(options.memory_bytes, 4, false, 0.3);
    return {database_options(options, cache), family_options(options, cache)};
}

}  // namespace lakeferry::store
