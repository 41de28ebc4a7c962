// What identity resolution noticed and did not do: identifiers that were blocked or taken off, merges that a cap forbade,
// calls that led to nobody. Names as Segment's users know them (Segment's public docs, Unify: Profile insights), counted by
// name, and the last ones kept where a person can look at them.
//
// In the store's family `identity`, after the space's be32:
//   "o" be16 slot          the space's last observations; the slots are filled round and round (kept_per_space)
//   "v" profile, slot      the last ones that concern a profile: at most kept_per_profile a profile, under the id that the
//                          profile had then. Observations of the same kind about the same identifier share a slot.
// Both hold the same JSON text: {"number","note","event":{"id","type","timestamp","received_at","source"},
// "identifier":{"type","value"}, "rule","profiles":["use_…"],"to":"use_…"}; identifier, profiles and to may be absent.
// To forget a person: remove the range of "v" of each of the profile's ids, and read through "o" (small) for records that
// name an id, an identifier or an event of theirs.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/identity/decide.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lakeferry::identity {

inline constexpr std::uint32_t kept_per_space = 1000;
inline constexpr std::uint32_t kept_per_profile = 64;

// "Identifier value limit exceeded" for "limit_exceeded"; the note itself where there is no better name.
std::string_view violation_name(std::string_view note) noexcept;

std::string observation_key(std::uint32_t space, std::uint64_t number);
std::string observation_key(std::uint32_t space, const profile_id& about, std::uint8_t slot);

// Collects what one step notices. Costs nothing for calls about which there is nothing to say.
class observer {
public:
    observer(const rules& by, std::uint32_t space, std::uint64_t kept_before)
        : rules_(by), space_(space), kept_(kept_before)
    {
    }

    // blocked: type and value of what was taken off before matching, as sent.
    void look(const event_facts& event, const decision& done,
              const std::vector<std::pair<std::string_view, std::string_view>>& blocked);

    const std::map<std::string_view, std::uint64_t>& counts() const noexcept { return counts_; }
    std::uint64_t kept() const noexcept { return kept_; }
    void write_to(store::batch& changes) const;

private:
    struct one;
    void take(const event_facts& event, const one& what);

    const rules& rules_;
    std::uint32_t space_;
    std::uint64_t kept_;
    std::map<std::string_view, std::uint64_t> counts_{};
    std::map<std::string, std::string> records_{};  // what is written of this step: the newest of each place
};

// These read the store: workers only. Texts as above.
// The newest first, at most `most`.
rt::outcome<std::vector<std::string>> last_observations(store::store& in, std::uint32_t space, std::size_t most);
// Of one id, in no order that means anything.
rt::outcome<std::vector<std::string>> observations_about(store::store& in, std::uint32_t space, const profile_id& id);

}  // namespace lakeferry::identity
