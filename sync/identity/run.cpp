#include "sync/identity/run.hpp"

#include "sync/identity/story.hpp"

#include <algorithm>
#include <vector>

namespace lakeferry::identity {

resolution_run::resolution_run(store::store& in, const rules& by, const resolver_settings& settings, table_set& tables,
                               store::batch& changes, const progress& before, std::int64_t now_us)
    : rules_(by),
      settings_(settings),
      tables_(tables),
      changes_(changes),
      graph_(in, settings.space),
      rows_(tables, settings.sources, settings.space_id, settings.materialized, before.seq, now_us),
      observer_(by, settings.space, before.observed),
      now_us_(now_us)
{
}

// The first accepted call with an id wins, for as long as ids are remembered (in receive time).
bool resolution_run::duplicate(const prepared_call& call)
{
    if (call.generated_id) return false;
    const auto inside = [&](std::int64_t first_us) { return call.received_us - first_us <= rules_.dedupe_us(); };
    const auto here = seen_.find(call.message);
    if (here != seen_.end() ? inside(here->second) : call.seen && inside(call.seen->received_us)) return true;
    seen_.insert_or_assign(call.message, call.received_us);
    return false;
}

rt::outcome<void> resolution_run::take(const prepared_chunk& chunk)
{
    if (chunk.failure) return *chunk.failure;
    graph_.offer(chunk.found);
    for (const auto& call : chunk.calls) {
        if (!call.readable) {
            ++result_.unreadable;
            continue;
        }
        if (!call.refill.empty()) {
            refill({.chunk = chunk, .call = call});
            if (graph_.failure()) return *graph_.failure();
            if (tables_.failure()) return *tables_.failure();
            continue;
        }
        if (duplicate(call)) {
            ++result_.duplicates;
            continue;
        }
        ++result_.by_type.at(static_cast<std::size_t>(call.type));
        resolve({.chunk = chunk, .call = call});
        if (graph_.failure()) return *graph_.failure();
        if (tables_.failure()) return *tables_.failure();
    }
    return rt::outcome<void>();
}

void resolution_run::resolve(const event_view& event)
{
    const auto& call = event.call;
    identifiers_.clear();
    for (auto i = call.identifiers.first; i < call.identifiers.last; ++i) {
        const auto& found = event.chunk.identifiers[i];
        identifiers_.push_back(
            {.type = event.text(found.type), .value = event.text(found.value), .digest = found.digest});
    }
    const event_facts facts{.space_id = settings_.space_id,
                            .message_id = event.text(call.message_id),
                            .source = call.source,
                            .type = call.type,
                            .order = call.order,
                            .timestamp_us = call.timestamp_us,
                            .received_us = call.received_us};
    const auto done = decide(graph_, rules_, facts, identifiers_);
    if (graph_.failure()) return;
    count(done);
    if (!done.to || !done.refused.empty() || !call.blocked.empty()) observe(event, facts, done);
    if (done.to) {
        if (done.created || !done.merged.empty() || !done.attached.empty())
            rows_.graph_rows(event, done, graph_.get(*done.to));
        if (!done.merged.empty())
            write_story(changes_, settings_.space, done, facts, rows_.graph_seq());
        resolve_traits(event, done);
    }
    rows_.event_rows(event, done.to);
}

// The call has had its effects long ago: it only gives its row back to a table. Which profile it was then nobody knows any
// more; its profile of today takes the place.
void resolution_run::refill(const event_view& event)
{
    const auto& call = event.call;
    if (call.generated_id) {
        ++result_.notes["refill_without_id"];  // its id cannot be found in the table, so nobody knows whether it is there
        return;
    }
    const prepared_identifier* best = nullptr;
    std::optional<profile_id> of;
    for (auto i = call.identifiers.first; i < call.identifiers.last; ++i) {
        const auto& one = event.chunk.identifiers[i];
        if (best != nullptr && !rules_.before(event.text(one.type), event.text(best->type))) continue;
        const auto holder = graph_.holder(one.digest);
        if (graph_.failure()) return;
        if (!holder) continue;
        best = &one;
        of = holder;
    }
    ++result_.notes[rows_.refill_row(event, of, call.refill) ? "refilled" : "refill_passed_over"];
}

void resolution_run::count(const decision& done)
{
    result_.profiles_created += done.created ? 1 : 0;
    result_.profiles_merged += done.merged.size();
    result_.identifiers_added += done.attached.size();
}

void resolution_run::observe(const event_view& event, const event_facts& facts, const decision& done)
{
    blocked_.clear();
    for (auto i = event.call.blocked.first; i < event.call.blocked.last; ++i) {
        const auto& one = event.chunk.blocked[i];
        blocked_.emplace_back(event.text(one.type), event.text(one.value));
    }
    observer_.look(facts, done, blocked_);
}

std::vector<trait> resolution_run::writes_of(const event_view& event) const
{
    const auto& call = event.call;
    std::vector<trait> writes;
    for (auto i = call.traits.first; i < call.traits.last; ++i) {
        const auto& written = event.chunk.traits[i];
        trait made{.name = std::string(written.name),
                   .timestamp_us = call.timestamp_us,
                   .order = call.order,
                   .place = i - call.traits.first,
                   .received_us = call.received_us};
        for (auto c = written.cells.first; c < written.cells.last; ++c) {
            const auto& value = event.chunk.flat.values[c];
            const auto cell = core::at(event.chunk.text, value.range);
            made.cells.push_back({.column = std::string(value.column),
                                  .kind = cell.kind,
                                  .json = std::string(cell.json),
                                  .original = std::string(cell.original)});
        }
        writes.push_back(std::move(made));
    }
    return writes;
}

void resolution_run::resolve_traits(const event_view& event, const decision& done)
{
    auto writes = writes_of(event);
    if (writes.empty() && done.merged.empty()) return;
    if (done.merged.empty() && only_times_move(graph_.traits(*done.to), writes)) {
        auto& traits = graph_.change_traits(*done.to);
        for (auto& write : writes) apply(traits, std::move(write));
        return;
    }
    const auto before = graph_.traits(*done.to);
    const auto shown = visible(before);
    auto& traits = graph_.change_traits(*done.to);
    for (const auto& merged : done.merged) {
        rows_.gone_trait_rows(merged.id, visible(merged.traits), rows_.graph_seq());
        for (const auto& brought : merged.traits) apply(traits, brought);
    }
    for (auto& write : writes) apply(traits, std::move(write));
    const auto now = visible(traits);
    const auto changes = compare(shown, now);
    if (changes.any()) rows_.trait_rows(event, *done.to, now, changes);
}

// In key order, like the graph: the store inserts a sorted run much faster than a scattered one.
void resolution_run::write_seen()
{
    std::vector<std::pair<core::id128, std::int64_t>> sorted(seen_.begin(), seen_.end());
    std::sort(sorted.begin(), sorted.end());
    for (const auto& [message, received_us] : sorted)
        changes_.put(store::family::seen, store::seen_key(settings_.space, message),
                     store::encode_seen({.stored_us = now_us_, .received_us = received_us}));
}

resolve_result resolution_run::finish()
{
    write_seen();
    graph_.write_to(changes_);
    observer_.write_to(changes_);
    for (const auto& [name, count] : observer_.counts()) result_.notes[std::string(name)] += count;
    if (rows_.columns_refused() != 0) result_.notes["column_limit"] += rows_.columns_refused();
    return std::move(result_);
}

}  // namespace lakeferry::identity
