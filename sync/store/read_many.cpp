#include "sync/store/read_many.hpp"

#include <rocksdb/snapshot.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace lakeferry::store {

namespace {

constexpr std::size_t at_once = 256;

}  // namespace

rocksdb::Status read_many(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::span<const std::string> keys,
                          std::vector<std::optional<std::string>>& found)
{
    found.assign(keys.size(), std::nullopt);
    std::vector<std::size_t> order(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
    rocksdb::ManagedSnapshot now(&db);
    rocksdb::ReadOptions as_of;
    as_of.snapshot = now.snapshot();
    for (std::span<const std::size_t> left = order; !left.empty();) {
        const auto some = left.first(std::min(left.size(), at_once));
        left = left.subspan(some.size());
        std::array<rocksdb::Slice, at_once> slices;
        std::array<rocksdb::PinnableSlice, at_once> values;
        std::array<rocksdb::Status, at_once> statuses;
        for (std::size_t i = 0; i < some.size(); ++i) slices[i] = keys[some[i]];
        db.MultiGet(as_of, family, some.size(), slices.data(), values.data(), statuses.data(), true);
        for (std::size_t i = 0; i < some.size(); ++i) {
            if (statuses[i].IsNotFound()) continue;
            if (!statuses[i].ok()) return statuses[i];
            found[some[i]].emplace(values[i].data(), values[i].size());
        }
    }
    return rocksdb::Status::OK();
}

}  // namespace lakeferry::store
