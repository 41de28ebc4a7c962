// The identity rules once more, as plainly as they can be said: whole scans over a list of profiles, no store, no
// batches. Slow, and written from the rules alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace lakeferry::identity::test {

struct model_call {
    std::string id{};  // message id
    std::int64_t day = 0;
    std::vector<std::pair<std::string, std::string>> identifiers{};  // type, value; in priority order
    std::optional<std::vector<std::pair<std::string, std::optional<std::string>>>> traits{};  // identify
};

struct model_rules {
    std::map<std::string, std::size_t> limits{};       // absent: 5, user_id 1
    std::map<std::string, std::int64_t> window_days{};
    std::size_t merges_max = 100;
    std::size_t identifiers_max = 1000;
};

class reference_model {
public:
    explicit reference_model(model_rules rules) : rules_(std::move(rules)) {}

    void take(const model_call& call)
    {
        if (!seen_.insert(call.id).second) return;
        ++order_;
        auto left = call.identifiers;
        if (left.empty()) {
            resolved[call.id] = "";
            return;
        }
        while (left.size() > 1 && breaks(matched(left), left, call.day)) left.pop_back();
        const auto found = matched(left);
        person* to = nullptr;
        if (found.empty()) {
            people_.push_back({.name = call.id, .ids = {call.id}});
            to = &people_.back();
            graph_updates.emplace_back(call.id, call.id);
        } else if (found.size() == 1 || !may_merge(found)) {
            to = found.size() == 1 ? found.front() : holder(left);
        } else {
            to = found.front();  // people_ is in the order of creation
        }
        const auto before = shown(*to);
        const std::string name = to->name;
        if (found.size() > 1 && may_merge(found)) merge(found);
        to = named(name);
        for (const auto& identifier : left) {
            if (holder({identifier}) != nullptr || to->identifiers.size() >= rules_.identifiers_max) continue;
            to->identifiers[identifier] = call.day;
            mapping_updates.emplace_back(identifier.first, identifier.second, to->name);
        }
        if (call.traits) write(*to, call);
        if (shown(*to) != before) trait_updates.emplace_back(to->name, shown(*to));
        resolved[call.id] = to->name;
    }

    using shown_traits = std::map<std::string, std::string>;
    std::vector<std::pair<std::string, std::string>> graph_updates{};                 // segment, canonical
    std::vector<std::tuple<std::string, std::string, std::string>> mapping_updates{};  // type, value, segment
    std::vector<std::pair<std::string, shown_traits>> trait_updates{};
    std::map<std::string, std::string> resolved{};  // message id -> profile

    std::set<std::tuple<std::string, std::string, std::string>> user_traits() const
    {
        std::set<std::tuple<std::string, std::string, std::string>> all;
        for (const auto& p : people_) {
            for (const auto& [name, value] : shown(p)) all.emplace(p.name, name, value);
        }
        return all;
    }
    std::set<std::tuple<std::string, std::string, std::string>> user_identifiers() const
    {
        std::set<std::tuple<std::string, std::string, std::string>> all;
        for (const auto& p : people_) {
            for (const auto& [identifier, _] : p.identifiers) all.emplace(p.name, identifier.first, identifier.second);
        }
        return all;
    }
    std::map<std::string, std::string> merges() const
    {
        std::map<std::string, std::string> all;
        for (const auto& p : people_) {
            for (const auto& id : p.ids) all[id] = p.name;
        }
        return all;
    }

private:
    using identifier_list = std::vector<std::pair<std::string, std::string>>;
    struct write_time {
        std::int64_t day = 0;
        std::uint64_t order = 0;
        std::size_t place = 0;
        auto operator<=>(const write_time&) const = default;
    };
    struct person {
        std::string name{};
        std::vector<std::string> ids{};  // itself first, then as they came
        std::map<std::pair<std::string, std::string>, std::int64_t> identifiers{};  // -> day of first observation
        std::map<std::string, std::pair<write_time, std::optional<std::string>>> traits{};
    };

    static shown_traits shown(const person& p)
    {
        shown_traits all;
        for (const auto& [name, written] : p.traits) {
            if (written.second) all[name] = *written.second;
        }
        return all;
    }
    person* named(const std::string& name)
    {
        for (auto& p : people_) {
            if (p.name == name) return &p;
        }
        return nullptr;
    }
    person* holder(const identifier_list& of)
    {
        for (const auto& identifier : of) {
            for (auto& p : people_) {
                if (p.identifiers.contains(identifier)) return &p;
            }
        }
        return nullptr;
    }
    std::vector<person*> matched(const identifier_list& by)
    {
        std::vector<person*> all;
        for (auto& p : people_) {
            for (const auto& identifier : by) {
                if (!p.identifiers.contains(identifier)) continue;
                all.push_back(&p);
                break;
            }
        }
        return all;
    }
    bool breaks(const std::vector<person*>& found, const identifier_list& left, std::int64_t day) const
    {
        std::map<std::pair<std::string, std::string>, std::optional<std::int64_t>> together;
        for (const auto& identifier : left) together[identifier] = std::nullopt;
        for (const auto* p : found) {
            for (const auto& [identifier, first] : p->identifiers) together[identifier] = first;
        }
        std::set<std::string> types;
        for (const auto& [identifier, _] : together) types.insert(identifier.first);
        for (const auto& type : types) {
            const auto set = rules_.limits.find(type);
            const std::size_t limit = set != rules_.limits.end() ? set->second : type == "user_id" ? 1 : 5;
            const auto window = rules_.window_days.find(type);
            std::size_t all = 0;
            std::size_t counted = 0;
            for (const auto& [identifier, first] : together) {
                if (identifier.first != type) continue;
                ++all;
                if (!first || window == rules_.window_days.end() || *first > day - window->second) ++counted;
            }
            bool grows = true;
            for (const auto* p : found) {
                std::size_t own = 0;
                for (const auto& [identifier, _] : p->identifiers) own += identifier.first == type ? 1 : 0;
                grows = grows && all > own;
            }
            if (counted > limit && grows) return true;
        }
        return false;
    }
    bool may_merge(const std::vector<person*>& found) const
    {
        std::size_t ids = 0;
        std::size_t identifiers = 0;
        for (const auto* p : found) {
            ids += p->ids.size();
            identifiers += p->identifiers.size();
        }
        return ids - 1 <= rules_.merges_max && identifiers <= rules_.identifiers_max;
    }
    void merge(const std::vector<person*>& found)
    {
        person& to = *found.front();
        std::set<std::string> gone;
        for (std::size_t i = 1; i < found.size(); ++i) {
            for (const auto& id : found[i]->ids) {
                graph_updates.emplace_back(id, to.name);
                to.ids.push_back(id);
            }
            to.identifiers.insert(found[i]->identifiers.begin(), found[i]->identifiers.end());
            for (const auto& [name, written] : found[i]->traits) {
                auto& own = to.traits.try_emplace(name, written).first->second;
                if (written.first > own.first) own = written;
            }
            gone.insert(found[i]->name);
        }
        std::erase_if(people_, [&](const person& p) { return gone.contains(p.name); });
    }
    void write(person& to, const model_call& call)
    {
        std::size_t place = 0;
        for (const auto& [name, value] : *call.traits) {
            const write_time now{.day = call.day, .order = order_, .place = place++};
            auto& own = to.traits.try_emplace(name, now, value).first->second;
            if (now >= own.first) own = {now, value};
        }
    }

    model_rules rules_;
    std::vector<person> people_{};
    std::set<std::string> seen_{};
    std::uint64_t order_ = 0;
};

}  // namespace lakeferry::identity::test
