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

std::string derived_id(std::string_view prefix, std::initializer_list<std::string_view> parts)
{
    return opaque_id(prefix, digest128(parts));
}

}  // namespace lakeferry::core
