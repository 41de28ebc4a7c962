// Segment's tracking API over HTTP: checks, then waits for the disk, then says 200.
#pragma once

#include "net/http/server.hpp"
#include "net/obs/log.hpp"
#include "sync/core/space_config.hpp"
#include "sync/intake/acceptor.hpp"
#include "sync/intake/answers.hpp"
#include "sync/intake/batch_body.hpp"
#include "sync/intake/checker.hpp"
#include "sync/intake/refusals.hpp"
#include "sync/intake/reservations.hpp"
#include "sync/intake/routes.hpp"
#include "sync/intake/sources.hpp"

#include <variant>

namespace lakeferry::intake {

// Behind any number of listeners of one loop. All references outlive it.
// A request that is refused for its load, its write key in the header, its path, method or content type is
// answered before its body is read. Nothing is answered with 200 before it is on disk.
class intake_service final : public http::service {
public:
    // body_timeout: in which the server reads a whole body (server_limits::body_timeout).
    intake_service(const sources& from, acceptor& into, refusals& refused, rt::time_source& clock,
                   const rt::wall_clock& calendar, obs::log& log, const core::limits& limits,
                   rt::duration body_timeout = std::chrono::seconds(30));

    std::optional<http::response> admit(const http::request_head& head) override;
    std::size_t body_limit(const http::request_head& head) override;
    http::response refuse_large(const http::request_head& head, std::size_t limit) override;
    http::response refuse_malformed(unsigned status, std::string_view why) override;
    rt::awaitable<http::response> handle(http::request what) override;
    http::response refuse_broken(std::string_view what) override;

    // Bytes of bodies that are being read.
    std::size_t reserved_bytes() const noexcept { return reserved_.bytes(); }

private:
    struct plan;
    http::response refuse(unsigned status, std::string_view code, std::string_view field, std::string_view message);
    std::optional<http::response> refuse_head(const http::request_head& head);
    std::size_t body_bytes_max(const route& at) const noexcept;
    plan read_call(std::string_view body, const route& at, const source_entry* basic, const source_table& table);
    std::variant<const source_entry*, http::response> batch_source(const batch_body& batch, const source_entry* basic,
                                                                   const source_table& table);
    plan read_batch(std::string_view body, const route& at, const source_entry* basic, const source_table& table);
    void note(const refused_text& no, std::string_view text, std::string where);

    const sources& sources_;
    acceptor& acceptor_;
    refusals& refusals_;
    rt::time_source& clock_;
    const rt::wall_clock& calendar_;
    obs::log& log_;
    core::limits limits_;
    body_reservations reserved_;
    call_checker checker_{};
    core::json_reader envelope_reader_;
};

}  // namespace lakeferry::intake
