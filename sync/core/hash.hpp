// Digests of short texts: names, identifiers, ids. Thread-safe; contexts are reused per thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace lakeferry::core {

// 40 lower-case hex digits.
std::string sha1_hex(std::string_view text);
// SHA-1 of `first` followed at once by `second`: the external_id_hash of (type, value).
std::string sha1_hex(std::string_view first, std::string_view second);
// The first `digits` (at most 40) of sha1_hex(text).
std::string sha1_prefix(std::string_view text, std::size_t digits);

// 64 lower-case hex digits.
std::string sha256_hex(std::string_view text);

using id128 = std::array<std::uint8_t, 16>;

// The first half of SHA-256 over the parts, each preceded by its length, so that {"ab","c"} and {"a","bc"} differ.
id128 digest128(std::initializer_list<std::string_view> parts);
// 32 lower-case hex digits.
std::string to_hex(const id128& id);

}  // namespace lakeferry::core
