#include "sync/store/seen_filter.hpp"

#include "sync/store/seen.hpp"

namespace lakeferry::store {

namespace {

class seen_filter final : public rocksdb::CompactionFilter {
public:
    explicit seen_filter(std::int64_t oldest_us) : oldest_us_(oldest_us) {}

    const char* Name() const override { return "lakeferry.seen"; }
    // true: drop. A record that is not whole is kept: it does no harm, and dropping it would hide damage.
    bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*, bool*) const override
    {
        const auto record = decode_seen({value.data(), value.size()});
        return record && record->stored_us < oldest_us_;
    }

private:
    std::int64_t oldest_us_;
};

}  // namespace

std::unique_ptr<rocksdb::CompactionFilter> seen_filter_factory::CreateCompactionFilter(
    const rocksdb::CompactionFilter::Context&)
{
    constexpr std::int64_t day_us = 86'400'000'000;
    return std::make_unique<seen_filter>(clock_.now_us() - static_cast<std::int64_t>(days_) * day_us);
}

}  // namespace lakeferry::store
