#include "sync/identity/graph.hpp"

#include <algorithm>
#include <vector>

namespace lakeferry::identity {

void graph::fail(rt::failure f)
{
    if (!failure_) failure_ = std::move(f);
}

void graph::offer(read_ahead found)
{
    // What the step has changed meanwhile is newer and stays.
    for (auto& [identifier, to] : found.holders) holders_.try_emplace(identifier, holder_entry{.to = to});
    for (auto& [id, raw] : found.profiles) profiles_.try_emplace(id, profile_entry{.raw = std::move(raw)});
    for (auto& [id, raw] : found.traits) traits_.try_emplace(id, traits_entry{.raw = std::move(raw)});
}

std::optional<std::string> graph::read(char kind, const core::id128& id)
{
    auto got = in_.get(store::family::identity, identity_key(space_, kind, id));
    if (got.has_value()) return std::move(*got);
    fail(got.error());
    return std::nullopt;
}

std::optional<profile_id> graph::holder(const core::id128& identifier)
{
    if (const auto found = holders_.find(identifier); found != holders_.end()) return found->second.to;
    holder_entry entry;
    if (const auto raw = read('i', identifier)) {
        entry.to = id_from(*raw);
        if (!entry.to) fail({.id = "identity.damaged", .detail = "a stored identifier is not whole"});
    }
    return holders_.emplace(identifier, entry).first->second.to;
}

void graph::set_holder(const core::id128& identifier, const profile_id& to)
{
    holders_.insert_or_assign(identifier, holder_entry{.to = to, .changed = true});
}

graph::profile_entry& graph::entry(const profile_id& id)
{
    if (const auto found = profiles_.find(id); found != profiles_.end()) return found->second;
    return profiles_.emplace(id, profile_entry{.raw = read('p', id)}).first->second;
}

bool graph::exists(const profile_id& id)
{
    const auto& found = entry(id);
    return found.raw.has_value() || found.value.has_value();
}

graph::profile_entry& graph::decoded(const profile_id& id)
{
    auto& found = entry(id);
    if (found.value) return found;
    if (!found.raw) {
        fail({.id = "identity.damaged", .detail = "an identifier leads to a profile that is not stored: " + segment_id(id)});
        found.value.emplace();
        return found;
    }
    auto read = decode_profile(id, *found.raw);
    if (read.has_error()) fail(read.error());
    found.value = read.has_value() ? std::move(*read) : profile{};
    found.raw.reset();
    return found;
}

const profile& graph::get(const profile_id& id) { return *decoded(id).value; }

profile& graph::change(const profile_id& id)
{
    auto& found = decoded(id);
    found.changed = true;
    return *found.value;
}

profile& graph::create(profile made)
{
    const profile_id id = made.id;
    auto& entry = profiles_[id];
    entry = {.value = std::move(made), .changed = true};
    traits_.insert_or_assign(id, traits_entry{.value = std::vector<trait>()});
    return *entry.value;
}

graph::traits_entry& graph::decoded_traits(const profile_id& id)
{
    auto found = traits_.find(id);
    if (found == traits_.end()) found = traits_.emplace(id, traits_entry{.raw = read('t', id)}).first;
    auto& entry = found->second;
    if (entry.value) return entry;
    entry.value.emplace();
    if (!entry.raw) return entry;
    auto read = decode_traits(*entry.raw);
    if (read.has_error())
        fail(read.error());
    else
        entry.value = std::move(*read);
    entry.raw.reset();
    return entry;
}

const std::vector<trait>& graph::traits(const profile_id& id) { return *decoded_traits(id).value; }

std::vector<trait>& graph::change_traits(const profile_id& id)
{
    auto& entry = decoded_traits(id);
    entry.changed = true;
    return *entry.value;
}

namespace {

// The changed entries of a map in key order, which the store inserts much faster.
template <class Map>
std::vector<const typename Map::value_type*> changed_in_order(const Map& all)
{
    std::vector<const typename Map::value_type*> out;
    for (const auto& one : all)
        if (one.second.changed) out.push_back(&one);
    std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
    return out;
}

}  // namespace

std::vector<std::pair<core::id128, profile_id>> graph::moved() const
{
    std::vector<std::pair<core::id128, profile_id>> out;
    for (const auto& [identifier, holder] : holders_)
        if (holder.changed && holder.to) out.emplace_back(identifier, *holder.to);
    return out;
}

void graph::write_to(store::batch& changes) const
{
    for (const auto* holder : changed_in_order(holders_))
        if (holder->second.to)
            changes.put(store::family::identity, identity_key(space_, 'i', holder->first), id_bytes(*holder->second.to));
    for (const auto* profile : changed_in_order(profiles_))
        changes.put(store::family::identity, identity_key(space_, 'p', profile->first),
                    encode_profile(*profile->second.value));
    for (const auto* traits : changed_in_order(traits_)) {
        const std::string key = identity_key(space_, 't', traits->first);
        if (traits->second.value->empty())
            changes.remove(store::family::identity, key);
        else
            changes.put(store::family::identity, key, encode_traits(*traits->second.value));
    }
}

}  // namespace lakeferry::identity
