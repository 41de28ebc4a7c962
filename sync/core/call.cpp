// The checks of acceptance (Segment's public docs, tracking API: common fields, limits, discard codes).
#include "sync/core/call.hpp"

#include "net/rt/check.hpp"
#include "sync/core/json.hpp"
#include "sync/core/timestamps.hpp"

#include <array>
#include <charconv>

namespace lakeferry::core {
namespace {

using boost::json::object;
using boost::json::value;

constexpr std::size_t message_id_characters_max = 100;
constexpr std::size_t group_id_characters_max = 500;

std::string_view view(const boost::json::string& s) noexcept { return {s.data(), s.size()}; }

// nullptr: absent or null.
const value* present(const object& from, std::string_view key) noexcept
{
    const value* v = from.if_contains(key);
    return v && !v->is_null() ? v : nullptr;
}

bool is_id(const value* v) noexcept { return !v || v->is_string() || v->is_int64() || v->is_uint64(); }

std::optional<std::int64_t> time_of(const object& from, std::string_view key) noexcept
{
    const value* v = present(from, key);
    if (!v || !v->is_string()) return std::nullopt;
    return parse_timestamp(view(v->get_string()));
}

const char* what_is(const value& v) noexcept
{
    switch (v.kind()) {
        case boost::json::kind::null: return "null";
        case boost::json::kind::bool_: return "a boolean";
        case boost::json::kind::int64:
        case boost::json::kind::uint64: return "a whole number";
        case boost::json::kind::double_: return "a number with a fraction";
        case boost::json::kind::string: return "text";
        case boost::json::kind::array: return "an array";
        case boost::json::kind::object: return "an object";
    }
    return "something else";
}

refusal refuse(refusal_reason reason, std::string_view field, std::string message)
{
    return {reason, std::string(field), std::move(message)};
}

std::string wrong_kind(std::string_view field, const value& got, std::string_view wanted)
{
    return "\"" + std::string(field) + "\" is " + what_is(got) + ": send " + std::string(wanted);
}

// Reads one call; every step answers with the refusal, if any.
class reader {
public:
    reader(const object& from, const call_options& options) : from_(from), options_(options) {}

    call out{};

    std::optional<refusal> type()
    {
        if (options_.type) {
            out.type = *options_.type;
            return std::nullopt;
        }
        const value* v = from_.if_contains("type");
        if (v && v->is_string()) {
            if (const auto known = call_type_of(view(v->get_string()))) {
                out.type = *known;
                return std::nullopt;
            }
        }
        return refuse(refusal_reason::unknown_type, "type",
                      std::string(v ? "\"type\" is not known" : "\"type\" is missing") +
                          ": send identify, track, page, screen, group or alias");
    }

    std::optional<refusal> message_id()
    {
        const value* v = present(from_, "messageId");
        if (!v) return std::nullopt;
        if (!v->is_string())
            return refuse(refusal_reason::message_id_not_string, "messageId",
                          wrong_kind("messageId", *v, "text of at most 100 characters"));
        const std::string_view id = view(v->get_string());
        if (id.size() > message_id_characters_max && count_characters(id) > message_id_characters_max)
            return refuse(refusal_reason::message_id_too_long, "messageId",
                          "\"messageId\" has " + std::to_string(count_characters(id)) +
                              " characters: send at most 100");
        if (!id.empty()) out.message_id = id;
        return std::nullopt;
    }

    std::optional<refusal> ids()
    {
        const bool alias = out.type == call_type::alias;
        const bool group = out.type == call_type::group;
        if (auto no = id("userId", out.user_id)) return no;
        if (auto no = id("anonymousId", out.anonymous_id)) return no;
        if (alias)
            if (auto no = id("previousId", out.previous_id)) return no;
        if (group)
            if (auto no = id("groupId", out.group_id)) return no;

        if (alias && out.user_id.blank())
            return refuse(refusal_reason::no_user_anon_id, "userId", "an alias needs a \"userId\" that is not blank");
        if (out.user_id.blank() && out.anonymous_id.blank())
            return refuse(refusal_reason::no_user_anon_id, "userId",
                          "neither \"userId\" nor \"anonymousId\" is given: send at least one that is not blank");
        if (alias && out.previous_id.blank())
            return refuse(refusal_reason::id_required, "previousId",
                          "an alias needs a \"previousId\" that is not blank");
        if (!group) return std::nullopt;
        if (out.group_id.blank())
            return refuse(refusal_reason::id_required, "groupId", "a group call needs a \"groupId\" that is not blank");
        const std::string_view text = out.group_id.view();
        if (text.size() > group_id_characters_max && count_characters(text) > group_id_characters_max)
            return refuse(refusal_reason::group_id_too_long, "groupId",
                          "\"groupId\" has " + std::to_string(count_characters(text)) +
                              " characters: send at most 500");
        return std::nullopt;
    }

    std::optional<refusal> event()
    {
        if (out.type != call_type::track) return std::nullopt;
        const value* v = present(from_, "event");
        if (!v || (v->is_string() && is_blank(view(v->get_string()))))
            return refuse(refusal_reason::event_not_defined, "event", "a track call needs an \"event\" that is not blank");
        if (!v->is_string())
            return refuse(refusal_reason::event_not_string, "event", wrong_kind("event", *v, "its name as text"));
        out.event = view(v->get_string());
        return std::nullopt;
    }

