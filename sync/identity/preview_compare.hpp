// Two outcomes of one history of calls, compared profile by profile through the identifiers that they hold. Works in the
// store, so that its memory does not grow with the number of profiles. Used by rule_preview.cpp.
#pragma once

#include "net/rt/failure.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/rule_preview.hpp"

#include <boost/json/object.hpp>

#include <array>
#include <cstdint>
#include <functional>

namespace lakeferry::identity {

// Numbers of the two spaces in the preview's store, and of what the comparison puts down there.
inline constexpr std::array<std::uint32_t, 2> preview_sides{1, 2};

// By profile id, those that were not merged away; visit returns false to stop.
rt::outcome<void> each_live_profile(store::store& in, std::uint32_t space, const std::function<bool(const profile&)>& visit);

// "merges", "profiles", "added" and "removed" of the report. A profile of the changed rules that holds identifiers of k
// profiles of the current ones adds k - 1 merges; the other way round they are removed. E-mails are matched without
// case if either rules fold it.
rt::outcome<boost::json::object> compare_outcomes(store::store& in, const preview_settings& settings,
                                                  const std::function<bool()>& stop);

}  // namespace lakeferry::identity
