// Building blocks of the store's keys: big-endian numbers sort as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::core {

inline void append_be32(std::string& to, std::uint32_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>((v >> shift) & 0xFFU));
}

inline void append_be64(std::string& to, std::uint64_t v)
{
    for (int shift = 56; shift >= 0; shift -= 8) to.push_back(static_cast<char>((v >> shift) & 0xFFU));
}

// The caller guarantees the length.
inline std::uint64_t read_be(std::string_view from, std::size_t at, std::size_t width) noexcept
{
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < width; ++i) v = (v << 8U) | static_cast<unsigned char>(from[at + i]);
    return v;
}
inline std::uint32_t read_be32(std::string_view from, std::size_t at = 0) noexcept
{
    return static_cast<std::uint32_t>(read_be(from, at, 4));
}
inline std::uint64_t read_be64(std::string_view from, std::size_t at = 0) noexcept { return read_be(from, at, 8); }

inline std::string key32(std::uint32_t a)
{
    std::string k;
    append_be32(k, a);
    return k;
}
inline std::string key32_64(std::uint32_t a, std::uint64_t b)
{
    std::string k = key32(a);
    append_be64(k, b);
    return k;
}

// The end of the range of all keys that begin with `prefix` (which is not all 0xFF).
inline std::string prefix_end(std::string prefix)
{
    while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFFU) prefix.pop_back();
    if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1U);
    return prefix;
}

}  // namespace lakeferry::core
