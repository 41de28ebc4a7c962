// Profiles and their traits, as they are in memory and in the store's family `identity`.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/core/call.hpp"
#include "sync/core/hash.hpp"
#include "sync/core/row.hpp"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::identity {

// Keys of the family, after the space's be32:
//   "i" digest of (type, value)   16 bytes: the live profile that holds the identifier
//   "p" profile                   profile record; of a merged one: where it went
//   "t" profile                   its traits; absent: none
//   "m" profile, be64 seq         story of a merge into that profile (story.hpp)
//   "o" be16 slot                 one of the space's last observations (observations.hpp)
//   "v" profile, slot             one of the last observations that concern that profile (observations.hpp)
using profile_id = core::id128;

struct id_hash {
    std::size_t operator()(const core::id128& id) const noexcept
    {
        std::size_t h = 0;
        std::memcpy(&h, id.data(), sizeof h);  // a digest already
        return h;
    }
};

core::id128 identifier_digest(std::string_view type, std::string_view value);
std::string identity_key(std::uint32_t space, char kind, const core::id128& id);
std::string id_bytes(const core::id128& id);
std::optional<core::id128> id_from(std::string_view bytes);
// "use_…": what tables call a profile.
std::string segment_id(const profile_id& id);
// nullopt: not the text of a segment id.
std::optional<profile_id> profile_of(std::string_view segment);

struct held_identifier {
    std::string type{};
    std::string value{};
    std::int64_t first_us = 0;     // timestamp of the call that attached it
    std::int64_t received_us = 0;  // of that call
    std::string message_id{};      // of that call
    std::optional<core::call_type> call{};  // its type; absent in records of the first version
    std::string source{};                   // its source's id
    std::uint64_t order = 0;                // its place in processing order
    std::optional<profile_id> origin{};     // the profile that it was attached to; absent: the one that holds it

    friend bool operator==(const held_identifier&, const held_identifier&) = default;
};

struct profile {
    profile_id id{};
    std::uint64_t created = 0;  // place of the creating call in processing order: who is older
    std::int64_t created_us = 0;
    std::int64_t created_received_us = 0;
    std::string created_by{};   // message id
    core::call_type created_type = core::call_type::track;
    std::string created_source{};  // id; empty in records of the first version
    std::optional<profile_id> merged_into{};  // at once: not followed when that one is merged later
    std::vector<profile_id> members{};        // other ids that resolve to it, in the order in which they came
    std::vector<held_identifier> identifiers{};

    friend bool operator==(const profile&, const profile&) = default;
};

// One column of a trait's value.
struct trait_cell {
    std::string column{};
    core::cell_kind kind = core::cell_kind::string;
    std::string json{};
    std::string original{};

    core::cell view() const noexcept { return {.kind = kind, .json = json, .original = original}; }
    friend bool operator==(const trait_cell&, const trait_cell&) = default;
};

// The newest write of one trait. Without cells it is unset (or an empty object), and still newer than older writes.
struct trait {
    std::string name{};
    std::int64_t timestamp_us = 0;
    std::uint64_t order = 0;  // place of the call in processing order
    std::uint32_t place = 0;  // in the call's traits
    std::int64_t received_us = 0;
    std::vector<trait_cell> cells{};

    bool newer_than(const trait& other) const noexcept
    {
        if (timestamp_us != other.timestamp_us) return timestamp_us > other.timestamp_us;
        if (order != other.order) return order > other.order;
        return place > other.place;
    }
    friend bool operator==(const trait&, const trait&) = default;
};

std::string encode_profile(const profile& p);
rt::outcome<profile> decode_profile(const profile_id& id, std::string_view stored);
std::string encode_traits(const std::vector<trait>& traits);
rt::outcome<std::vector<trait>> decode_traits(std::string_view stored);

}  // namespace lakeferry::identity
