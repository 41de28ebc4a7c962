// Who is to be erased, in the words that all rooms share.
#pragma once

#include <string>
#include <vector>

namespace lakeferry::core {

// What names a person: an identifier, or (type "segment_id") one of the ids that the tables call a profile by.
struct person_key {
    std::string type{};
    std::string value{};

    friend auto operator<=>(const person_key&, const person_key&) = default;
};
inline constexpr const char* segment_key_type = "segment_id";

// Everything that a set of people is called by: all ids and identifiers of their profiles and of what was merged into
// them, and the identifiers that were asked for, whether a profile held them or not.
struct people {
    std::vector<std::string> segments{};
    std::vector<person_key> identifiers{};

    bool empty() const noexcept { return segments.empty() && identifiers.empty(); }
};

}  // namespace lakeferry::core
