// How RocksDB is set up: one purpose a family, bounded memory, few threads.
#pragma once

#include "sync/store/store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <vector>

namespace lakeferry::store {

rocksdb::DBOptions database_options(const store_options& options);
// In the order of `family`; the first is RocksDB's default family.
std::vector<rocksdb::ColumnFamilyDescriptor> family_options(const store_options& options);

}  // namespace lakeferry::store
