// One Segment call as Lakeferry understands it, and why a call is refused. Intake and identity resolution read stored
// calls with the same function, so what was accepted once is read again in the same way.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lakeferry::core {

enum class call_type : std::uint8_t { identify, track, page, screen, group, alias };
const char* to_string(call_type t) noexcept;
std::optional<call_type> call_type_of(std::string_view name) noexcept;

// In the order in which they are tested; the first that holds is the reason.
enum class refusal_reason : std::uint8_t {
    too_large, bad_request, unknown_source, source_disabled, unknown_type, message_id_not_string,
    message_id_too_long, id_not_string, no_user_anon_id, id_required, group_id_too_long, event_not_defined,
    event_not_string, traits_not_object, properties_not_object, too_many_traits, too_many_properties,
    context_not_object, name_not_string, category_not_string, duplicate,
};
const char* to_string(refusal_reason r) noexcept;

struct refusal {
    refusal_reason reason = refusal_reason::bad_request;
    std::string field{};    // "userId"; empty: the call as a whole
    std::string message{};  // what is wrong and what to do
};

// What a batch says once for all its items. Borrows.
struct call_envelope {
    const boost::json::object* context = nullptr;
    std::optional<std::int64_t> sent_us{};
};
// Reads a stored envelope ({"context":{...},"sentAt":"..."}); nullptr: none.
call_envelope read_envelope(const boost::json::object* envelope) noexcept;

// Two objects seen as one, key by key at the top level: the keys that only `base` has, then all of `over`.
class merged_object {
public:
    merged_object() = default;
    merged_object(const boost::json::object* base, const boost::json::object* over) noexcept : base_(base), over_(over) {}

    bool empty() const noexcept { return (!base_ || base_->empty()) && (!over_ || over_->empty()); }
    const boost::json::value* find(std::string_view key) const noexcept;
    // visit(std::string_view key, const boost::json::value&)
    template <class Visit>
    void for_each(Visit&& visit) const
    {
        if (base_) {
            for (const auto& member : *base_) {
                if (over_ && over_->contains(member.key())) continue;
                visit(std::string_view(member.key().data(), member.key().size()), member.value());
            }
        }
        if (!over_) return;
        for (const auto& member : *over_)
            visit(std::string_view(member.key().data(), member.key().size()), member.value());
    }

private:
    const boost::json::object* base_ = nullptr;
    const boost::json::object* over_ = nullptr;
};

// An id of a call: text as it is, a whole number as its decimal digits.
class id_value {
public:
    id_value() = default;
    explicit id_value(const boost::json::value* from);

    // Absent, null, empty, or only space, tab, CR, LF: such an id is NULL in tables and never an identifier.
    bool blank() const noexcept { return blank_; }
    // Empty if blank.
    std::string_view view() const noexcept { return digits_.empty() ? text_ : std::string_view(digits_); }

private:
    std::string_view text_{};
    std::string digits_{};
    bool blank_ = true;
};

// Views and pointers go into the object and the envelope that it was read from.
struct call {
    call_type type = call_type::track;
    std::optional<std::string_view> message_id{};  // absent: blank, one must be made
    id_value user_id{};
    id_value anonymous_id{};
    id_value previous_id{};  // alias
    id_value group_id{};     // group
    std::string_view event{};                      // track, as sent
    std::optional<std::string_view> name{};        // page, screen, top level
    std::optional<std::string_view> category{};
    const boost::json::object* traits = nullptr;      // identify, group
    const boost::json::object* properties = nullptr;  // track, page, screen
    merged_object context{};
    std::int64_t received_us = 0;
    std::optional<std::int64_t> sent_us{};
    std::int64_t original_us = 0;
    std::int64_t timestamp_us = 0;
};

struct call_options {
    std::optional<call_type> type{};  // of the path (/v1/track); absent: the object's "type" decides
    std::int64_t received_us = 0;
    std::size_t keys_max = 300;       // this many top-level traits or properties, or more, are refused
};

// The checks from unknown_type to category_not_string, in order. (The size, the JSON and the write key are the
// intake's to check; duplicates are the resolver's.) The object outlives the result.
std::variant<call, refusal> read_call(const boost::json::object& object, const call_envelope& envelope,
                                      const call_options& options);

}  // namespace lakeferry::core
