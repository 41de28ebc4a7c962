// Traits of a profile: which write counts, what is visible, what changed.
#pragma once

#include "sync/identity/records.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// One column that a profile shows. Borrows from the traits.
struct visible_trait {
    std::string_view column{};
    const trait_cell* cell = nullptr;
    const trait* write = nullptr;
};
// Sorted by column. Where two traits have one column, the newer write shows.
std::vector<visible_trait> visible(const std::vector<trait>& traits);

// Puts the write in place of the trait's older one; an older write than what is there changes nothing.
void apply(std::vector<trait>& traits, trait write);

// What a profile shows after some writes, against before.
struct trait_changes {
    std::vector<visible_trait> set{};      // new, or with another value
    std::vector<std::string_view> gone{};  // columns
    bool any() const noexcept { return !set.empty() || !gone.empty(); }
};
// Borrows from both.
trait_changes compare(const std::vector<visible_trait>& before, const std::vector<visible_trait>& after);

// Whether the writes can be applied without changing what is visible: only times move.
bool only_times_move(const std::vector<trait>& traits, const std::vector<trait>& writes);

}  // namespace lakeferry::identity
