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

struct decision_notes {
    unsigned limit_exceeded = 0;  // identifiers taken off
    unsigned merge_limit = 0;
    unsigned mapping_limit = 0;
};

struct decision {
    std::optional<profile_id> to{};  // absent: no identifier was left
    bool created = false;
    std::vector<merged_profile> merged{};     // in the order in which they were created
    std::vector<held_identifier> attached{};  // in priority order
    std::vector<std::pair<event_identifier, profile_id>> met{};  // a merge: which identifier led to which profile
    decision_notes notes{};
};

// Changes identifiers, members and profiles of the graph; traits of merged profiles are handed out, not merged.
decision decide(graph& in, const rules& by, const event_facts& event, std::span<const event_identifier> identifiers);

}  // namespace lakeferry::identity
