// From RocksDB's statuses to failures in words for an operator.
#pragma once

#include "net/rt/failure.hpp"

#include <rocksdb/status.h>

#include <string>
#include <string_view>

namespace lakeferry::store {

// What a failed call on an open store means. `doing` completes "while ...".
rt::failure to_failure(const rocksdb::Status& status, const std::string& directory,
                       std::string_view doing);
// The same for opening, where a held LOCK, an unknown family and a missing directory have words of
// their own.
rt::failure to_open_failure(const rocksdb::Status& status, const std::string& directory);

}  // namespace lakeferry::store
