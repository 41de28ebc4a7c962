#include "sync/identity/observations.hpp"

#include "sync/core/json.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/timestamps.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <array>

namespace lakeferry::identity {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> violations{{
    {"no_identifiers", "No matching identifiers on event"},
    {"blocked", "ID value blocked"},
    {"limit_exceeded", "Identifier value limit exceeded"},
    {"time_limit_exceeded", "Value time limit exceeded"},
    {"merge_limit", "Profile merge limit exceeded"},
    {"mapping_limit", "Identifier mapping limit exceeded"},
}};

std::string_view note_of(refusal_kind kind) noexcept
{
    switch (kind) {
        case refusal_kind::limit_exceeded: return "limit_exceeded";
        case refusal_kind::time_limit_exceeded: return "time_limit_exceeded";
        case refusal_kind::merge_limit: return "merge_limit";
        case refusal_kind::mapping_limit: return "mapping_limit";
    }
    return "limit_exceeded";
}

void member(std::string& to, std::string_view name, std::string_view value)
{
    if (to.back() != '{') to += ',';
    core::append_quoted(to, name);
    to += ':';
    core::append_quoted(to, value);
}

std::string rule_text(const rules& by, const identity_refusal& what)
{
    if (what.kind == refusal_kind::merge_limit)
        return "at most " + std::to_string(by.merges_max()) + " merged ids on a profile";
    if (what.kind == refusal_kind::mapping_limit)
        return "at most " + std::to_string(by.identifiers_max()) + " identifiers on a profile";
    std::string text = "at most " + std::to_string(by.limit(what.type)) + " " + what.type + " on a profile";
    if (const auto window = by.window_us(what.type)) text += " in " + std::to_string(*window / core::day_us) + " days";
    return text;
}

// Which of a profile's places: the same thing said again goes where it stood.
std::uint8_t slot_of(std::string_view note, std::string_view type, std::string_view value,
                     const std::vector<profile_id>& profiles)
{
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
    const auto mix = [&](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
    for (const auto text : {note, type, value}) {
        for (const char c : text) mix(static_cast<unsigned char>(c));
        mix(0);
    }
    for (const auto& id : profiles)
        for (const auto byte : id) mix(byte);
    return static_cast<std::uint8_t>((hash ^ (hash >> 32U)) % kept_per_profile);
}

}  // namespace

struct observer::one {
    std::string_view note{};
    std::string_view type{};
    std::string_view value{};
    std::string rule{};
    std::vector<profile_id> profiles{};  // in question
    std::optional<profile_id> to{};      // where the call went
};

std::string_view violation_name(std::string_view note) noexcept
{
    const auto* const found = std::find_if(violations.begin(), violations.end(), [&](const auto& v) { return v.first == note; });
    return found == violations.end() ? note : found->second;
}

std::string observation_key(std::uint32_t space, std::uint64_t number)
{
    const auto slot = static_cast<std::uint32_t>(number % kept_per_space);
    std::string key = core::key32(space);
    key += 'o';
    key += static_cast<char>(slot >> 8U);
    key += static_cast<char>(slot & 0xFFU);
    return key;
}

std::string observation_key(std::uint32_t space, const profile_id& about, std::uint8_t slot)
{
    std::string key = identity_key(space, 'v', about);
    key += static_cast<char>(slot);
    return key;
}

void observer::take(const event_facts& event, const one& what)
{
    ++counts_.try_emplace(what.note, 0).first->second;
    ++kept_;
    auto about = what.profiles;
    if (what.to && std::find(about.begin(), about.end(), *what.to) == about.end()) about.push_back(*what.to);
    std::string text = "{\"number\":" + std::to_string(kept_);
    member(text, "note", what.note);
    text += ",\"event\":{";
    member(text, "id", event.message_id);
    member(text, "type", core::to_string(event.type));
    member(text, "timestamp", core::format_timestamp(event.timestamp_us));
    member(text, "received_at", core::format_timestamp(event.received_us));
    member(text, "source", event.source);
    text += '}';
    if (!what.type.empty()) {
        text += ",\"identifier\":{";
        member(text, "type", what.type);
        member(text, "value", what.value);
        text += '}';
    }
    if (!what.rule.empty()) member(text, "rule", what.rule);
    if (!what.profiles.empty()) {
        text += ",\"profiles\":[";
        for (const auto& id : what.profiles) {
            if (text.back() != '[') text += ',';
            core::append_quoted(text, segment_id(id));
        }
        text += ']';
    }
    if (what.to) member(text, "to", segment_id(*what.to));
    text += '}';
    const auto slot = slot_of(what.note, what.type, what.value, what.profiles);
    for (const auto& id : about) records_.insert_or_assign(observation_key(space_, id, slot), text);
    records_.insert_or_assign(observation_key(space_, kept_), std::move(text));
}

void observer::look(const event_facts& event, const decision& done,
                    const std::vector<std::pair<std::string_view, std::string_view>>& blocked)
{
    for (const auto& [type, value] : blocked)
        take(event, {.note = "blocked", .type = type, .value = value, .rule = rules_.why_blocked(type, value), .to = done.to});
    for (const auto& refused : done.refused) {
        one what{.note = note_of(refused.kind), .rule = rule_text(rules_, refused), .profiles = refused.profiles, .to = done.to};
        if (refused.identifier) {
            what.type = refused.identifier->type;
            what.value = refused.identifier->value;
        }
        take(event, what);
    }
    if (!done.to) take(event, {.note = "no_identifiers"});
}

void observer::write_to(store::batch& changes) const
{
    for (const auto& [key, text] : records_) changes.put(store::family::identity, key, text);
}

rt::outcome<std::vector<std::string>> last_observations(store::store& in, std::uint32_t space, std::size_t most)
{
    std::vector<std::pair<std::uint64_t, std::string>> found;
    const std::string from = core::key32(space) + 'o';
    const auto visit = [&](std::string_view, std::string_view value) {
        boost::system::error_code error;
        const auto read = boost::json::parse(boost::json::string_view(value.data(), value.size()), error);
        if (error || !read.is_object()) return true;
        const auto* number = read.get_object().if_contains("number");
        if (number != nullptr && number->is_int64())
            found.emplace_back(static_cast<std::uint64_t>(number->get_int64()), value);
        return true;
    };
    if (auto read = in.scan(store::family::identity, from, core::prefix_end(from), visit); read.has_error())
        return read.error();
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> texts;
    for (auto& [number, text] : found) {
        if (texts.size() == most) break;
        texts.push_back(std::move(text));
    }
    return texts;
}

rt::outcome<std::vector<std::string>> observations_about(store::store& in, std::uint32_t space, const profile_id& id)
{
    std::vector<std::string> texts;
    const std::string from = identity_key(space, 'v', id);
    const auto visit = [&](std::string_view, std::string_view value) {
        texts.emplace_back(value);
        return true;
    };
    if (auto read = in.scan(store::family::identity, from, core::prefix_end(from), visit); read.has_error())
        return read.error();
    return texts;
}

}  // namespace lakeferry::identity
