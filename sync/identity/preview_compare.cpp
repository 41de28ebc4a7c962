#include "sync/identity/preview_compare.hpp"

#include "sync/core/keys.hpp"
#include "sync/identity/observations.hpp"
#include "sync/identity/profile_history.hpp"

#include <algorithm>

namespace lakeferry::identity {

namespace json = boost::json;

namespace {

constexpr std::uint32_t by_identifier = 3;  // digest of an identifier, side, profile
constexpr std::uint32_t by_changed = 4;     // profile of the changed rules, profile of the current ones
constexpr std::uint32_t by_current = 5;     // the other way round
constexpr store::family scratch = store::family::refusals;

constexpr std::size_t id_bytes_count = 16;
constexpr std::size_t identifiers_shown = 8;
constexpr std::size_t parts_shown = 6;
constexpr std::size_t reasons_shown = 3;

rt::failure interrupted()
{
    return {.retry = rt::retry_class::never, .id = "preview.interrupted", .detail = "The preview was interrupted"};
}

profile_id id_at(std::string_view key, std::size_t at)
{
    return id_from(key.substr(at, id_bytes_count)).value_or(profile_id{});
}

// Writes keys in batches of some size.
class key_writer {
public:
    explicit key_writer(store::store& in) : in_(in) {}

    rt::outcome<void> put(const std::string& key)
    {
        changes_.put(scratch, key, {});
        return changes_.bytes() < (std::size_t{1} << 20U) ? rt::outcome<void>() : flush();
    }
    rt::outcome<void> flush()
    {
        auto written = in_.write(std::exchange(changes_, store::batch()), store::durable::no);
        return written;
    }

private:
    store::store& in_;
    store::batch changes_{};
};

// Every identifier of every profile, under its own name.
rt::outcome<void> list_identifiers(store::store& in, bool fold, const std::function<bool()>& stop)
{
    key_writer to(in);
    for (std::size_t side = 0; side < preview_sides.size(); ++side) {
        std::optional<rt::failure> failed;
        auto read = each_live_profile(in, preview_sides.at(side), [&](const profile& p) {
            for (const auto& held : p.identifiers) {
                const bool folded = fold && held.type == "email";
                std::string key = core::key32(by_identifier);
                key += id_bytes(identifier_digest(held.type, folded ? fold_case(held.value) : held.value));
                key += static_cast<char>(side);
                key += id_bytes(p.id);
                if (auto put = to.put(key); put.has_error()) failed = put.error();
            }
            if (stop()) failed = interrupted();
            return !failed;
        });
        if (failed) return *failed;
        if (read.has_error()) return read.error();
    }
    return to.flush();
}

// Pairs of profiles that hold the same identifier.
rt::outcome<void> pair_profiles(store::store& in, const std::function<bool()>& stop)
{
    key_writer to(in);
    std::string identifier;
    std::vector<profile_id> current;
    std::optional<rt::failure> failed;
    constexpr std::size_t side_at = 4 + id_bytes_count;
    const auto visit = [&](std::string_view key, std::string_view) {
        if (key.substr(0, side_at) != identifier) {
            identifier = key.substr(0, side_at);
            current.clear();
            if (stop()) failed = interrupted();
        }
        const auto id = id_at(key, side_at + 1);
        if (key[side_at] == '\0') {
            current.push_back(id);
            return !failed;
        }
        for (const auto& other : current) {
            for (const auto& pair : {core::key32(by_changed) + id_bytes(id) + id_bytes(other),
                                     core::key32(by_current) + id_bytes(other) + id_bytes(id)})
                if (auto put = to.put(pair); put.has_error()) failed = put.error();
        }
        return !failed;
    };
    auto read = in.scan(scratch, core::key32(by_identifier), core::key32(by_identifier + 1), visit);
    if (failed) return *failed;
    if (read.has_error()) return read.error();
    return to.flush();
}

struct group {
    profile_id id{};
    std::vector<profile_id> parts{};  // the first few
    std::uint64_t count = 0;
};

struct groups {
    std::uint64_t several = 0;  // profiles that stand against more than one
    std::uint64_t surplus = 0;  // how many more
    std::vector<group> largest{};
};

rt::outcome<groups> find_groups(store::store& in, std::uint32_t table, std::size_t keep)
{
    groups found;
    group now;
    const auto close = [&] {
        if (now.count < 2) return;
        ++found.several;
        found.surplus += now.count - 1;
        found.largest.push_back(now);
        std::sort(found.largest.begin(), found.largest.end(), [](const group& a, const group& b) {
            return a.count != b.count ? a.count > b.count : a.id < b.id;
        });
        if (found.largest.size() > keep) found.largest.pop_back();
    };
    const auto visit = [&](std::string_view key, std::string_view) {
        const auto id = id_at(key, 4);
        if (now.count == 0 || id != now.id) {
            close();
            now = {.id = id};
        }
        ++now.count;
        if (now.parts.size() < parts_shown) now.parts.push_back(id_at(key, 4 + id_bytes_count));
        return true;
    };
    auto read = in.scan(scratch, core::key32(table), core::key32(table + 1), visit);
    if (read.has_error()) return read.error();
    close();
    return found;
}

json::object shown(const profile& p)
{
    json::array identifiers;
    for (const auto& held : p.identifiers) {
        if (identifiers.size() == identifiers_shown) break;
        identifiers.push_back(json::object{{"type", held.type}, {"value", held.value}});
    }
    return {{"segment_id", segment_id(p.id)},
            {"identifier_count", p.identifiers.size()},
            {"identifiers", std::move(identifiers)},
            {"created_by", p.created_by}};
}

struct both_sides {
    profile_reader current;
    profile_reader changed;
};

rt::outcome<json::array> show_parts(profile_reader& from, const std::vector<profile_id>& ids)
{
    json::array all;
    for (const auto& id : ids) {
        auto p = from.read(id);
        if (p.has_error()) return p.error();
        if (*p) all.push_back(shown(**p));
    }
    return all;
}

// A profile that the changed rules make out of several: with the calls that merged it.
rt::outcome<json::object> show_joined(both_sides& sides, const group& g)
{
    auto p = sides.changed.read(g.id);
    if (p.has_error()) return p.error();
    if (!*p) return json::object();
    auto example = shown(**p);
    auto from = show_parts(sides.current, g.parts);
    if (from.has_error()) return from.error();
    example["count"] = g.count;
    example["from"] = std::move(*from);
    auto merges = sides.changed.merges_of(**p);
    if (merges.has_error()) return merges.error();
    json::array told;
    for (auto& m : *merges) {
        if (told.size() == reasons_shown) break;
        // Places in a store that is gone in a moment.
        m.story.erase("seq");
        m.story.erase("order");
        told.push_back(std::move(m.story));
    }
    example["merges"] = std::move(told);
    return example;
}

// A profile of the current rules that falls into several: with what kept them apart.
rt::outcome<json::object> show_split(both_sides& sides, const group& g)
{
    auto p = sides.current.read(g.id);
    if (p.has_error()) return p.error();
    if (!*p) return json::object();
    auto example = shown(**p);
    auto into = show_parts(sides.changed, g.parts);
    if (into.has_error()) return into.error();
    example["count"] = g.count;
    example["into"] = std::move(*into);
    json::array told;
    for (const auto& id : g.parts) {
        auto part = sides.changed.read(id);
        if (part.has_error()) return part.error();
        if (!*part) continue;
        auto noticed = sides.changed.observations_of(**part);
        if (noticed.has_error()) return noticed.error();
        for (auto& one : *noticed) {
            one.erase("number");
            one["name"] = violation_name(one.at("note").as_string());
            if (told.size() < reasons_shown && std::find(told.begin(), told.end(), json::value(one)) == told.end())
                told.push_back(one);
        }
    }
    example["refused"] = std::move(told);
    return example;
}

}  // namespace

rt::outcome<void> each_live_profile(store::store& in, std::uint32_t space, const std::function<bool(const profile&)>& visit)
{
    std::optional<rt::failure> damaged;
    const std::string from = core::key32(space) + 'p';
    const auto look = [&](std::string_view key, std::string_view value) {
        const auto id = id_from(key.substr(from.size()));
        auto p = id ? decode_profile(*id, value) : rt::outcome<profile>(rt::failure{.id = "identity.damaged"});
        if (p.has_error()) {
            damaged = p.error();
            return false;
        }
        return p->merged_into || visit(*p);
    };
    auto read = in.scan(store::family::identity, from, core::prefix_end(from), look);
    if (read.has_error()) return read.error();
    if (damaged) return *damaged;
    return rt::outcome<void>();
}

rt::outcome<json::object> compare_outcomes(store::store& in, const preview_settings& settings,
                                           const std::function<bool()>& stop)
{
    const bool fold = settings.current.fold_email_case || settings.changed.fold_email_case;
    if (auto done = list_identifiers(in, fold, stop); done.has_error()) return done.error();
    if (auto done = pair_profiles(in, stop); done.has_error()) return done.error();
    auto joined = find_groups(in, by_changed, settings.examples);
    if (joined.has_error()) return joined.error();
    auto split = find_groups(in, by_current, settings.examples);
    if (split.has_error()) return split.error();

    const auto current = rules::compile(settings.current);
    const auto changed = rules::compile(settings.changed);
    if (current.has_error()) return current.error();
    if (changed.has_error()) return changed.error();
    both_sides sides{{in, preview_sides[0], **current}, {in, preview_sides[1], **changed}};
    json::array added;
    for (const auto& g : joined->largest) {
        auto one = show_joined(sides, g);
        if (one.has_error()) return one.error();
        added.push_back(std::move(*one));
    }
    json::array removed;
    for (const auto& g : split->largest) {
        auto one = show_split(sides, g);
        if (one.has_error()) return one.error();
        removed.push_back(std::move(*one));
    }
    return json::object{{"merges", {{"added", joined->surplus}, {"removed", split->surplus}}},
                        {"profiles", {{"joined", joined->several}, {"split", split->several}}},
                        {"added", std::move(added)},
                        {"removed", std::move(removed)}};
}

}  // namespace lakeferry::identity
