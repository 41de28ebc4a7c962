#include "sync/profiles/erasure_progress.hpp"

#include "net/rt/offload.hpp"

namespace lakeferry::profiles {

rt::awaitable<rt::outcome<void>> erasure_progress::save()
{
    co_return co_await rt::offload_uncancellable(with_.workers, [this, copy = receipt_] { return book_.save(copy); });
}

void erasure_progress::note(const std::string& table, const rt::failure& why)
{
    if (!first_) first_ = why;
    if (table.empty()) return;
    auto& place = receipt_.tables[table];
    place.error_id = why.id;
    place.error = why.detail;
}

}  // namespace lakeferry::profiles
