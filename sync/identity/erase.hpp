// Takes people out of a space's identity graph: finds everything that a person is called by, and removes it.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/erasure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/identity/records.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// "email:ada@mail.example" (what follows the first colon is the value, as it is), "use_…" or "segment_id:use_…".
// Failure "erase.malformed" (never); it does not repeat the text, which may be personal.
rt::outcome<core::person_key> parse_person_key(std::string_view text);

struct found_people {
    core::people names{};
    std::vector<profile_id> profiles{};  // live ones and those that were merged into them
    std::vector<bool> known{};           // one for each that was asked for: the graph knew it
    std::uint64_t live = 0;
};

// Blocking: workers only, and while nothing is being resolved. Each profile comes once, however often it was asked for.
rt::outcome<found_people> find_people(store::store& in, std::uint32_t space, std::span<const core::person_key> asked,
                                      const core::identity_settings& settings);

struct removed_people {
    std::uint64_t identifiers = 0;
    std::uint64_t profiles = 0;
    std::uint64_t traits = 0;
    std::uint64_t stories = 0;         // records of how profiles came about
    std::uint64_t stories_blanked = 0; // of other profiles, in which an identifier stood
};

// Adds the removal to the batch. Afterwards a call with one of the identifiers makes a new profile, with a new id.
rt::outcome<removed_people> remove_people(store::store& in, std::uint32_t space, const found_people& who,
                                          store::batch& changes);

// The columns of event tables that an identifier of this type is taken from.
std::vector<std::string> identifier_columns(std::string_view type, const core::identity_settings& settings);

}  // namespace lakeferry::identity
