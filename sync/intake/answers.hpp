// What intake says to clients: always JSON, always with a code and what to do.
#pragma once

#include "net/http/message.hpp"
#include "net/rt/failure.hpp"
#include "sync/core/call.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::intake {

struct rejected_item {
    std::size_t index = 0;
    core::refusal why{};
};

// {"success":true}
http::response accepted();
// {"success":true,"accepted":98,"rejected":[{"index":3,"code":"...","field":"...","message":"..."}]}: the good calls are
// kept, and a client library must not send the whole batch again, hence a 200.
http::response partly_accepted(std::size_t accepted_calls, const std::vector<rejected_item>& rejected);
// {"success":false,"code":"...","field":"...","message":"..."}; an empty field is left out.
http::response refused(unsigned status, std::string_view code, std::string_view field, std::string_view message);
// A single call: 413 too_large, 401 for write keys, 400 otherwise.
http::response refused(const core::refusal& why);
// 429 for what is throttled, 503 otherwise, with Retry-After.
http::response unavailable(const rt::failure& why);
// For a preflight request of a browser.
http::response preflight();
// What is served here, as text.
http::response greeting();

// Lets pages of any origin read the answer; write keys are all the credentials there are, cookies play no part.
void allow_any_origin(http::response& to);

}  // namespace lakeferry::intake
