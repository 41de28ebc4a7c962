// The control API's part about forgetting people. Errors as everywhere: {"error":{"id","message"}}.
#pragma once

#include "net/http/message.hpp"
#include "net/rt/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace lakeferry::daemon {

class daemon_core;

// A list of people as text is bounded by this.
inline constexpr std::size_t erase_body_max = std::size_t{4} << 20U;

// POST …/erase {"people":["email:a@b","use_…"],"request","suppress","vacuum","dry_run"}: 202 and the receipt as it
// begins; a dry run: 200 and what would be removed.
rt::awaitable<http::response> post_erase(daemon_core& core, std::string id, std::string body);
// POST …/suppress {"people":[…],"lift"}.
rt::awaitable<http::response> post_suppress(daemon_core& core, std::string id, std::string body);
// GET …/erasures[/N]: receipts, the newest first; or one. Names nobody.
rt::awaitable<http::response> get_erasures(daemon_core& core, std::string id, std::string number);

}  // namespace lakeferry::daemon
