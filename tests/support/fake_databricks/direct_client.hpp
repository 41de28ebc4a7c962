// An http::client that calls a fake workspace without a network between: for tests of what stands above HTTP.
#pragma once

#include "net/http/client.hpp"
#include "net/http/server.hpp"
#include "net/rt/time.hpp"

#include <functional>
#include <map>
#include <vector>

namespace lakeferry::fake_databricks {

// Deadlines count on the virtual clock: a lost answer is "http.timeout" at the deadline. An origin that is not known
// is "connect.refused".
class direct_client final : public http::client {
public:
    explicit direct_client(rt::time_source& clock) : clock_(clock) {}

    void serve(http::origin at, http::service& with) { peers_[std::move(at)] = &with; }
    // The next n connects fail in this way.
    void refuse_next(unsigned n, rt::failure with);

    rt::awaitable<rt::outcome<http::response>> send(http::origin to, http::request what,
                                                    http::send_options options) override;

    std::vector<http::request> sent{};

private:
    rt::time_source& clock_;
    std::map<http::origin, http::service*> peers_;
    std::vector<rt::failure> refusals_;
};

}  // namespace lakeferry::fake_databricks
