#include "sync/intake/suppression.hpp"

#include "sync/core/event_block.hpp"
#include "sync/core/json.hpp"
#include "sync/core/json_tokens.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/space_state.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace lakeferry::intake {

namespace {

std::string key_of(std::uint32_t space, const core::id128& digest)
{
    std::string key = core::space_meta_key(space, "suppressed/");
    for (const auto byte : digest) key.push_back(static_cast<char>(byte));
    return key;
}

std::vector<core::id128> sorted(std::span<const core::id128> some)
{
    std::vector<core::id128> out(some.begin(), some.end());
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// True if the kept text of a refused call, which may be cut or no JSON at all, names one of the people.
bool names_one(std::string_view text, const core::quoted_set& tokens, const core::people& who)
{
    if (core::has_token(text, tokens)) return true;
    // Numbers, and texts that were cut: as bytes. Short values would be everywhere.
    constexpr std::size_t telling = 6;
    return std::any_of(who.identifiers.begin(), who.identifiers.end(), [&](const core::person_key& one) {
        return one.value.size() >= telling && text.find(one.value) != std::string_view::npos;
    });
}

}  // namespace

core::id128 suppression_digest(const core::person_key& who)
{
    return core::digest128({"suppressed", who.type, who.value});
}

bool suppression_list::contains(const core::id128& digest) const
{
    const auto all = all_.load();
    return all && std::binary_search(all->begin(), all->end(), digest);
}

void suppression_list::set(std::shared_ptr<const digests> next)
{
    size_.store(next->size());
    all_.store(std::move(next));
}

void suppression_list::add(std::span<const core::id128> more)
{
    const auto before = all_.load();
    const auto fresh = sorted(more);
    auto next = std::make_shared<digests>();
    if (before) std::set_union(before->begin(), before->end(), fresh.begin(), fresh.end(), std::back_inserter(*next));
    else *next = fresh;
    set(std::move(next));
}

void suppression_list::remove(std::span<const core::id128> some)
{
    const auto before = all_.load();
    if (!before) return;
    const auto gone = sorted(some);
    auto next = std::make_shared<digests>();
    std::set_difference(before->begin(), before->end(), gone.begin(), gone.end(), std::back_inserter(*next));
    set(std::move(next));
}

bool suppression::drops(const core::call& call) const
{
    if (list_->empty()) return false;
    const auto deciding = by_(call);
    const bool one = std::any_of(deciding.begin(), deciding.end(), [&](const core::person_key& key) {
        return list_->contains(suppression_digest(key));
    });
    if (one) list_->count();
    return one;
}

rt::outcome<std::vector<core::id128>> read_suppressed(store::store& in, std::uint32_t space)
{
    std::vector<core::id128> out;
    const std::string from = core::space_meta_key(space, "suppressed/");
    auto scanned = in.scan(store::family::meta, from, core::prefix_end(from),
                           [&](std::string_view key, std::string_view) {
                               core::id128 digest{};
                               if (key.size() != from.size() + digest.size()) return true;
                               std::memcpy(digest.data(), key.data() + from.size(), digest.size());
                               out.push_back(digest);
                               return true;
                           });
    if (scanned.has_error()) return scanned.error();
    return out;
}

void write_suppressed(store::batch& to, std::uint32_t space, std::span<const core::id128> digests)
{
    for (const auto& one : digests) to.put(store::family::meta, key_of(space, one), "");
}

void lift_suppressed(store::batch& to, std::uint32_t space, std::span<const core::id128> digests)
{
    for (const auto& one : digests) to.remove(store::family::meta, key_of(space, one));
}

rt::outcome<std::uint64_t> drop_queued(store::store& in, std::uint32_t space, const suppression& who,
                                       store::batch& changes)
{
    std::uint64_t dropped = 0;
    std::optional<rt::failure> damaged;
    core::json_reader envelope_reader;
    core::json_reader reader;
    const auto is_theirs = [&](const core::event_block& block, const core::accepted_call& call) {
        const auto parsed = reader.parse(call.text);
        if (parsed.has_error() || !(*parsed)->is_object()) return false;
        core::call_envelope envelope;
        if (!block.envelope.empty()) {
            const auto read = envelope_reader.parse(block.envelope);
            if (read.has_value() && (*read)->is_object()) envelope = core::read_envelope(&(*read)->get_object());
        }
        core::call_options options{.type = core::call_type_of(block.type), .received_us = call.received_us};
        options.keys_max = std::size_t{1} << 20U;  // it passed this check when it was accepted
        const auto found = core::read_call((*parsed)->get_object(), envelope, options);
        const auto* whole = std::get_if<core::call>(&found);
        return whole != nullptr && who.drops(*whole);
    };
    auto scanned = in.scan(store::family::events, core::key32(space), core::key32(space + 1),
                           [&](std::string_view key, std::string_view value) {
                               auto block = core::decode_event_block(value);
                               if (block.has_error()) {
                                   damaged = block.error();
                                   return false;
                               }
                               const auto before = block->calls.size();
                               std::erase_if(block->calls, [&](const auto& call) { return is_theirs(*block, call); });
                               if (block->calls.size() == before) return true;
                               dropped += before - block->calls.size();
                               // An empty block keeps its place: arrival numbers have no gaps to explain.
                               changes.put(store::family::events, key, core::encode_event_block(*block));
                               return true;
                           });
    if (scanned.has_error()) return scanned.error();
    if (damaged) return *damaged;
    return dropped;
}

rt::outcome<std::uint64_t> erase_refusals(store::store& in, std::uint32_t space, const core::people& who,
                                          store::batch& changes)
{
    core::quoted_set tokens;
    for (const auto& one : who.identifiers) {
        std::string quoted;
        core::append_quoted(quoted, one.value);
        tokens.insert(std::move(quoted));
    }
    std::uint64_t removed = 0;
    core::json_reader reader;
    auto scanned = in.scan(store::family::refusals, core::key32(space), core::key32(space + 1),
                           [&](std::string_view key, std::string_view value) {
                               const auto parsed = reader.parse(value);
                               bool theirs = core::has_token(value, tokens);
                               if (!theirs && parsed.has_value() && (*parsed)->is_object()) {
                                   for (const auto& member : (*parsed)->get_object())
                                       if (const auto* text = member.value().if_string())
                                           theirs = theirs || names_one({text->data(), text->size()}, tokens, who);
                               }
                               if (!theirs) return true;
                               changes.remove(store::family::refusals, key);
                               ++removed;
                               return true;
                           });
    if (scanned.has_error()) return scanned.error();
    return removed;
}

}  // namespace lakeferry::intake
