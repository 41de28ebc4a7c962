// From RocksDB's statuses to failures in words for an operator.
#pragma once

#include "net/rt/failure.hpp"

#include <rocksdb/status.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::store {

// What a failed call on an open store means. `doing` completes "while ...".
rt::failure to_failure(const rocksdb::Status& status, const std::string& directory,
                       std::string_view doing);
// The same for opening, where a held LOCK, an unknown family and a missing directory have words of
// their own.
rt::failure to_open_failure(const rocksdb::Status& status, const std::string& directory);

// Not enough room to open it: bytes that are left, and that it may take.
rt::failure no_room_to_open(const std::string& directory, std::uint64_t free, std::uint64_t wanted);

}  // namespace lakeferry::store
