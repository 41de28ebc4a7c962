// Who lands in a schema: one daemon at a time. The owner stands in the properties of _lakeferry_loads, where the REST
// API shows it without a statement and without waking a warehouse.
#pragma once

#include "net/rt/deadline.hpp"
#include "sync/databricks/catalog.hpp"
#include "sync/profiles/landing_sql.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/profiles/structure.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace lakeferry::profiles {

struct sync_parts;

// Nullopt: the table has no owner yet (it was made by a version that knew none).
std::optional<lease_holder> holder_from(const databricks::table_info& fence_table);
// Numbers of loads under a term are greater than this. With every take-over the term grows, and with it every load's
// number: the fence of "*" (every table) then stops whatever the earlier owner still has on its way.
std::uint64_t first_number(std::uint64_t term) noexcept;
// "space acme on host h1, state directory 3f2a…, since 2026-03-01T…"
std::string in_words(const lease_holder& holder);

// What identifies this daemon's state directory: made at the first call, which no other may
// overlap. Blocking: workers only.
rt::outcome<std::string> state_directory_id(store::store& in, std::uint64_t random);

// Of one space. Two daemons that take over in the same moment are told apart only at the next check.
class lease {
public:
    // All of them outlive this.
    lease(sync_parts& with, structure& shape, std::uint32_t space_number, std::string space, std::string warehouse_id);

    // One request, no statement: whose is the schema? Ours, nobody's, or (take) to be taken over; else a failure
    // "lease.held" (never).
    rt::awaitable<rt::outcome<void>> look(bool take, rt::deadline limit);
    // Makes it ours after look(): no statement if it is, one to claim a schema without owner, two to take one over, which
    // is noted as a succession.
    rt::awaitable<rt::outcome<void>> settle(statement_label label, rt::deadline limit);
    // look() and settle(), if it was long ago: a process that was stopped for hours looks before it sends the next
    // load.
    rt::awaitable<rt::outcome<void>> confirm(statement_label label, rt::deadline limit);
    // Whether the schema is ours or nobody's, for those who would otherwise take calls away from its owner. afresh: one
    // request, which changes nothing of what a run does meanwhile; else, and where the workspace does not answer, what
    // was found last. Failures: "lease.held" (never); while nothing was found yet "lease.unknown" (transient) or those
    // of the workspace.
    rt::awaitable<rt::outcome<void>> allowed(bool afresh, rt::deadline limit);
    // A load of a keyed table that says it changed nothing: was it stopped by a fence? moved: its own statement has moved
    // the fence to its number. Failure "lease.fenced" (never).
    rt::awaitable<rt::outcome<void>> not_fenced(const load& l, statement_label label, rt::deadline limit, bool moved = false);

    const lease_holder& self() const noexcept { return self_; }
    // Of the last look: there was a fence table, which names the owner.
    bool table_seen() const noexcept { return table_seen_; }
    // By settle(): unfinished loads of keyed tables are void, and new loads are numbered from here.
    std::optional<std::uint64_t> taken_from() const noexcept { return taken_from_; }
    std::uint64_t statements_sent() const noexcept { return sent_; }
    void reset_count() noexcept { sent_ = 0; }

private:
    rt::awaitable<rt::outcome<void>> know_self();
    rt::awaitable<rt::outcome<void>> say_whose_profiles(const lease_holder& before);
    void note_owner(const std::optional<lease_holder>& by);
    rt::awaitable<rt::outcome<void>> claim(std::uint64_t term, statement_label label, rt::deadline limit);
    rt::awaitable<rt::outcome<void>> fence_others(std::uint64_t term, statement_label label, rt::deadline limit);
    rt::awaitable<rt::outcome<databricks::statement_result>> send(std::string text, rt::deadline limit);

    sync_parts& with_;
    structure& shape_;
    std::uint32_t space_number_;
    std::string warehouse_id_;
    lease_holder self_{};
    std::optional<rt::time_point> checked_{};
    std::int64_t checked_us_ = 0;
    std::optional<std::uint64_t> taken_from_{};
    bool table_seen_ = false;
    std::uint64_t looks_ = 0;                   // how often the owner was noted
    std::optional<lease_holder> another_{};     // of the last look: it is not us
    bool to_claim_ = false;
    std::uint64_t term_ = 1;  // that we have, or are about to take
    std::uint64_t sent_ = 0;
};

}  // namespace lakeferry::profiles
