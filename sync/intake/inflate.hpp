// Bodies that come compressed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lakeferry::intake {

enum class inflated { whole, too_large, broken };

// Unpacks gzip (one member or several) into `to`, never more than `bytes_max`, whatever the text claims.
inflated inflate_gzip(std::string_view packed, std::size_t bytes_max, std::string& to);

}  // namespace lakeferry::intake
