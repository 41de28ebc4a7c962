#include "sync/identity/extract.hpp"

#include "sync/core/json.hpp"

#include <algorithm>
#include <numeric>

namespace lakeferry::identity {

namespace {

namespace json = boost::json;

const json::object* object_in(const json::value* value) noexcept { return value != nullptr ? value->if_object() : nullptr; }

const json::value* member(const json::object* of, std::string_view key) noexcept
{
    return of != nullptr ? of->if_contains(json::string_view(key.data(), key.size())) : nullptr;
}

bool is_text(const json::value* value, std::string_view text) noexcept
{
    const auto* found = value != nullptr ? value->if_string() : nullptr;
    return found != nullptr && std::string_view(found->data(), found->size()) == text;
}

// Absent, null or blank text: another place may have it. Anything else is the value, even if it cannot identify.
bool is_blank_value(const json::value* value) noexcept
{
    if (value == nullptr || value->is_null()) return true;
    const auto* text = value->if_string();
    return text != nullptr && core::is_blank({text->data(), text->size()});
}

bool is_type_name(std::string_view type) noexcept
{
    if (type.empty() || type.front() < 'a' || type.front() > 'z') return false;
    return std::all_of(type.begin(), type.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

class collector {
public:
    explicit collector(const rules& by) : by_(by) {}

    void add(std::string_view type, std::string_view value)
    {
        if (value.empty()) return;
        // As sent: a value that identifies only after folding is blocked by what blocks either form.
        const bool blocked = by_.blocked(type, value);
        std::string folded;
        if (!blocked && by_.folds(type)) value = folded = fold_case(value);
        const auto same = [&](const found_identifier& f) { return f.type == type && f.value == value; };
        auto& to = blocked ? found_.blocked : found_.left;
        if (std::none_of(to.begin(), to.end(), same)) to.push_back({std::string(type), std::string(value)});
    }
    void add(std::string_view type, const json::value* value)
    {
        if (value == nullptr || !(value->is_string() || value->is_int64() || value->is_uint64())) return;
        const core::id_value id(value);
        if (!id.blank()) add(type, id.view());
    }

    found_identifiers finish()
    {
        // Within a type the place on the call counts.
        std::vector<std::size_t> order(found_.left.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            const auto& left = found_.left[a].type;
            const auto& right = found_.left[b].type;
            return left == right ? a < b : by_.before(left, right);
        });
        found_identifiers sorted{.blocked = std::move(found_.blocked)};
        sorted.left.reserve(order.size());
        for (const std::size_t i : order) sorted.left.push_back(std::move(found_.left[i]));
        return sorted;
    }

private:
    const rules& by_;
    found_identifiers found_{};
};

void add_email(const core::call& call, const json::object* context_traits, collector& to)
{
    const auto* own = call.type == core::call_type::identify ? member(call.traits, "email") : nullptr;
    to.add("email", is_blank_value(own) ? member(context_traits, "email") : own);
}

void add_device(const core::call& call, collector& to)
{
    const auto* device = object_in(call.context.find("device"));
    const auto* type = member(device, "type");
    const auto* text = type != nullptr ? type->if_string() : nullptr;
    if (text == nullptr) return;
    const std::string platform = fold_case({text->data(), text->size()});
    if (platform != "android" && platform != "ios") return;
    to.add(platform + ".id", member(device, "id"));
    const auto* tracking = member(device, "adTrackingEnabled");
    if (tracking != nullptr && tracking->is_bool() && tracking->get_bool())
        to.add(platform + ".idfa", member(device, "advertisingId"));
    to.add(platform + ".push_token", member(device, "token"));
}

void add_configured(const core::call& call, const json::object* context_traits, const rules& by, collector& to)
{
    const json::object* const traits = call.type == core::call_type::identify ? call.traits : nullptr;
    for (const auto& configured : by.configured()) {
        const auto look = [&]() -> const json::value* {
            for (const json::object* place : {traits, context_traits, call.properties}) {
                for (const auto& key : configured.keys) {
                    const auto* value = member(place, key);
                    if (!is_blank_value(value)) return value;
                }
            }
            return nullptr;
        };
        to.add(configured.type, look());
    }
}

void add_external(const core::call& call, collector& to)
{
    const auto* externals = call.context.find("externalIds");
    const auto* items = externals != nullptr ? externals->if_array() : nullptr;
    if (items == nullptr) return;
    for (const auto& item : *items) {
        const auto* object = item.if_object();
        if (!is_text(member(object, "collection"), "users") || !is_text(member(object, "encoding"), "none")) continue;
        const auto* type = member(object, "type");
        const auto* name = type != nullptr ? type->if_string() : nullptr;
        if (name == nullptr || !is_type_name({name->data(), name->size()})) continue;
        to.add({name->data(), name->size()}, member(object, "id"));
    }
}

}  // namespace

found_identifiers find_identifiers(const core::call& call, const rules& by)
{
    collector to(by);
    const auto* context_traits = object_in(call.context.find("traits"));
    to.add("user_id", call.user_id.view());
    to.add("anonymous_id", call.anonymous_id.view());
    if (call.type == core::call_type::alias) to.add("anonymous_id", call.previous_id.view());
    if (by.group_id() && call.type == core::call_type::group) to.add("group_id", call.group_id.view());
    add_email(call, context_traits, to);
    add_device(call, to);
    const auto* integrations = object_in(call.context.find("integrations"));
    to.add("ga_client_id", member(object_in(member(integrations, "Google Analytics")), "clientId"));
    add_configured(call, context_traits, by, to);
    add_external(call, to);
    return to.finish();
}

}  // namespace lakeferry::identity