    std::optional<refusal> payload()
    {
        if (out.type == call_type::alias) return std::nullopt;
        const bool traits = out.type == call_type::identify || out.type == call_type::group;
        const std::string_view field = traits ? "traits" : "properties";
        const value* v = present(from_, field);
        if (!v) return std::nullopt;
        if (!v->is_object())
            return refuse(traits ? refusal_reason::traits_not_object : refusal_reason::properties_not_object, field,
                          wrong_kind(field, *v, "an object"));
        (traits ? out.traits : out.properties) = &v->get_object();
        const std::size_t keys = v->get_object().size();
        if (keys < options_.keys_max) return std::nullopt;
        return refuse(traits ? refusal_reason::too_many_traits : refusal_reason::too_many_properties, field,
                      "\"" + std::string(field) + "\" has " + std::to_string(keys) + " keys: send fewer than " +
                          std::to_string(options_.keys_max));
    }

    std::optional<refusal> context(const call_envelope& envelope)
    {
        const value* v = present(from_, "context");
        if (v && !v->is_object())
            return refuse(refusal_reason::context_not_object, "context", wrong_kind("context", *v, "an object"));
        out.context = merged_object(envelope.context, v ? &v->get_object() : nullptr);
        return std::nullopt;
    }

    std::optional<refusal> names()
    {
        if (out.type != call_type::page && out.type != call_type::screen) return std::nullopt;
        if (auto no = text("name", refusal_reason::name_not_string, out.name)) return no;
        return text("category", refusal_reason::category_not_string, out.category);
    }

    void times(const call_envelope& envelope)
    {
        out.received_us = options_.received_us;
        out.sent_us = time_of(from_, "sentAt");
        if (!out.sent_us) out.sent_us = envelope.sent_us;
        auto original = time_of(from_, "originalTimestamp");
        if (!original) original = time_of(from_, "timestamp");
        out.original_us = original.value_or(out.received_us);
        out.timestamp_us = corrected_timestamp(out.received_us, out.sent_us, out.original_us);
    }

private:
    std::optional<refusal> id(std::string_view field, id_value& to)
    {
        const value* v = present(from_, field);
        if (!is_id(v))
            return refuse(refusal_reason::id_not_string, field, wrong_kind(field, *v, "text or a whole number"));
        to = id_value(v);
        return std::nullopt;
    }

    std::optional<refusal> text(std::string_view field, refusal_reason reason, std::optional<std::string_view>& to)
    {
        const value* v = present(from_, field);
        if (!v) return std::nullopt;
        if (!v->is_string()) return refuse(reason, field, wrong_kind(field, *v, "text"));
        to = view(v->get_string());
        return std::nullopt;
    }

    const object& from_;
    const call_options& options_;
};

constexpr std::array<const char*, 6> type_names{"identify", "track", "page", "screen", "group", "alias"};

}  // namespace

const char* to_string(call_type t) noexcept { return type_names[static_cast<std::size_t>(t)]; }

std::optional<call_type> call_type_of(std::string_view name) noexcept
{
    for (std::size_t i = 0; i < type_names.size(); ++i)
        if (name == type_names[i]) return static_cast<call_type>(i);
    return std::nullopt;
}

const char* to_string(refusal_reason r) noexcept
{
    static constexpr std::array<const char*, 21> names{
        "too_large",          "bad_request",       "unknown_source",    "source_disabled",
        "unknown_type",       "message_id_not_string", "message_id_too_long", "id_not_string",
        "no_user_anon_id",    "id_required",       "group_id_too_long", "event_not_defined",
        "event_not_string",   "traits_not_object", "properties_not_object", "too_many_traits",
        "too_many_properties", "context_not_object", "name_not_string", "category_not_string",
        "duplicate"};
    static_assert(names.size() == static_cast<std::size_t>(refusal_reason::duplicate) + 1);
    return names[static_cast<std::size_t>(r)];
}

call_envelope read_envelope(const boost::json::object* envelope) noexcept
{
    call_envelope out;
    if (!envelope) return out;
    if (const value* context = present(*envelope, "context"); context && context->is_object())
        out.context = &context->get_object();
    out.sent_us = time_of(*envelope, "sentAt");
    return out;
}

const boost::json::value* merged_object::find(std::string_view key) const noexcept
{
    if (over_)
        if (const value* v = over_->if_contains(key)) return v;
    return base_ ? base_->if_contains(key) : nullptr;
}

id_value::id_value(const boost::json::value* from)
{
    if (!from || from->is_null()) return;
    if (from->is_string()) {
        const std::string_view text = core::view(from->get_string());
        if (is_blank(text)) return;
        text_ = text;
    } else {
        rt::check(from->is_int64() || from->is_uint64(), "an id is text or a whole number");
        digits_ = from->is_int64() ? std::to_string(from->get_int64()) : std::to_string(from->get_uint64());
    }
    blank_ = false;
}

std::variant<call, refusal> read_call(const boost::json::object& object, const call_envelope& envelope,
                                      const call_options& options)
{
    reader in(object, options);
    if (auto no = in.type()) return std::move(*no);
    if (auto no = in.message_id()) return std::move(*no);
    if (auto no = in.ids()) return std::move(*no);
    if (auto no = in.event()) return std::move(*no);
    if (auto no = in.payload()) return std::move(*no);
    if (auto no = in.context(envelope)) return std::move(*no);
    if (auto no = in.names()) return std::move(*no);
    in.times(envelope);
    return std::move(in.out);
}

}  // namespace lakeferry::core
