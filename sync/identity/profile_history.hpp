// Reads what the store remembers of a profile: its record, the merges that made it, what was noticed about it.
// Used by explanation.cpp.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/timestamps.hpp"
#include "sync/identity/explanation.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/rules.hpp"
#include "sync/store/store.hpp"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

inline constexpr std::int64_t core_day_us = core::day_us;

struct found_person {
    std::string asked{};
    person_name name{};    // with the value as it is stored
    profile_id origin{};   // the profile that this name led to at first
    profile now{};         // the live one that it leads to now
};

// A stored story (story.hpp) with its ids read.
struct merge_record {
    std::uint64_t order = 0;
    profile_id into{};
    std::vector<profile_id> away{};
    boost::json::object story{};
};

// Short-lived, one thread. The store and the rules outlive it.
class profile_reader {
public:
    profile_reader(store::store& in, std::uint32_t space, const rules& by) : in_(in), space_(space), rules_(by) {}

    // Failures: "identity.malformed_person", "identity.unknown_person".
    rt::outcome<found_person> find(std::string_view who);
    // As stored; nullopt: there is none.
    rt::outcome<std::optional<profile>> read(const profile_id& id);
    // The same, and on to where it was merged.
    rt::outcome<std::optional<profile>> live(profile_id id);
    rt::outcome<std::optional<profile_id>> holder(std::string_view type, std::string_view value);
    // Of the profile and of those that it swallowed, in processing order.
    rt::outcome<std::vector<merge_record>> merges_of(const profile& p);
    // Of all its ids.
    rt::outcome<std::vector<boost::json::object>> observations_of(const profile& p);

private:
    rt::outcome<found_person> find_identifier(const person_name& name, std::string_view who);
    rt::failure unknown(const person_name& name, std::string_view who);

    store::store& in_;
    std::uint32_t space_;
    const rules& rules_;
};

// {"id","type","timestamp","received_at","source"}; what a record of an earlier version lacks is left out.
boost::json::object event_json(const held_identifier& held);
// {"order","event":{…}}
boost::json::object created_json(const profile& p);

}  // namespace lakeferry::identity
