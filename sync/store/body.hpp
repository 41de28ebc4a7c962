// What a batch is made of. Only the store includes this (and RocksDB).
#pragma once

#include "sync/store/store.hpp"

#include <rocksdb/write_batch.h>

namespace lakeferry::store {

struct batch::body {
    rocksdb::WriteBatch changes{};
};

const char* family_name(family which) noexcept;

}  // namespace lakeferry::store
