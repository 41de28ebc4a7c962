#include "sync/identity/decide.hpp"

#include <algorithm>
#include <map>

namespace lakeferry::identity {

namespace {

struct type_count {
    std::size_t total = 0;    // values of the type in the union
    std::size_t counted = 0;  // of these, inside the window
    std::size_t most = 0;     // that one of the matched profiles holds already
};

// The remaining identifiers of the call and whom they match.
class matching {
public:
    matching(graph& in, const rules& by, const event_facts& event, std::span<const event_identifier> identifiers)
        : in_(in), by_(by), event_(event), left_(identifiers)
    {
        holders_.reserve(left_.size());
        for (const auto& identifier : left_) holders_.push_back(in_.holder(identifier.digest));
        collect();
    }

    std::span<const event_identifier> left() const noexcept { return left_; }
    const std::optional<profile_id>& holder(std::size_t i) const { return holders_[i]; }
    const std::vector<profile_id>& matched() const noexcept { return matched_; }

    // Nothing to decide: one profile holds everything.
    bool settled() const
    {
        return matched_.size() == 1 &&
               std::all_of(holders_.begin(), holders_.end(), [](const auto& h) { return h.has_value(); });
    }

    void drop_last()
    {
        left_ = left_.first(left_.size() - 1);
        holders_.pop_back();
        collect();
    }

    // The first type by name whose limit the union breaks.
    std::optional<std::string_view> broken_limit()
    {
        std::map<std::string_view, type_count> types;
        for (const auto& id : matched_) add_profile(in_.get(id), types);
        for (std::size_t i = 0; i < left_.size(); ++i) {
            if (holders_[i]) continue;
            auto& count = types[left_[i].type];
            ++count.total;
            ++count.counted;
        }
        for (const auto& [type, count] : types) {
            const unsigned limit = by_.limit(type);
            if (limit != 0 && count.counted > limit && count.total > count.most) return type;
        }
        return std::nullopt;
    }

private:
    void collect()
    {
        matched_.clear();
        for (const auto& holder : holders_) {
            if (holder && std::find(matched_.begin(), matched_.end(), *holder) == matched_.end())
                matched_.push_back(*holder);
        }
    }

    void add_profile(const profile& p, std::map<std::string_view, type_count>& types) const
    {
        std::map<std::string_view, std::size_t> own;
        for (const auto& held : p.identifiers) {
            auto& count = types[held.type];
            ++count.total;
            const auto window = by_.window_us(held.type);
            if (!window || held.first_us > event_.timestamp_us - *window) ++count.counted;
            count.most = std::max(count.most, ++own[held.type]);
        }
    }

