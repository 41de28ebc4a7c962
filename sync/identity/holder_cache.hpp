// Who holds which identifier, as the store has it: answers what calls ask most without a look into the database. One for
// all spaces of a process.
#pragma once

#include "sync/identity/records.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace lakeferry::identity {

// Thread-safe. Two generations: what was not asked for while the younger one filled up is forgotten with the older one.
// Grows with what it is given, up to its bound. What it says must be what the store says, so
//  - only one step of a space runs at a time, and tells what it changed after its batch is written;
//  - whoever else removes or moves identifiers, or cannot know whether a write happened, calls clear().
class holder_cache {
public:
    using entry = std::pair<core::id128, profile_id>;

    // bytes_max is held to within a few per cent, bounds below 64 KiB are taken as 0: nothing is kept.
    explicit holder_cache(std::size_t bytes_max);

    // In the order of the identifiers; nullopt: not known here, ask the store.
    std::vector<std::optional<profile_id>> find(std::uint32_t space, std::span<const core::id128> identifiers);
    void put(std::uint32_t space, std::span<const entry> found);
    void clear();

    std::size_t entries() const;

private:
    // A digest with the space's number mixed in; a digest already, so any part of it is a good hash.
    using map = boost::unordered_flat_map<core::id128, profile_id, id_hash>;

    void keep(const core::id128& key, const profile_id& to);

    const std::size_t generation_max_;  // entries
    mutable std::mutex mutex_;
    map young_{};
    map old_{};
};

}  // namespace lakeferry::identity
