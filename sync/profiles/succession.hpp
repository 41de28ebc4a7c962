// What a take-over leaves behind: the schema's profiles were resolved in another state directory, and this one does not
// know them. Kept until somebody says that it is settled.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/store/store.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace lakeferry::profiles {

struct succession {
    std::int64_t at_us = 0;
    std::string from{};  // the earlier owner, in words
};

// In the store's family meta. Blocking: workers only. What cannot be read counts as a take-over of unknown time.
rt::outcome<std::optional<succession>> read_succession(store::store& in, std::uint32_t space);
rt::outcome<void> write_succession(store::store& in, std::uint32_t space, const succession& what);
rt::outcome<void> end_succession(store::store& in, std::uint32_t space);

// What the profiles of another state directory mean for one that does not know them, and what to do: the end of a sentence
// about a take-over.
std::string other_profiles(const std::string& space);
// The whole of it, for status and test connection.
std::string in_words(const succession& what, const std::string& space);

}  // namespace lakeferry::profiles