    graph& in_;
    const rules& by_;
    const event_facts& event_;
    std::span<const event_identifier> left_;
    std::vector<std::optional<profile_id>> holders_{};
    std::vector<profile_id> matched_{};
};

// Ids are never reused, not even if a message id comes again after it was forgotten.
profile_id new_profile_id(graph& in, const event_facts& event)
{
    profile_id id = core::digest128({event.space_id, event.message_id});
    for (unsigned again = 2; in.exists(id) && !in.failure(); ++again)
        id = core::digest128({event.space_id, event.message_id, std::to_string(again)});
    return id;
}

// The names of the caps that a merge would break; the first counts.
bool too_many(graph& in, const rules& by, const std::vector<profile_id>& matched, decision& done)
{
    std::size_t ids = 0;
    std::size_t identifiers = 0;
    for (const auto& id : matched) {
        ids += in.get(id).members.size() + 1;
        identifiers += in.get(id).identifiers.size();
    }
    if (ids - 1 > by.merges_max()) {
        done.refused.push_back({.kind = refusal_kind::merge_limit, .profiles = matched});
        return true;
    }
    if (identifiers > by.identifiers_max()) {
        done.refused.push_back({.kind = refusal_kind::mapping_limit, .profiles = matched});
        return true;
    }
    return false;
}

merged_profile merge_into(graph& in, const profile_id& survivor, const profile_id& away)
{
    merged_profile merged{.id = away};
    auto& from = in.change(away);
    merged.repointed.push_back(away);
    merged.repointed.insert(merged.repointed.end(), from.members.begin(), from.members.end());
    merged.identifiers = std::move(from.identifiers);
    for (auto& held : merged.identifiers)
        if (!held.origin) held.origin = away;
    merged.traits = std::move(in.change_traits(away));
    in.change_traits(away).clear();
    from.identifiers.clear();
    from.members.clear();
    from.merged_into = survivor;
    auto& to = in.change(survivor);
    to.members.insert(to.members.end(), merged.repointed.begin(), merged.repointed.end());
    for (const auto& held : merged.identifiers) {
        in.set_holder(identifier_digest(held.type, held.value), survivor);
        to.identifiers.push_back(held);
    }
    return merged;
}

// The oldest survives.
profile_id merge(graph& in, const matching& match, decision& done)
{
    auto order = match.matched();
    std::sort(order.begin(), order.end(),
              [&](const auto& a, const auto& b) { return in.get(a).created < in.get(b).created; });
    for (std::size_t i = 0; i < match.left().size(); ++i) {
        if (match.holder(i)) done.met.emplace_back(match.left()[i], *match.holder(i));
    }
    for (std::size_t i = 1; i < order.size(); ++i) done.merged.push_back(merge_into(in, order.front(), order[i]));
    return order.front();
}

profile_id create(graph& in, const event_facts& event)
{
    profile made;
    made.id = new_profile_id(in, event);
    made.created = event.order;
    made.created_us = event.timestamp_us;
    made.created_received_us = event.received_us;
    made.created_by = std::string(event.message_id);
    made.created_type = event.type;
    made.created_source = std::string(event.source);
    return in.create(std::move(made)).id;
}

void attach(graph& in, const rules& by, const event_facts& event, const matching& match, decision& done)
{
    for (std::size_t i = 0; i < match.left().size(); ++i) {
        if (match.holder(i)) continue;
        if (in.get(*done.to).identifiers.size() >= by.identifiers_max()) {
            done.refused.push_back({.kind = refusal_kind::mapping_limit,
                                    .identifier = match.left()[i],
                                    .profiles = {*done.to}});
            continue;
        }
        const auto& identifier = match.left()[i];
        held_identifier held{.type = std::string(identifier.type),
                             .value = std::string(identifier.value),
                             .first_us = event.timestamp_us,
                             .received_us = event.received_us,
                             .message_id = std::string(event.message_id),
                             .call = event.type,
                             .source = std::string(event.source),
                             .order = event.order};
        done.attached.push_back(held);
        in.change(*done.to).identifiers.push_back(std::move(held));
        in.set_holder(identifier.digest, *done.to);
    }
}

}  // namespace

decision decide(graph& in, const rules& by, const event_facts& event, std::span<const event_identifier> identifiers)
{
    decision done;
    if (identifiers.empty()) return done;
    matching match(in, by, event, identifiers);
    if (match.settled()) {
        done.to = match.matched().front();
        return done;
    }
    while (match.left().size() > 1) {
        const auto type = match.broken_limit();
        if (!type) break;
        done.refused.push_back({.kind = by.window_us(*type) ? refusal_kind::time_limit_exceeded : refusal_kind::limit_exceeded,
                                .identifier = match.left().back(),
                                .type = std::string(*type),
                                .profiles = match.matched()});
        match.drop_last();
    }
    if (match.matched().empty()) {
        done.to = create(in, event);
        done.created = true;
    } else if (match.matched().size() == 1) {
        done.to = match.matched().front();
    } else if (too_many(in, by, match.matched(), done)) {
        for (std::size_t i = 0; i < match.left().size() && !done.to; ++i) done.to = match.holder(i);
    } else {
        done.to = merge(in, match, done);
    }
    attach(in, by, event, match, done);
    return done;
}

}  // namespace lakeferry::identity
