#include "sync/core/ids.hpp"

namespace lakeferry::core {

std::string opaque_id(std::string_view prefix, const id128& id)
{
    // 62^22 is just above 2^128. Long division of the 128 bits, 32 at a time.
    static constexpr char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    constexpr std::size_t width = 22;
    std::array<std::uint32_t, 4> limbs{};
    for (std::size_t i = 0; i < id.size(); ++i) limbs[i / 4] = (limbs[i / 4] << 8U) | id[i];

    std::string out(prefix.size() + width, '0');
    prefix.copy(out.data(), prefix.size());
    for (std::size_t at = out.size(); at-- > prefix.size();) {
        std::uint64_t rest = 0;
        for (std::uint32_t& limb : limbs) {
            const std::uint64_t part = (rest << 32U) | limb;
            limb = static_cast<std::uint32_t>(part / 62);
            rest = part % 62;
        }
        out[at] = letters[rest];
    }
    return out;
}

std::optional<id128> opaque_value(std::string_view prefix, std::string_view id)
{
    constexpr std::size_t width = 22;
    if (!id.starts_with(prefix) || id.size() != prefix.size() + width) return std::nullopt;
    std::array<std::uint32_t, 4> limbs{};
    for (const char c : id.substr(prefix.size())) {
        std::uint64_t carry = 0;
        if (c >= '0' && c <= '9') carry = static_cast<std::uint64_t>(c - '0');
        else if (c >= 'A' && c <= 'Z') carry = static_cast<std::uint64_t>(c - 'A') + 10;
        else if (c >= 'a' && c <= 'z') carry = static_cast<std::uint64_t>(c - 'a') + 36;
        else return std::nullopt;
        for (std::size_t i = limbs.size(); i-- > 0;) {
            const std::uint64_t value = std::uint64_t{limbs[i]} * 62 + carry;
            limbs[i] = static_cast<std::uint32_t>(value);
            carry = value >> 32U;
        }
        if (carry != 0) return std::nullopt;
    }
    id128 out{};
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(limbs[i / 4] >> (24 - 8 * (i % 4)));
    return out;
}

std::string derived_id(std::string_view prefix, std::initializer_list<std::string_view> parts)
{
    return opaque_id(prefix, digest128(parts));
}

}  // namespace lakeferry::core
