#include "sync/identity/profile_history.hpp"

#include "sync/core/json.hpp"
#include "sync/identity/observations.hpp"
#include "sync/identity/story.hpp"

#include <algorithm>

namespace lakeferry::identity {

namespace json = boost::json;

namespace {

std::optional<json::object> object_of(const std::string& text)
{
    boost::system::error_code error;
    auto value = json::parse(text, error);
    if (error || !value.is_object()) return std::nullopt;
    return std::move(value.get_object());
}

bool is_type_name(std::string_view type) noexcept
{
    if (type.empty() || type.front() < 'a' || type.front() > 'z') return false;
    return std::all_of(type.begin(), type.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

json::object event_of(std::string_view id, std::optional<core::call_type> type, std::int64_t at_us, std::int64_t received_us,
                      std::string_view source)
{
    json::object event{{"id", id}};
    if (type) event["type"] = core::to_string(*type);
    event["timestamp"] = core::format_timestamp(at_us);
    event["received_at"] = core::format_timestamp(received_us);
    if (!source.empty()) event["source"] = source;
    return event;
}

constexpr unsigned hops_max = 100'000;  // more than there can be: a circle would be damage

}  // namespace

json::object event_json(const held_identifier& held)
{
    return event_of(held.message_id, held.call, held.first_us, held.received_us, held.source);
}

json::object created_json(const profile& p)
{
    return {{"order", p.created},
            {"event", event_of(p.created_by, p.created_type, p.created_us, p.created_received_us, p.created_source)}};
}

std::optional<person_name> parse_person(std::string_view text)
{
    if (text.starts_with("use_") && profile_of(text)) return person_name{.type = {}, .value = std::string(text)};
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || colon + 1 == text.size() || !is_type_name(text.substr(0, colon))) return std::nullopt;
    if (core::find_bad_utf8(text) != std::string_view::npos) return std::nullopt;
    return person_name{.type = std::string(text.substr(0, colon)), .value = std::string(text.substr(colon + 1))};
}

rt::outcome<std::optional<profile>> profile_reader::read(const profile_id& id)
{
    auto raw = in_.get(store::family::identity, identity_key(space_, 'p', id));
    if (raw.has_error()) return raw.error();
    if (!*raw) return std::optional<profile>();
    auto decoded = decode_profile(id, **raw);
    if (decoded.has_error()) return decoded.error();
    return std::optional(std::move(*decoded));
}

rt::outcome<std::optional<profile>> profile_reader::live(profile_id id)
{
    for (unsigned hop = 0; hop < hops_max; ++hop) {
        auto found = read(id);
        if (found.has_error() || !*found || !(*found)->merged_into) return found;
        id = *(*found)->merged_into;
    }
    return rt::failure{.retry = rt::retry_class::never,
                       .id = "identity.damaged",
                       .detail = "the merges of " + segment_id(id) + " lead in a circle"};
}

rt::outcome<std::optional<profile_id>> profile_reader::holder(std::string_view type, std::string_view value)
{
    auto raw = in_.get(store::family::identity, identity_key(space_, 'i', identifier_digest(type, value)));
    if (raw.has_error()) return raw.error();
    return *raw ? id_from(**raw) : std::nullopt;
}

rt::outcome<found_person> profile_reader::find(std::string_view who)
{
    const auto name = parse_person(who);
    if (!name)
        return rt::failure{.retry = rt::retry_class::never,
                           .id = "identity.malformed_person",
                           .detail = "\"" + std::string(who) + "\" names nobody: write TYPE:VALUE, like email:ada@mail.example, "
                                     "or a segment id, like use_ and 22 letters and digits"};
    if (!name->type.empty()) return find_identifier(*name, who);
    const auto id = profile_of(name->value);
    auto found = live(*id);
    if (found.has_error()) return found.error();
    if (!*found)
        return rt::failure{.retry = rt::retry_class::never,
                           .id = "identity.unknown_person",
                           .detail = "No profile of this space has or had the segment id " + name->value};
    return found_person{.asked = std::string(who), .name = *name, .origin = *id, .now = std::move(**found)};
}

rt::outcome<found_person> profile_reader::find_identifier(const person_name& name, std::string_view who)
{
    // As stored now, else as it was stored before letters were folded.
    for (const auto& value : {rules_.known_as(name.type, name.value), name.value}) {
        auto id = holder(name.type, value);
        if (id.has_error()) return id.error();
        if (!*id) continue;
        auto found = live(**id);
        if (found.has_error()) return found.error();
        if (!*found) continue;
        found_person person{.asked = std::string(who), .name = {name.type, value}, .origin = (*found)->id, .now = std::move(**found)};
        for (const auto& held : person.now.identifiers)
            if (held.type == name.type && held.value == value && held.origin) person.origin = *held.origin;
        return person;
    }
    return unknown(name, who);
}

// Says what is known of an identifier that nobody holds.
rt::failure profile_reader::unknown(const person_name& name, std::string_view who)
{
    rt::failure why{.retry = rt::retry_class::never,
                    .id = "identity.unknown_person",
                    .detail = "No profile of this space holds " + std::string(who)};
    if (const auto rule = rules_.why_blocked(name.type, name.value); !rule.empty()) {
        why.detail += ": " + rule + ", so it identifies nobody";
        return why;
    }
    auto last = last_observations(in_, space_, kept_per_space);
    if (last.has_error()) return last.error();
    for (const auto& text : *last) {
        const auto one = object_of(text);
        const auto* identifier = one ? one->if_contains("identifier") : nullptr;
        if (identifier == nullptr || !identifier->is_object()) continue;
        const auto& o = identifier->get_object();
        const auto* type = o.if_contains("type");
        const auto* value = o.if_contains("value");
        if (type == nullptr || value == nullptr || *type != json::string(name.type) || *value != json::string(name.value)) continue;
        const auto field = [&](const json::object& of, const char* key) {
            const auto* v = of.if_contains(key);
            return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
        };
        const auto note = field(*one, "note");
        why.detail += ": it came last with event " + field(one->at("event").as_object(), "id") + " and was not used (" +
                      std::string(violation_name(note)) + ": " + field(*one, "rule") + ")";
        return why;
    }
    why.detail += ": no call has brought it, or it was too long ago to be remembered. Values are compared letter by letter";
    return why;
}

rt::outcome<std::vector<merge_record>> profile_reader::merges_of(const profile& p)
{
    std::vector<merge_record> all;
    std::vector<profile_id> ids{p.id};
    ids.insert(ids.end(), p.members.begin(), p.members.end());
    for (const auto& id : ids) {
        auto stories = read_stories(in_, space_, id);
        if (stories.has_error()) return stories.error();
        for (const auto& text : *stories) {
            auto story = object_of(text);
            if (!story)
                return rt::failure{.retry = rt::retry_class::never,
                                   .id = "identity.damaged",
                                   .detail = "the story of a merge into " + segment_id(id) + " is not whole"};
            merge_record made{.into = id};
            if (const auto* order = story->if_contains("order"); order != nullptr && order->is_int64())
                made.order = static_cast<std::uint64_t>(order->get_int64());
            if (const auto* merged = story->if_contains("merged"); merged != nullptr && merged->is_array())
                for (const auto& one : merged->get_array())
                    if (const auto away = one.is_string() ? profile_of(std::string_view(one.get_string())) : std::nullopt)
                        made.away.push_back(*away);
            made.story = std::move(*story);
            all.push_back(std::move(made));
        }
    }
    // A call merges once: no two have one place.
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.order < b.order; });
    return all;
}

rt::outcome<std::vector<json::object>> profile_reader::observations_of(const profile& p)
{
    std::vector<json::object> all;
    std::vector<profile_id> ids{p.id};
    ids.insert(ids.end(), p.members.begin(), p.members.end());
    for (const auto& id : ids) {
        auto texts = observations_about(in_, space_, id);
        if (texts.has_error()) return texts.error();
        for (const auto& text : *texts) {
            auto one = object_of(text);
            if (one && std::find(all.begin(), all.end(), *one) == all.end()) all.push_back(std::move(*one));
        }
    }
    return all;
}

}  // namespace lakeferry::identity
