// Forgets message ids when RocksDB compacts: no scan, no timer of our own.
#pragma once

#include "net/rt/time.hpp"

#include <rocksdb/compaction_filter.h>

#include <cstdint>
#include <memory>

namespace lakeferry::store {

class seen_filter_factory final : public rocksdb::CompactionFilterFactory {
public:
    // The clock outlives the store.
    seen_filter_factory(const rt::wall_clock& clock, unsigned days) : clock_(clock), days_(days) {}

    const char* Name() const override { return "lakeferry.seen"; }
    std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
        const rocksdb::CompactionFilter::Context& context) override;

private:
    const rt::wall_clock& clock_;
    unsigned days_;
};

}  // namespace lakeferry::store
