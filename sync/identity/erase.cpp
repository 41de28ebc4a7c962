#include "sync/identity/erase.hpp"

#include "sync/core/json.hpp"
#include "sync/core/json_tokens.hpp"
#include "sync/core/keys.hpp"
#include "sync/core/names.hpp"
#include "sync/identity/rules.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace lakeferry::identity {

namespace {

using store::family;

rt::failure malformed(std::string what)
{
    return {.retry = rt::retry_class::never, .id = "erase.malformed", .detail = std::move(what)};
}

std::string lower(std::string_view text)
{
    std::string low(text);
    for (char& c : low) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return low;
}

// What a person's identifier may be stored as: with the option, e-mails are kept in lower case.
core::person_key as_stored(const core::person_key& key, const core::identity_settings& settings)
{
    if (key.type == "email" && settings.fold_email_case) return {key.type, lower(key.value)};
    return key;
}

class finder {
public:
    finder(store::store& in, std::uint32_t space) : in_(in), space_(space) {}

    rt::outcome<std::optional<profile>> live(const core::person_key& key)
    {
        std::optional<profile_id> id;
        if (key.type == core::segment_key_type) {
            id = profile_of(key.value);
        } else {
            auto holder = in_.get(family::identity, identity_key(space_, 'i', identifier_digest(key.type, key.value)));
            if (holder.has_error()) return holder.error();
            if (holder->has_value()) id = id_from(**holder);
        }
        std::optional<profile> found;
        // A merged profile says where it went at the time; that one may have been merged since.
        while (id) {
            auto stored = in_.get(family::identity, identity_key(space_, 'p', *id));
            if (stored.has_error()) return stored.error();
            if (!stored->has_value()) return std::optional<profile>();
            auto read = decode_profile(*id, **stored);
            if (read.has_error()) return read.error();
            id = read->merged_into;
            found = std::move(*read);
        }
        return found;
    }

private:
    store::store& in_;
    std::uint32_t space_;
};

core::quoted_set tokens_of(const core::people& who)
{
    core::quoted_set out;
    const auto add = [&out](std::string_view text) {
        std::string quoted;
        core::append_quoted(quoted, text);
        out.insert(std::move(quoted));
    };
    for (const auto& id : who.segments) add(id);
    for (const auto& one : who.identifiers) add(one.value);
    return out;
}

// Records that belong to a profile: all but those of identifiers and the space's own observations begin with its id.
rt::outcome<void> remove_of_profile(store::store& in, std::uint32_t space, const profile_id& id, store::batch& changes,
                                    removed_people& counts)
{
    for (char kind = 'a'; kind <= 'z'; ++kind) {
        if (kind == 'i' || kind == 'o') continue;
        const std::string from = identity_key(space, kind, id);
        auto scanned = in.scan(family::identity, from, core::prefix_end(from), [&](std::string_view key, std::string_view) {
            changes.remove(family::identity, key);
            if (kind == 'p') ++counts.profiles;
            else if (kind == 't') ++counts.traits;
            else ++counts.stories;
            return true;
        });
        if (scanned.has_error()) return scanned.error();
    }
    return {};
}

// What other profiles remember of the people: their names are blanked out there. The space's own list of
// observations is for looking only: whole records go.
rt::outcome<void> blank_elsewhere(store::store& in, std::uint32_t space, const found_people& who, store::batch& changes,
                                  removed_people& counts)
{
    const auto tokens = tokens_of(who.names);
    const std::set<profile_id> gone(who.profiles.begin(), who.profiles.end());
    for (char kind = 'a'; kind <= 'z'; ++kind) {
        if (kind == 'i' || kind == 'p' || kind == 't') continue;
        const std::string from = core::key32(space) + kind;
        auto scanned = in.scan(family::identity, from, core::prefix_end(from),
                               [&](std::string_view key, std::string_view value) {
                                   const auto owner = key.size() >= 21 ? id_from(key.substr(5, 16)) : std::nullopt;
                                   if (owner && gone.contains(*owner)) return true;
                                   if (!core::has_token(value, tokens)) return true;
                                   if (kind == 'o') {
                                       changes.remove(family::identity, key);
                                       ++counts.stories;
                                       return true;
                                   }
                                   std::string text(value);
                                   core::replace_tokens(text, tokens, "\"(erased)\"");
                                   changes.put(family::identity, key, text);
                                   ++counts.stories_blanked;
                                   return true;
                               });
        if (scanned.has_error()) return scanned.error();
    }
    return {};
}

}  // namespace

