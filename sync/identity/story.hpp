// Why a profile is what it is: the merges that made it, kept next to the graph.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/identity/decide.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// One merge, as JSON: {"seq":…,"order":…,"event":{"id","type","timestamp","received_at","source"},"merged":["use_…"],
// "met":[{"type","value","segment_id"}]}: which identifiers of the call led to which profiles.
void write_story(store::batch& to, std::uint32_t space, const decision& done, const event_facts& event,
                 std::uint64_t seq);

// Merges into a profile, oldest first, as JSON texts. (What was merged into those that it swallowed stands under their
// own ids.)
rt::outcome<std::vector<std::string>> read_stories(store::store& in, std::uint32_t space, const profile_id& of);

}  // namespace lakeferry::identity
