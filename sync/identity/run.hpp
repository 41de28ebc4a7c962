// The decisions of one step, call by call in processing order.
#pragma once

#include "sync/identity/observations.hpp"
#include "sync/identity/prepare.hpp"
#include "sync/identity/progress.hpp"
#include "sync/identity/resolver.hpp"
#include "sync/identity/writer.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace lakeferry::identity {

// Owner: one step. Rows go to the tables; stories into `changes` at once, message ids and the graph at finish().
class resolution_run {
public:
    resolution_run(store::store& in, const rules& by, const resolver_settings& settings, table_set& tables,
                   store::batch& changes, const progress& before, std::int64_t now_us);

    // Failures: of the store, "identity.damaged", "schema.damaged". Nothing of the step may be written then.
    rt::outcome<void> take(const prepared_chunk& chunk);
    std::uint64_t last_seq() const noexcept { return rows_.last_seq(); }
    std::uint64_t observed() const noexcept { return observer_.kept(); }
    resolve_result finish();
    std::vector<std::pair<core::id128, profile_id>> moved() const { return graph_.moved(); }

private:
    bool duplicate(const prepared_call& call);
    void resolve(const event_view& event);
    void refill(const event_view& event);
    void resolve_traits(const event_view& event, const decision& done);
    void count(const decision& done);
    void observe(const event_view& event, const event_facts& facts, const decision& done);
    void write_seen();
    std::vector<trait> writes_of(const event_view& event) const;

    const rules& rules_;
    const resolver_settings& settings_;
    table_set& tables_;
    store::batch& changes_;
    graph graph_;
    row_maker rows_;
    observer observer_;
    std::int64_t now_us_;
    std::unordered_map<core::id128, std::int64_t, id_hash> seen_{};  // in this step: received
    std::vector<event_identifier> identifiers_{};                    // of the call in hand
    std::vector<std::pair<std::string_view, std::string_view>> blocked_{};  // of the call in hand
    resolve_result result_{};
};

}  // namespace lakeferry::identity