rt::outcome<core::person_key> parse_person_key(std::string_view text)
{
    if (text.size() > 4096) return malformed("an identifier of more than 4,096 bytes: give one TYPE:VALUE a line");
    if (core::find_bad_utf8(text) != std::string_view::npos) return malformed("an identifier that is not valid UTF-8");
    if (text.find('\0') != std::string_view::npos) return malformed("an identifier with a NUL in it");
    if (profile_of(text)) return core::person_key{core::segment_key_type, std::string(text)};
    const auto colon = text.find(':');
    if (colon == std::string_view::npos)
        return malformed("neither TYPE:VALUE (email:ada@mail.example) nor a segment id (use_ and 22 letters or digits)");
    const auto type = text.substr(0, colon);
    const auto value = text.substr(colon + 1);
    const bool named = !type.empty() && type.front() >= 'a' && type.front() <= 'z' &&
                       std::all_of(type.begin(), type.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
                       });
    if (!named)
        return malformed("the type before the colon is not one: small letters, digits, _ and . (user_id, anonymous_id, "
                         "email, ios.idfa, …)");
    if (core::is_blank(value)) return malformed("nothing stands behind the colon: a blank identifier belongs to nobody");
    if (type == core::segment_key_type && !profile_of(value))
        return malformed("not a segment id: they are use_ and 22 letters or digits");
    return core::person_key{std::string(type), std::string(value)};
}

rt::outcome<found_people> find_people(store::store& in, std::uint32_t space, std::span<const core::person_key> asked,
                                      const core::identity_settings& settings)
{
    found_people out;
    finder look(in, space);
    std::set<profile_id> taken;
    std::set<core::person_key> names;
    for (const auto& key : asked) {
        const auto stored = as_stored(key, settings);
        // As it was sent, too: columns of events keep the case.
        if (key.type != core::segment_key_type) {
            names.insert(key);
            names.insert(stored);
        }
        auto found = look.live(stored);
        if (found.has_error()) return found.error();
        out.known.push_back(found->has_value());
        // Rows of an id that the graph does not know may still be in the tables.
        if (!found->has_value() && key.type == core::segment_key_type) out.names.segments.push_back(key.value);
        if (!found->has_value() || !taken.insert((*found)->id).second) continue;
        const auto& live = **found;
        ++out.live;
        out.profiles.push_back(live.id);
        out.profiles.insert(out.profiles.end(), live.members.begin(), live.members.end());
        for (const auto& held : live.identifiers) names.insert({held.type, held.value});
    }
    for (const auto& id : out.profiles) out.names.segments.push_back(segment_id(id));
    out.names.identifiers.assign(names.begin(), names.end());
    return out;
}

rt::outcome<removed_people> remove_people(store::store& in, std::uint32_t space, const found_people& who,
                                          store::batch& changes)
{
    removed_people counts;
    const std::set<profile_id> gone(who.profiles.begin(), who.profiles.end());
    for (const auto& name : who.names.identifiers) {
        const auto key = identity_key(space, 'i', identifier_digest(name.type, name.value));
        auto holder = in.get(family::identity, key);
        if (holder.has_error()) return holder.error();
        const auto id = holder->has_value() ? id_from(**holder) : std::nullopt;
        if (!id || !gone.contains(*id)) continue;
        changes.remove(family::identity, key);
        ++counts.identifiers;
    }
    for (const auto& id : who.profiles)
        if (auto removed = remove_of_profile(in, space, id, changes, counts); removed.has_error()) return removed.error();
    if (auto blanked = blank_elsewhere(in, space, who, changes, counts); blanked.has_error()) return blanked.error();
    return counts;
}

std::vector<std::string> identifier_columns(std::string_view type, const core::identity_settings& settings)
{
    if (type == "user_id") return {"user_id"};
    if (type == "anonymous_id") return {"anonymous_id", "previous_id"};
    if (type == "group_id") return {};  // names an account, not a person
    std::vector<std::string> out;
    if (type == "email") out = {"email", "context_traits_email"};
    if (type == "ga_client_id") out = {"context_integrations_google_analytics_client_id"};
    if (type.ends_with(".id")) out = {"context_device_id"};
    if (type.ends_with(".idfa")) out = {"context_device_advertising_id"};
    if (type.ends_with(".push_token")) out = {"context_device_token"};
    const auto add = [&out](std::string column) {
        if (std::find(out.begin(), out.end(), column) == out.end()) out.push_back(std::move(column));
    };
    for (const auto& rule : settings.identifiers) {
        if (rule.type != type) continue;
        for (const auto& key : rule.keys) {
            for (const auto& form : {key, camel_case(key), core::snake_case(key)}) {
                if (form.empty()) continue;
                add(core::column_name(form));
                const std::vector<std::string_view> path{"traits", form};
                add(core::context_column_name(path));
            }
        }
    }
    return out;
}

}  // namespace lakeferry::identity
