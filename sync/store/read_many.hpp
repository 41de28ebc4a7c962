// Looks up many keys of one family: in key order, so that neighbours share blocks and filters, and a few hundred at a
// time, because RocksDB holds every block that a call touches until its values are copied.
#pragma once

#include <rocksdb/db.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace lakeferry::store {

// One answer per key, in the order of `keys`, whatever it is; all of them of one moment. Returns the first error; `found` is then not whole.
rocksdb::Status read_many(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::span<const std::string> keys,
                          std::vector<std::optional<std::string>>& found);

}  // namespace lakeferry::store
