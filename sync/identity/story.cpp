#include "sync/identity/story.hpp"

#include "sync/core/json.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/timestamps.hpp"

namespace lakeferry::identity {

namespace {

void member(std::string& to, std::string_view name, std::string_view value)
{
    if (to.back() != '{') to += ',';
    core::append_quoted(to, name);
    to += ':';
    core::append_quoted(to, value);
}

std::string text_of(const decision& done, const event_facts& event, std::uint64_t seq)
{
    std::string text = "{\"seq\":" + std::to_string(seq) + ",\"order\":" + std::to_string(event.order) + ",\"event\":{";
    member(text, "id", event.message_id);
    member(text, "type", core::to_string(event.type));
    member(text, "timestamp", core::format_timestamp(event.timestamp_us));
    member(text, "received_at", core::format_timestamp(event.received_us));
    member(text, "source", event.source);
    text += "},\"merged\":[";
    for (const auto& merged : done.merged) {
        if (text.back() != '[') text += ',';
        core::append_quoted(text, segment_id(merged.id));
    }
    text += "],\"met\":[";
    for (const auto& [identifier, profile] : done.met) {
        text += text.back() == '[' ? "{" : ",{";
        member(text, "type", identifier.type);
        member(text, "value", identifier.value);
        member(text, "segment_id", segment_id(profile));
        text += '}';
    }
    return text + "]}";
}

}  // namespace

void write_story(store::batch& to, std::uint32_t space, const decision& done, const event_facts& event,
                 std::uint64_t seq)
{
    std::string key = identity_key(space, 'm', *done.to);
    core::append_be64(key, seq);
    to.put(store::family::identity, key, text_of(done, event, seq));
}

rt::outcome<std::vector<std::string>> read_stories(store::store& in, std::uint32_t space, const profile_id& of)
{
    std::vector<std::string> stories;
    const std::string from = identity_key(space, 'm', of);
    const auto visit = [&](std::string_view, std::string_view value) {
        stories.emplace_back(value);
        return true;
    };
    if (auto read = in.scan(store::family::identity, from, core::prefix_end(from), visit); read.has_error())
        return read.error();
    return stories;
}

}  // namespace lakeferry::identity
