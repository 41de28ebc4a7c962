// Opaque ids that are derived, not drawn: the same parts give the same id on every replay.
#pragma once

#include "sync/core/hash.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace lakeferry::core {

// `prefix` and 22 characters of base 62 (0-9, A-Z, a-z; fixed width, sorts as the number does).
std::string opaque_id(std::string_view prefix, const id128& id);
// The way back; nullopt: no such id.
std::optional<id128> opaque_value(std::string_view prefix, std::string_view id);
// opaque_id(prefix, digest128(parts)): for example derived_id("use_", {space, message_id}).
std::string derived_id(std::string_view prefix, std::initializer_list<std::string_view> parts);

}  // namespace lakeferry::core
