#include "sync/identity/explanation.hpp"

#include "sync/identity/observations.hpp"
#include "sync/identity/profile_history.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace lakeferry::identity {

namespace json = boost::json;

namespace {

std::string text_of(const json::object& from, std::string_view name)
{
    const auto* v = from.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

json::object identifier_json(const held_identifier& held, const profile_id& holder, const rules& by)
{
    json::object one{{"type", held.type},
                     {"value", held.value},
                     {"segment_id", segment_id(held.origin.value_or(holder))},
                     {"event", event_json(held)}};
    const unsigned limit = by.limit(held.type);
    if (limit != 0) one["limit"] = limit;
    if (const auto window = by.window_us(held.type)) one["window_days"] = *window / core_day_us;
    return one;
}

json::array identifiers_json(const profile& p, const rules& by)
{
    json::array all;
    for (const auto& held : p.identifiers) all.push_back(identifier_json(held, p.id, by));
    return all;
}

json::object short_json(const found_person& p, const rules& by)
{
    return {{"asked", p.asked},
            {"segment_id", segment_id(p.now.id)},
            {"created", created_json(p.now)},
            {"ids", p.now.members.size() + 1},
            {"identifiers", identifiers_json(p.now, by)}};
}

// An observation with the name that people know it by.
json::object named(const json::object& observation)
{
    json::object out = observation;
    out["name"] = violation_name(text_of(observation, "note"));
    return out;
}

std::uint64_t number_of(const json::object& from, std::string_view name)
{
    const auto* v = from.if_contains(name);
    boost::system::error_code error;  // what was just made is unsigned, what was read is signed
    return v != nullptr && v->is_number() ? v->to_number<std::uint64_t>(error) : 0;
}

void sort_by(json::array& all, std::string_view name)
{
    std::vector<std::pair<std::uint64_t, std::size_t>> places;
    for (std::size_t i = 0; i < all.size(); ++i) places.emplace_back(number_of(all[i].as_object(), name), i);
    std::sort(places.begin(), places.end());
    json::array sorted;
    for (const auto& [_, i] : places) sorted.push_back(std::move(all[i]));
    all = std::move(sorted);
}

json::object attached_step(const held_identifier& held, const profile& holder)
{
    return {{"order", held.order},
            {"what", "attached"},
            {"segment_id", segment_id(held.origin.value_or(holder.id))},
            {"event", event_json(held)},
            {"identifier", {{"type", held.type}, {"value", held.value}}},
            {"rule", "no profile held it"}};
}

json::object created_step(const profile& p)
{
    return {{"order", p.created},
            {"what", "created"},
            {"segment_id", segment_id(p.id)},
            {"event", created_json(p).at("event")},
            {"rule", "no profile held any identifier of the call"}};
}

json::object merge_step(const merge_record& m)
{
    json::object step = m.story;
    step["what"] = "merged";
    step["segment_id"] = segment_id(m.into);
    step["rule"] = "identifiers of one call led to " + std::to_string(m.away.size() + 1) +
                   " profiles, within every limit; the oldest survives";
    return step;
}

// ---- two people ------------------------------------------------------------------------------------------------

// The merges on the way from one id to another. Every id was merged away at most once, so there is one way.
std::vector<const merge_record*> way_between(const std::vector<merge_record>& merges, const profile_id& a, const profile_id& b)
{
    std::map<profile_id, const merge_record*> up;
    for (const auto& m : merges)
        for (const auto& id : m.away) up[id] = &m;
    const auto climb = [&](profile_id from) {
        std::vector<std::pair<profile_id, const merge_record*>> way{{from, nullptr}};
        for (auto at = up.find(from); at != up.end() && way.size() <= up.size(); at = up.find(way.back().first))
            way.emplace_back(at->second->into, at->second);
        return way;
    };
    const auto from_a = climb(a);
    const auto from_b = climb(b);
    std::set<const merge_record*> on_the_way;
    for (std::size_t i = 0; i < from_a.size(); ++i) {
        const auto meets = std::find_if(from_b.begin(), from_b.end(), [&](const auto& s) { return s.first == from_a[i].first; });
        if (meets == from_b.end()) continue;
        for (std::size_t k = 1; k <= i; ++k) on_the_way.insert(from_a[k].second);
        for (auto k = from_b.begin() + 1; k <= meets && k != from_b.end(); ++k) on_the_way.insert(k->second);
        break;
    }
    std::vector<const merge_record*> way(on_the_way.begin(), on_the_way.end());
    std::sort(way.begin(), way.end(), [](const auto* x, const auto* y) { return x->order < y->order; });
    return way;
}

rt::outcome<void> tell_together(profile_reader& from, const found_person& a, const found_person& b, json::object& to)
{
    auto merges = from.merges_of(a.now);
    if (merges.has_error()) return merges.error();
    json::array steps;
    for (const auto* m : way_between(*merges, a.origin, b.origin)) steps.push_back(merge_step(*m));
    if (steps.empty()) {
        json::array attached;
        for (const auto& held : a.now.identifiers)
            for (const auto* who : {&a, &b})
                if (who->name.type == held.type && who->name.value == held.value) attached.push_back(attached_step(held, a.now));
        to["attached"] = std::move(attached);
    }
    to["merges"] = std::move(steps);
    return rt::outcome<void>();
}

// What a call with identifiers of both would meet by the rules of now.
json::array limits_between(const profile& a, const profile& b, const rules& by)
{
    std::map<std::string, std::pair<std::size_t, std::size_t>> types;
    for (const auto& held : a.identifiers) ++types[held.type].first;
    for (const auto& held : b.identifiers) ++types[held.type].second;
    json::array all;
    for (const auto& [type, counts] : types) {
        const unsigned limit = by.limit(type);
        const auto together = counts.first + counts.second;
        if (limit == 0 || together <= limit || together <= std::max(counts.first, counts.second)) continue;
        json::object one{{"type", type}, {"limit", limit}, {"a", counts.first}, {"b", counts.second}};
        if (const auto window = by.window_us(type)) one["window_days"] = *window / core_day_us;
        all.push_back(std::move(one));
    }
    if (a.members.size() + b.members.size() + 1 > by.merges_max())
        all.push_back(json::object{{"cap", "merges_max"}, {"limit", by.merges_max()}, {"together", a.members.size() + b.members.size() + 1}});
    if (a.identifiers.size() + b.identifiers.size() > by.identifiers_max())
        all.push_back(json::object{{"cap", "identifiers_max"},
                                   {"limit", by.identifiers_max()},
                                   {"together", a.identifiers.size() + b.identifiers.size()}});
    return all;
}

// Which of the two an observation concerns: profiles in question, the one that the call went to, the holder of the
// identifier that was taken off.
class two_sides {
public:
    two_sides(profile_reader& from, const profile& a, const profile& b) : from_(from), a_(a.id), b_(b.id) {}

    rt::outcome<bool> concerns_both(const json::object& observation)
    {
        bool a = false;
        bool b = false;
        const auto look = [&](std::optional<profile_id> id) -> rt::outcome<void> {
            if (!id) return rt::outcome<void>();
            auto now = from_.live(*id);
            if (now.has_error()) return now.error();
            if (!*now) return rt::outcome<void>();
            a = a || (*now)->id == a_;
            b = b || (*now)->id == b_;
            return rt::outcome<void>();
        };
        std::vector<std::optional<profile_id>> ids{profile_of(text_of(observation, "to"))};
        if (const auto* list = observation.if_contains("profiles"); list != nullptr && list->is_array())
            for (const auto& one : list->get_array())
                if (one.is_string()) ids.push_back(profile_of(std::string_view(one.get_string())));
        if (const auto* found = observation.if_contains("identifier"); found != nullptr && found->is_object()) {
            auto holder = from_.holder(text_of(found->get_object(), "type"), text_of(found->get_object(), "value"));
            if (holder.has_error()) return holder.error();
            ids.push_back(*holder);
        }
        for (const auto& id : ids)
            if (auto looked = look(id); looked.has_error()) return looked.error();
        return a && b;
    }

private:
    profile_reader& from_;
    profile_id a_;
    profile_id b_;
};

std::set<std::pair<std::string, std::string>> blocked_in(const std::vector<json::object>& all)
{
    std::set<std::pair<std::string, std::string>> found;
    for (const auto& one : all) {
        const auto* identifier = one.if_contains("identifier");
        if (text_of(one, "note") == "blocked" && identifier != nullptr && identifier->is_object())
            found.emplace(text_of(identifier->get_object(), "type"), text_of(identifier->get_object(), "value"));
    }
    return found;
}

rt::outcome<void> tell_apart(profile_reader& from, const found_person& a, const found_person& b, const rules& by,
                             json::object& to)
{
    auto of_a = from.observations_of(a.now);
    if (of_a.has_error()) return of_a.error();
    auto of_b = from.observations_of(b.now);
    if (of_b.has_error()) return of_b.error();
    two_sides sides(from, a.now, b.now);
    std::map<std::pair<std::uint64_t, std::string>, json::object> reasons;
    const auto blocked_a = blocked_in(*of_a);
    const auto blocked_b = blocked_in(*of_b);
    for (const auto* list : {&*of_a, &*of_b}) {
        for (const auto& one : *list) {
            const auto& other = list == &*of_a ? blocked_b : blocked_a;
            bool both = false;
            if (text_of(one, "note") == "blocked") {
                const auto& identifier = one.at("identifier").as_object();
                both = other.contains({text_of(identifier, "type"), text_of(identifier, "value")});
            } else {
                auto looked = sides.concerns_both(one);
                if (looked.has_error()) return looked.error();
                both = *looked;
            }
            if (both) reasons.emplace(std::pair(number_of(one, "number"), json::serialize(one)), named(one));
        }
    }
    json::array all;
    for (auto& [_, one] : reasons) all.push_back(std::move(one));
    to["reasons"] = std::move(all);
    to["limits"] = limits_between(a.now, b.now, by);
    return rt::outcome<void>();
}

}  // namespace

rt::outcome<json::object> explain(store::store& in, std::uint32_t space, const rules& by, std::string_view who)
{
    profile_reader from(in, space, by);
    auto person = from.find(who);
    if (person.has_error()) return person.error();
    const profile& p = person->now;
    auto merges = from.merges_of(p);
    if (merges.has_error()) return merges.error();
    auto refused = from.observations_of(p);
    if (refused.has_error()) return refused.error();

    json::array story;
    json::array ids{segment_id(p.id)};
    story.push_back(created_step(p));
    for (const auto& id : p.members) {
        ids.emplace_back(segment_id(id));
        auto member = from.read(id);
        if (member.has_error()) return member.error();
        if (*member) story.push_back(created_step(**member));
    }
    // A call that merges attaches afterwards what is new on it; a creation comes before everything else of its call.
    for (const auto& m : *merges) story.push_back(merge_step(m));
    for (const auto& held : p.identifiers) story.push_back(attached_step(held, p));
    sort_by(story, "order");
    json::array noticed;
    for (const auto& one : *refused) noticed.push_back(named(one));
    sort_by(noticed, "number");
    return json::object{{"asked", person->asked},
                        {"segment_id", segment_id(p.id)},
                        {"created", created_json(p)},
                        {"ids", std::move(ids)},
                        {"identifiers", identifiers_json(p, by)},
                        {"story", std::move(story)},
                        {"refused", std::move(noticed)}};
}

rt::outcome<json::object> explain_pair(store::store& in, std::uint32_t space, const rules& by, std::string_view a,
                                       std::string_view b)
{
    profile_reader from(in, space, by);
    auto first = from.find(a);
    if (first.has_error()) return first.error();
    auto second = from.find(b);
    if (second.has_error()) return second.error();
    const bool together = first->now.id == second->now.id;
    json::object answer{{"a", short_json(*first, by)}, {"b", short_json(*second, by)}, {"together", together}};
    const auto told = together ? tell_together(from, *first, *second, answer) : tell_apart(from, *first, *second, by, answer);
    if (told.has_error()) return told.error();
    return answer;
}

}  // namespace lakeferry::identity
