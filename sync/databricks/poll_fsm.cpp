#include "sync/databricks/poll_fsm.hpp"

#include <algorithm>

namespace lakeferry::databricks {

using rt::retry_class;

namespace {

constexpr rt::duration pause_max = std::chrono::seconds(5);
constexpr unsigned refusals_max = 3;

}  // namespace

rt::duration poll_fsm::next_pause(double unit) noexcept
{
    const auto base = pause_;
    pause_ = std::min<rt::duration>(pause_max, pause_ * 8 / 5);
    return base + std::chrono::duration_cast<rt::duration>(
                      std::chrono::duration<double, rt::duration::period>(static_cast<double>(base.count()) * unit / 4));
}

poll_fsm::step poll_fsm::answered(const statement_status& status, const std::string& principal, double unit)
{
    deaf_ = 0;
    refused_ = 0;
    switch (status.state) {
        case statement_state::succeeded: return {action::finish, {}, {}};
        case statement_state::closed: return {action::committed_without_result, {}, {}};
        case statement_state::canceled:
            return {action::fail, {},
                    rt::failure{retry_class::transient, "statement.canceled",
                                "The statement " + status.id + " was cancelled."}};
        case statement_state::failed: {
            auto why = statement_failure(status.error.value_or(statement_error{status.id}), principal);
            if (why.id == "statement.committed") return {action::committed_without_result, {}, std::move(why)};
            return {action::fail, {}, std::move(why)};
        }
        case statement_state::pending:
        case statement_state::running:
        case statement_state::unknown: break;
    }
    return {action::pause, next_pause(unit), {}};
}

poll_fsm::step poll_fsm::failed(const rt::failure& why, double unit)
{
    ++deaf_;
    if (is_not_found(why))
        return {action::fail, {},
                rt::failure{retry_class::unknown_outcome, "statement.vanished",
                            "The workspace does not know the statement any more, so its outcome is unknown. " + why.detail}};
    // A token that another caller invalidated a moment ago can be refused twice; not for ever, though.
    const bool refused = why.retry == retry_class::reauth;
    if (why.retry == retry_class::never || (refused && ++refused_ >= refusals_max)) {
        auto out = why;  // says nothing about the statement, which goes on without us
        out.retry = retry_class::unknown_outcome;
        return {action::fail, {}, std::move(out)};
    }
    return {action::pause, std::max(next_pause(unit), why.retry_after.value_or(rt::duration{})), {}};
}

}  // namespace lakeferry::databricks
