// The control API and the admin pages: one service, with more or fewer rights.
#pragma once

#include "net/http/server.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lakeferry::daemon {

class daemon_core;

// everything: who may open the control socket may command. reading: anybody who reaches the TCP listener.
enum class control_rights { everything, reading };

// GET  /                                      status page
// GET  /healthz  /readyz  /metrics
// GET  /api/v1/status                         the daemon and all spaces
// GET  /api/v1/config                         effective configuration, secrets as references
// GET  /api/v1/spaces/{id}                    one space
// GET  /api/v1/spaces/{id}/runs?most=20       history of runs, newest first
// GET  /api/v1/spaces/{id}/refusals?most=50   the last refused calls, newest first
// GET  /api/v1/spaces/{id}/why?who=email:a%40b&and=…    the story of a profile, or of two (control socket only)
// GET  /api/v1/spaces/{id}/observations?most=50   what resolution refused or noticed (control socket only)
// POST /api/v1/reload                         {"accepted":…}; waits for the outcome
// POST /api/v1/spaces/{id}/sync?wait=true     a run now; with wait its report
// GET  /api/v1/spaces/{id}/jobs, /loads; POST …/jobs, …/loads/{n}/accept, …/pause, /resume   table_routes.hpp
// POST /api/v1/spaces/{id}/check?wake=true    connection test with the daemon's own credentials
// GET  /api/v1/spaces/{id}/erasures[/N]       receipts of erasures
// POST /api/v1/spaces/{id}/erase, /suppress   erasure_routes.hpp
// POST /api/v1/spaces/{id}/import/begin       {"name","bytes","fingerprint","source","again","refill"}
// POST /api/v1/spaces/{id}/import/chunk?import=ID&offset=N&last=true   raw lines
// Errors: {"error":{"id":"…","message":"…"}}.
class control_service final : public http::service {
public:
    control_service(daemon_core& core, control_rights rights) : core_(core), rights_(rights) {}

    std::optional<http::response> admit(const http::request_head& head) override;
    std::size_t body_limit(const http::request_head& head) override;
    http::response refuse_large(const http::request_head& head, std::size_t limit) override;
    http::response refuse_malformed(unsigned status, std::string_view why) override;
    rt::awaitable<http::response> handle(http::request what) override;

private:
    rt::awaitable<http::response> read(const std::string& target, const std::vector<std::string>& path);
    rt::awaitable<http::response> read_space(const std::string& target, const std::string& id, const std::string& what);
    rt::awaitable<http::response> read_why(const std::string& target, const std::string& id);
    rt::awaitable<http::response> read_observations(const std::string& id, std::size_t most);
    rt::awaitable<http::response> command(const http::request& what, const std::vector<std::string>& path);
    http::response sync_all();
    rt::awaitable<http::response> sync(const std::string& target, const std::string& id);
    rt::awaitable<http::response> takeover(const std::string& target, const std::string& id);
    rt::awaitable<http::response> import(const http::request& what, const std::string& id, const std::string& verb);
    rt::awaitable<http::response> check(const std::string& target, const std::string& id);
    http::response no_space(const std::string& id) const;

    daemon_core& core_;
    control_rights rights_;
};

}  // namespace lakeferry::daemon
