#include "sync/core/space_state.hpp"

#include "sync/core/keys.hpp"

namespace lakeferry::core {

std::string space_meta_key(std::uint32_t space, std::string_view name)
{
    std::string key("space/");
    append_be32(key, space);
    key.push_back('/');
    key.append(name);
    return key;
}

}  // namespace lakeferry::core
