#include "sync/identity/holder_cache.hpp"

#include <bit>

namespace lakeferry::identity {

namespace {

// The table doubles: the most that fits below the bound is a table filled to the brim (Boost.Unordered's public docs:
// groups of 15 places and 16 bytes of their own, at most 7/8 full).
std::size_t entries_within(std::size_t bytes)
{
    constexpr std::size_t group_places = 15;
    constexpr std::size_t group_bytes = group_places * sizeof(holder_cache::entry) + 16;
    const std::size_t groups = std::bit_floor(bytes / group_bytes);
    return groups < 64 ? 0 : groups * group_places * 7 / 8;
}

core::id128 mixed(std::uint32_t space, core::id128 identifier)
{
    for (std::size_t i = 0; i < 4; ++i) identifier[identifier.size() - 1 - i] ^= static_cast<unsigned char>(space >> (8 * i));
    return identifier;
}

}  // namespace

holder_cache::holder_cache(std::size_t bytes_max) : generation_max_(entries_within(bytes_max / 2)) {}

std::vector<std::optional<profile_id>> holder_cache::find(std::uint32_t space, std::span<const core::id128> identifiers)
{
    std::vector<std::optional<profile_id>> answers(identifiers.size());
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < identifiers.size(); ++i) {
        const auto key = mixed(space, identifiers[i]);
        if (const auto young = young_.find(key); young != young_.end()) {
            answers[i] = young->second;
        } else if (const auto old = old_.find(key); old != old_.end()) {
            answers[i] = old->second;
            keep(key, *answers[i]);
        }
    }
    return answers;
}

void holder_cache::put(std::uint32_t space, std::span<const entry> found)
{
    if (generation_max_ == 0) return;
    const std::lock_guard lock(mutex_);
    for (const auto& [identifier, to] : found) keep(mixed(space, identifier), to);
}

void holder_cache::keep(const core::id128& key, const profile_id& to)
{
    if (young_.size() >= generation_max_) {
        old_ = std::move(young_);
        young_ = map();
    }
    young_.insert_or_assign(key, to);
}

void holder_cache::clear()
{
    const std::lock_guard lock(mutex_);
    young_ = map();
    old_ = map();
}

std::size_t holder_cache::entries() const
{
    const std::lock_guard lock(mutex_);
    return young_.size() + old_.size();
}

}  // namespace lakeferry::identity
