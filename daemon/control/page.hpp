// The status page: one HTML text without anything from elsewhere; its script reads /api/v1/status.
#pragma once

#include "net/http/message.hpp"

namespace lakeferry::daemon {

http::response status_page();

}  // namespace lakeferry::daemon
