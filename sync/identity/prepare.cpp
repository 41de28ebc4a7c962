#include "sync/identity/prepare.hpp"

#include "sync/core/ids.hpp"
#include "sync/core/names.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <unordered_map>

namespace lakeferry::identity {

namespace {

slice append(std::string& to, std::string_view text)
{
    const slice s{static_cast<std::uint32_t>(to.size()), static_cast<std::uint32_t>(text.size())};
    to += text;
    return s;
}

template <class T>
std::uint32_t size32(const std::vector<T>& v) noexcept
{
    return static_cast<std::uint32_t>(v.size());
}

template <class Id>
void sort_unique(std::vector<Id>& ids)
{
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace

preparer::preparer(store::store& in, std::uint32_t space, std::string space_id, std::shared_ptr<const rules> by,
                   holder_cache* cache)
    : in_(in), space_(space), space_id_(std::move(space_id)), rules_(std::move(by)), cache_(cache)
{
}

preparer::~preparer() = default;

void preparer::read_envelope(const waiting_block& block)
{
    if (envelope_of_ == &block) return;
    envelope_of_ = &block;
    envelope_ = {};
    if (block.block.envelope.empty()) return;
    const auto parsed = envelope_reader_.parse(block.block.envelope);
    if (parsed.has_value()) envelope_ = core::read_envelope((*parsed)->if_object());
}

prepared_chunk preparer::prepare(std::span<const call_ref> calls)
{
    prepared_chunk chunk;
    std::size_t bytes = 0;
    for (const auto& ref : calls) bytes += ref.block->block.calls[ref.index].text.size();
    chunk.text.reserve(bytes + bytes / 2);
    chunk.flat.values.reserve(calls.size() * 24);
    chunk.calls.reserve(calls.size());
    envelope_of_ = nullptr;  // blocks come and go: the address of an earlier one proves nothing
    for (const auto& ref : calls) read(ref, chunk);
    look_up_seen(chunk);
    look_up_graph(chunk);
    return chunk;
}

void preparer::read(const call_ref& from, prepared_chunk& chunk)
{
    const waiting_block& block = *from.block;
    read_envelope(block);
    auto& to = chunk.calls.emplace_back();
    const auto& stored = block.block.calls[from.index];
    to.order = block.first_order + from.index;
    to.refill = block.block.refill;
    if (stored.source < block.block.sources.size()) to.source = block.block.sources[stored.source];
    const auto parsed = reader_.parse(stored.text);
    const auto* object = parsed.has_value() ? (*parsed)->if_object() : nullptr;
    if (object == nullptr) return;
    // What was accepted stays accepted, whatever the limits are now.
    core::call_options options{.received_us = stored.received_us, .keys_max = std::numeric_limits<std::size_t>::max()};
    if (!block.block.type.empty()) options.type = core::call_type_of(block.block.type);
    auto read = core::read_call(*object, envelope_, options);
    if (const auto* call = std::get_if<core::call>(&read)) fill(*call, stored.text, to, chunk);
}

// Derived from the call, its time and its place, which no restart and no cutting into batches changes. The place alone would
// do within one state directory, but another daemon that fills the same tables counts from the start, too.
std::string preparer::made_up_id(std::string_view stored, const prepared_call& of) const
{
    return core::derived_id("lf_", {space_id_, std::to_string(of.order), std::to_string(of.received_us), stored});
}

void preparer::fill(const core::call& call, std::string_view stored, prepared_call& to, prepared_chunk& chunk)
{
    auto& text = chunk.text;
    to.readable = true;
    to.type = call.type;
    to.received_us = call.received_us;
    to.sent_us = call.sent_us;
    to.original_us = call.original_us;
    to.timestamp_us = call.timestamp_us;
    to.generated_id = !call.message_id.has_value();
    to.message_id = append(text, call.message_id ? *call.message_id : made_up_id(stored, to));
    to.message = core::digest128({chunk.view(to.message_id)});
    to.user_id = append(text, call.user_id.view());
    to.anonymous_id = append(text, call.anonymous_id.view());
    to.previous_id = append(text, call.previous_id.view());
    to.group_id = append(text, call.group_id.view());
    to.event = append(text, call.event);
    if (call.type == core::call_type::track) to.table = append(text, core::event_table_name(call.event));
    if (call.name) to.name = append(text, *call.name);
    if (call.category) to.category = append(text, *call.category);

    auto found = find_identifiers(call, *rules_);
    to.blocked.first = size32(chunk.blocked);
    for (const auto& one : found.blocked) chunk.blocked.push_back({append(text, one.type), append(text, one.value)});
    to.blocked.last = size32(chunk.blocked);
    to.identifiers.first = size32(chunk.identifiers);
    for (const auto& identifier : found.left) {
        chunk.identifiers.push_back({append(text, identifier.type), append(text, identifier.value),
                                     identifier_digest(identifier.type, identifier.value)});
    }
    to.identifiers.last = size32(chunk.identifiers);

    const bool has_traits = call.type == core::call_type::identify || call.type == core::call_type::group;
    const auto* fields = has_traits ? call.traits : call.properties;
    to.fields.first = size32(chunk.flat.values);
    if (fields != nullptr) names_.flatten(*fields, text, chunk.flat);
    to.fields.last = size32(chunk.flat.values);
    to.context.first = to.fields.last;
    names_.flatten_context(call.context, text, chunk.flat);
    to.context.last = size32(chunk.flat.values);
    to.traits.first = to.traits.last = size32(chunk.traits);
    if (call.type == core::call_type::identify && call.traits != nullptr) fill_traits(*call.traits, to, chunk);
}

void preparer::fill_traits(const boost::json::object& from, prepared_call& to, prepared_chunk& chunk)
{
    auto at = size32(chunk.flat.values);
    names_.flatten_all(from, chunk.text, chunk.flat);
    std::uint32_t root = 0;
    for (const auto& member : from) {
        prepared_trait written{.name = names_.name_of({member.key().data(), member.key().size()}, chunk.flat)};
        written.cells.first = at;
        while (at < chunk.flat.values.size() && chunk.flat.values[at].root == root) ++at;
        written.cells.last = at;
        chunk.traits.push_back(written);
        ++root;
    }
    to.traits.last = size32(chunk.traits);
}

void preparer::look_up_seen(prepared_chunk& chunk)
{
    std::vector<std::string> keys;
    std::vector<prepared_call*> askers;
    for (auto& call : chunk.calls) {
        if (!call.readable || call.generated_id) continue;
        keys.push_back(store::seen_key(space_, call.message));
        askers.push_back(&call);
    }
    auto got = in_.multi_get(store::family::seen, keys);
    if (got.has_error()) {
        chunk.failure = got.error();
        return;
    }
    for (std::size_t i = 0; i < askers.size(); ++i) {
        if ((*got)[i]) askers[i]->seen = store::decode_seen(*(*got)[i]);
    }
}

// What the cache does not know is asked of the store, and remembered.
rt::outcome<holder_map> preparer::look_up_holders(const prepared_chunk& chunk)
{
    holder_map found;
    std::vector<core::id128> wanted;
    for (const auto& identifier : chunk.identifiers) wanted.push_back(identifier.digest);
    sort_unique(wanted);
    found.reserve(wanted.size());
    if (cache_ != nullptr) {
        const auto known = cache_->find(space_, wanted);
        std::size_t kept = 0;
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (known[i])
                found.emplace(wanted[i], *known[i]);
            else
                wanted[kept++] = wanted[i];
        }
        wanted.resize(kept);
    }
    std::vector<std::string> keys;
    keys.reserve(wanted.size());
    for (const auto& id : wanted) keys.push_back(identity_key(space_, 'i', id));
    const auto read = in_.multi_get(store::family::identity, keys);
    if (read.has_error()) return read.error();
    std::vector<holder_cache::entry> news;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        std::optional<profile_id> to;
        if ((*read)[i]) {
            to = id_from(*(*read)[i]);
            if (!to) return rt::failure{.id = "identity.damaged", .detail = "a stored identifier is not whole"};
        }
        found.emplace(wanted[i], to);
        if (to) news.emplace_back(wanted[i], *to);
    }
    if (cache_ != nullptr) cache_->put(space_, news);
    return found;
}

void preparer::look_up_graph(prepared_chunk& chunk)
{
    if (chunk.failure) return;
    auto holders = look_up_holders(chunk);
    if (holders.has_error()) {
        chunk.failure = holders.error();
        return;
    }
    chunk.found.holders = std::move(*holders);
    const auto look_up = [&](char kind, const std::vector<core::id128>& ids) {
        std::vector<std::string> keys;
        keys.reserve(ids.size());
        for (const auto& id : ids) keys.push_back(identity_key(space_, kind, id));
        return in_.multi_get(store::family::identity, keys);
    };
    // A profile's own record is needed where a call brings something new or touches two profiles.
    std::vector<profile_id> profiles;
    std::vector<profile_id> traits;
    for (const auto& call : chunk.calls) {
        std::vector<profile_id> matched;
        bool something_new = false;
        for (auto i = call.identifiers.first; i < call.identifiers.last; ++i) {
            const auto& to = chunk.found.holders.find(chunk.identifiers[i].digest)->second;
            something_new = something_new || !to;
            if (to && std::find(matched.begin(), matched.end(), *to) == matched.end()) matched.push_back(*to);
        }
        if (something_new || matched.size() > 1) profiles.insert(profiles.end(), matched.begin(), matched.end());
        if (!call.traits.empty() || matched.size() > 1) traits.insert(traits.end(), matched.begin(), matched.end());
    }
    sort_unique(profiles);
    sort_unique(traits);
    auto profile_records = look_up('p', profiles);
    auto trait_records = look_up('t', traits);
    if (profile_records.has_error() || trait_records.has_error()) {
        chunk.failure = profile_records.has_error() ? profile_records.error() : trait_records.error();
        return;
    }
    for (std::size_t i = 0; i < profiles.size(); ++i)
        chunk.found.profiles.emplace_back(profiles[i], std::move((*profile_records)[i]));
    for (std::size_t i = 0; i < traits.size(); ++i)
        chunk.found.traits.emplace_back(traits[i], std::move((*trait_records)[i]));
}

}  // namespace lakeferry::identity
