// How RocksDB is set up: one purpose a family, bounded memory, few threads.
#pragma once

#include "sync/store/store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <vector>

namespace lakeferry::store {

struct database_settings {
    rocksdb::DBOptions database{};
    std::vector<rocksdb::ColumnFamilyDescriptor> families{};  // in the order of `family`; the first is RocksDB's default
};
database_settings settings_of(const store_options& options);

}  // namespace lakeferry::store
