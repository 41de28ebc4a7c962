#include "tests/support/fake_databricks/direct_client.hpp"

#include <utility>

namespace lakeferry::fake_databricks {

using rt::retry_class;

void direct_client::refuse_next(unsigned n, rt::failure with)
{
    for (unsigned i = 0; i < n; ++i) refusals_.push_back(with);
}

rt::awaitable<rt::outcome<http::response>> direct_client::send(http::origin to, http::request what, http::send_options options)
{
    if (!refusals_.empty()) {
        auto why = refusals_.front();
        refusals_.erase(refusals_.begin());
        co_return why;
    }
    const auto peer = peers_.find(to);
    if (peer == peers_.end())
        co_return rt::failure{retry_class::transient, "connect.refused", "nobody listens at " + to.text()};
    sent.push_back(what);
    auto answer = co_await rt::with_deadline(clock_, options.limit, peer->second->handle(std::move(what)));
    if (answer.has_value()) co_return std::move(*answer);
    co_return rt::failure{options.replayable ? retry_class::transient : retry_class::unknown_outcome, "http.timeout",
                          "no answer in time"};
}

}  // namespace lakeferry::fake_databricks
