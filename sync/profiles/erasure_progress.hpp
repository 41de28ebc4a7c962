// How far an erasure has come, kept so that another process can carry it on, and what stands in its way.
#pragma once

#include "sync/profiles/erasure_record.hpp"
#include "sync/profiles/space_sync.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace lakeferry::profiles {

// Owner: the erasure's run. All references outlive it. Loop thread only, but for book(), which is for workers.
class erasure_progress {
public:
    erasure_progress(sync_parts& with, std::uint32_t space, erasure& receipt)
        : with_(with), book_(with.store, space), receipt_(receipt)
    {
    }
    erasure_progress(const erasure_progress&) = delete;
    erasure_progress& operator=(const erasure_progress&) = delete;

    // The receipt as it is now. Fails as the store does; once begun, it is not cut off by cancelling.
    rt::awaitable<rt::outcome<void>> save();
    // Why a table is not done, or, with no table, the whole. The next try removes the note.
    void note(const std::string& table, const rt::failure& why);
    // The first that was noted.
    const std::optional<rt::failure>& first() const noexcept { return first_; }

    erasure& receipt() noexcept { return receipt_; }
    erasure_book& book() noexcept { return book_; }

private:
    sync_parts& with_;
    erasure_book book_;
    erasure& receipt_;
    std::optional<rt::failure> first_{};
};

}  // namespace lakeferry::profiles
