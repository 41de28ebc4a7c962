// Which profile a call belongs to: matching, limits, creation, merging, attaching. Works on the graph in memory.
#pragma once

#include "sync/identity/extract.hpp"
#include "sync/identity/graph.hpp"
#include "sync/identity/rules.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// A remaining identifier of the call, in priority order. Borrows.
struct event_identifier {
    std::string_view type{};
    std::string_view value{};
    core::id128 digest{};
};

// What a decision needs to know of the call.
struct event_facts {
    std::string_view space_id{};
    std::string_view message_id{};
    std::string_view source{};  // id
    core::call_type type = core::call_type::track;
    std::uint64_t order = 0;  // place in processing order
    std::int64_t timestamp_us = 0;
    std::int64_t received_us = 0;
};

struct merged_profile {
    profile_id id{};
    std::vector<profile_id> repointed{};          // itself, then those that resolved to it
    std::vector<held_identifier> identifiers{};   // that it brought
    std::vector<trait> traits{};                  // that it had
};

// Why an identifier was not used, or a merge not made (section 5 of the rules, docs/identity-rules.md).
enum class refusal_kind : std::uint8_t {
    limit_exceeded,       // taken off: a type would have had too many values
    time_limit_exceeded,  // the same, of a type with a window
    merge_limit,          // the profile would have had too many other ids
    mapping_limit,        // … too many identifiers; or this one found no room
};
struct identity_refusal {
    refusal_kind kind = refusal_kind::limit_exceeded;
    std::optional<event_identifier> identifier{};  // the one that was not used; absent: a merge was not made
    std::string type{};                            // whose limit it was; empty: a cap of the profile
    std::vector<profile_id> profiles{};            // that the call's identifiers led to at that moment
};

struct decision {
    std::optional<profile_id> to{};  // absent: no identifier was left
    bool created = false;
    std::vector<merged_profile> merged{};     // in the order in which they were created
    std::vector<held_identifier> attached{};  // in priority order
    std::vector<std::pair<event_identifier, profile_id>> met{};  // a merge: which identifier led to which profile
    std::vector<identity_refusal> refused{};
};

// Changes identifiers, members and profiles of the graph; traits of merged profiles are handed out, not merged.
decision decide(graph& in, const rules& by, const event_facts& event, std::span<const event_identifier> identifiers);

}  // namespace lakeferry::identity
