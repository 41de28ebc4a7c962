// Control routes about a space's tables: jobs, loads, pauses.
//   GET  …/jobs                              {"jobs":[…]}, by number
//   POST …/jobs {"kind","tables","column","type","rescue"}     the job; the next run, which begins at once, carries it out
//   GET  …/loads                             the load journal
//   POST …/loads/{n}/accept, /resend         what to do with a load whose counts do not match
//   POST …/pause {"reason"}, /resume
#pragma once

#include "net/http/message.hpp"
#include "net/rt/failure.hpp"

#include <optional>
#include <string>

namespace lakeferry::daemon {

class daemon_core;
class space_runner;

// The space exists when they are called; a reload may replace or remove it while they wait.
rt::awaitable<http::response> get_jobs(daemon_core& core, std::string id);
rt::awaitable<http::response> post_job(daemon_core& core, std::string id, std::string body);
rt::awaitable<http::response> get_loads(daemon_core& core, std::string id);
rt::awaitable<http::response> post_load(daemon_core& core, std::string id, std::string number, std::string verb);
rt::awaitable<http::response> post_pause(daemon_core& core, std::string id, bool on, std::string body);

// May this table be filled from files? nullopt: yes.
std::optional<rt::failure> refuse_refill(const space_runner& of, const std::string& table);

}  // namespace lakeferry::daemon
