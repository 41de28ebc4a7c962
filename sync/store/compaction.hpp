// Rewriting on demand. RocksDB marks what is removed and frees it when it rewrites the tables around, which it does by
// itself when enough is written; these do it where nothing may be written any more, or where bytes must be gone.
#pragma once

#include <rocksdb/db.h>

#include <cstdint>
#include <string_view>

namespace lakeferry::store {

// Tables and blob files of [from, to), live values with them: nothing removed or replaced is left. Costs reading and writing
// the range.
rocksdb::Status rewrite(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view from, std::string_view to);

// Frees what removed entries of the family hold on disk: whole blob files at little cost. Where live values are spread among
// dead ones they are copied, if they are no more than those, so that freeing a byte never costs writing two, and if `free`
// (what the disk has left, in bytes) has room for them.
rocksdb::Status reclaim_removed(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::uint64_t free);

}  // namespace lakeferry::store
