// The erasures of one space: takes requests, cuts people out of the store between two steps of resolution, and carries
// every erasure on until nothing of them is left. See docs/erasure.md.
#pragma once

#include "net/rt/limiter.hpp"
#include "sync/core/erasure.hpp"
#include "sync/core/space_config.hpp"
#include "sync/identity/rules.hpp"
#include "sync/intake/suppression.hpp"
#include "sync/profiles/erasure_record.hpp"
#include "sync/profiles/erasure_run.hpp"
#include "sync/profiles/space_sync.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace lakeferry::daemon {

struct erase_request {
    std::vector<core::person_key> people{};
    std::string reference{};  // the caller's own
    bool suppress = false;    // later calls of the people are accepted and dropped
    bool vacuum = false;
};
inline constexpr std::size_t erase_people_max = 20'000;

// Which identifiers of a call say whose it is: the first in priority order, every user_id and every e-mail. A device that
// somebody else uses now does not silence them.
std::shared_ptr<const intake::suppression> make_suppression(std::shared_ptr<intake::suppression_list> list,
                                                            const core::identity_settings& rules);

// Loop thread only. ask(), all() and suppress() may be awaited by a caller that outlives the space's runner, if it shares
// this object; everything else belongs to the runner.
class space_erasures {
public:
    struct parts {
        std::shared_ptr<const core::space_config> config;
        std::uint32_t number = 0;
        profiles::sync_parts with;
        std::shared_ptr<intake::suppression_list> suppressed;
        // What was accepted until now is on disk, refused calls included.
        std::function<rt::awaitable<rt::outcome<void>>()> flush_intake;
        rt::limiter& resolving;                      // held by whoever reads or writes the graph
        std::function<void()> forget_graph;          // resolution reads everything again
        std::function<std::string()> resolve_error;  // empty: resolution works
        // A run of Profiles Sync, by whoever has the run slot.
        std::function<rt::awaitable<rt::outcome<void>>()> settle;
    };
    explicit space_erasures(parts from) : with_(std::move(from)) {}

    // Journals it; the work begins with the next work(). Failures: "erase.nobody", "erase.too_many" (never), the store's.
    rt::awaitable<rt::outcome<profiles::erasure>> ask(erase_request what);
    // Newest first.
    rt::awaitable<rt::outcome<std::vector<profiles::erasure>>> all();
    // Identifiers only. How many names the space suppresses afterwards.
    rt::awaitable<rt::outcome<std::size_t>> suppress(std::vector<core::person_key> people, bool lift);

    // What an erasure would remove. In the run slot.
    rt::awaitable<rt::outcome<profiles::erasure>> count(erase_request what);
    // Carries on whatever is open. In the run slot. Failures stand in the receipts.
    rt::awaitable<void> work();
    // Finds out what is open; once, before work().
    rt::awaitable<void> load();

    // Something can be done now.
    bool due() const;
    // Something is open that no work() of this process has tried.
    bool fresh() const noexcept { return untried_; }
    std::size_t open() const noexcept { return open_; }
    const std::string& error() const noexcept { return error_; }  // of the first that is open
    std::uint64_t dropped_calls() const noexcept { return with_.suppressed->dropped(); }

private:
    rt::awaitable<rt::outcome<profiles::erasure_work>> whom_of(const profiles::erasure& receipt);
    rt::awaitable<rt::outcome<void>> cut(profiles::erasure& receipt);
    rt::awaitable<rt::outcome<void>> wait_for_resolution(std::uint64_t barrier);
    rt::awaitable<rt::outcome<void>> write_cut(profiles::erasure& receipt, profiles::erasure_work& whom);
    rt::awaitable<rt::outcome<void>> carry_on(profiles::erasure& receipt);
    rt::awaitable<rt::outcome<void>> one(profiles::erasure& receipt);
    rt::awaitable<void> compact();
    profiles::erasure_needs needs();
    profiles::erasure fresh(const erase_request& what);
    void recount(const std::vector<profiles::erasure>& all);
    profiles::erasure_book book() const { return {with_.with.store, with_.number}; }

    parts with_;
    std::size_t open_ = 0;
    bool untried_ = false;
    bool tried_ = false;  // by this process
    std::int64_t next_vacuum_us_ = 0;  // 0: none waits
    std::string error_{};
};

}  // namespace lakeferry::daemon
