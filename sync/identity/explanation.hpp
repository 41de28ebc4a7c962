// Why a profile is what it is, and why two people are one profile or two: read from what resolution left in the store.
// (Segment's Profile Explorer shows the outcome; this shows the reasons.)
#pragma once

#include "net/rt/failure.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/rules.hpp"
#include "sync/store/store.hpp"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::identity {

// How a person is named: "email:ada@mail.example" (type, colon, value) or a segment id.
struct person_name {
    std::string type{};  // empty: a segment id
    std::string value{};
};
// nullopt: neither of the two.
std::optional<person_name> parse_person(std::string_view text);

// These read the store: workers only. Failures: those of the store, "identity.damaged", and
// "identity.malformed_person" (never): what was asked for has neither form;
// "identity.unknown_person" (never): no profile has it; says why, if a rule or an observation tells.

// {"asked","segment_id","created":{"event","order"},"ids":[…],"identifiers":[…],
//  "story":[{"order","what":"created"|"attached"|"merged","segment_id","event","rule",
//            "identifier"?, "merged"?, "met"?}], in processing order,
//  "refused":[observations.hpp, each with its "name"]}
rt::outcome<boost::json::object> explain(store::store& in, std::uint32_t space, const rules& by, std::string_view who);

// {"a":{"asked","segment_id","created","identifiers"},"b":{…},"together":true|false, and
//  together: "merges": the steps that joined them, in order; none: both were attached to one profile ("attached");
//  apart: "reasons": observations about both; "limits": what a call that names both would meet now}
rt::outcome<boost::json::object> explain_pair(store::store& in, std::uint32_t space, const rules& by,
                                              std::string_view a, std::string_view b);

}  // namespace lakeferry::identity
