#include "sync/identity/rule_preview.hpp"

#include "sync/core/event_block.hpp"
#include "sync/core/keys.hpp"
#include "sync/identity/preview_compare.hpp"
#include "sync/identity/records.hpp"
#include "sync/identity/rules.hpp"

#include <boost/json.hpp>

namespace lakeferry::identity {

namespace json = boost::json;

namespace {

constexpr std::size_t resolve_at_bytes = std::size_t{8} << 20U;

resolver make_resolver(store::store& in, const preview_settings& settings, std::uint32_t side, const rt::wall_clock& clock)
{
    return {in,
            resolver_settings{.space_id = settings.space_id,
                              .space = preview_sides.at(side),
                              .rules = side == 0 ? settings.current : settings.changed,
                              .materialized = false},
            clock};
}

json::object side_json(const preview_side& side)
{
    json::object refused;
    for (const auto& [name, count] : side.notes) refused[name] = count;
    return {{"profiles", side.profiles},
            {"created", side.created},
            {"merged", side.merged},
            {"identifiers", side.identifiers},
            {"refused", std::move(refused)}};
}

}  // namespace

rule_preview::rule_preview(store::store& in, preview_settings settings, const rt::wall_clock& clock)
    : in_(in),
      settings_(std::move(settings)),
      resolvers_{make_resolver(in, settings_, 0, clock), make_resolver(in, settings_, 1, clock)}
{
}

rt::outcome<std::unique_ptr<rule_preview>> rule_preview::make(store::store& in, preview_settings settings,
                                                              const rt::wall_clock& clock)
{
    for (const auto* rules : {&settings.current, &settings.changed})
        if (auto checked = check_rules(*rules); checked.has_error()) return checked.error();
    return std::unique_ptr<rule_preview>(new rule_preview(in, std::move(settings), clock));
}

rt::outcome<void> rule_preview::take(std::string_view block)
{
    store::batch changes;
    ++arrival_;
    for (const auto side : preview_sides) changes.put(store::family::events, core::event_key(side, arrival_), block);
    if (auto written = in_.write(std::move(changes), store::durable::no); written.has_error()) return written.error();
    waiting_bytes_ += block.size();
    return waiting_bytes_ < resolve_at_bytes ? rt::outcome<void>() : resolve();
}

rt::outcome<void> rule_preview::resolve()
{
    waiting_bytes_ = 0;
    for (std::size_t i = 0; i < resolvers_.size(); ++i) {
        for (bool more = true; more;) {
            auto done = resolvers_.at(i).step({.two_threads = settings_.two_threads});
            if (done.has_error()) return done.error();
            more = done->more;
            auto& side = sides_.at(i);
            side.created += done->profiles_created;
            side.merged += done->profiles_merged;
            side.identifiers += done->identifiers_added;
            for (const auto& [name, count] : done->notes)
                if (name != "column_limit") side.notes[name] += count;
            if (i == 0) {
                calls_ += done->calls - done->duplicates - done->unreadable;
                duplicates_ += done->duplicates;
                unreadable_ += done->unreadable;
            }
            // Nobody lands the rows.
            const auto space = preview_sides.at(i);
            store::batch changes;
            changes.remove_range(store::family::outbox, core::key32(space), core::key32(space + 1));
            if (auto written = in_.write(std::move(changes), store::durable::no); written.has_error()) return written.error();
        }
    }
    return rt::outcome<void>();
}

rt::outcome<json::object> rule_preview::finish(const std::function<bool()>& stop)
{
    if (auto done = resolve(); done.has_error()) return done.error();
    for (auto& side : sides_) side.profiles = side.created - side.merged;
    auto compared = compare_outcomes(in_, settings_, stop);
    if (compared.has_error()) return compared.error();
    json::object report{{"space", settings_.space_id},
                        {"calls", calls_},
                        {"duplicates", duplicates_},
                        {"unreadable", unreadable_},
                        {"current", side_json(sides_[0])},
                        {"changed", side_json(sides_[1])}};
    for (auto& member : *compared) report[member.key()] = std::move(member.value());
    return report;
}

rt::outcome<void> rule_preview::each_profile(const std::function<bool(const std::string& line)>& visit)
{
    for (std::size_t i = 0; i < preview_sides.size(); ++i) {
        const char* const rules = i == 0 ? "current" : "changed";
        auto read = each_live_profile(in_, preview_sides.at(i), [&](const profile& p) {
            json::array ids{segment_id(p.id)};
            for (const auto& id : p.members) ids.emplace_back(segment_id(id));
            json::array identifiers;
            for (const auto& held : p.identifiers) identifiers.push_back(json::array{held.type, held.value});
            const json::object line{{"rules", rules},
                                    {"segment_id", segment_id(p.id)},
                                    {"created_by", p.created_by},
                                    {"ids", std::move(ids)},
                                    {"identifiers", std::move(identifiers)}};
            return visit(json::serialize(line));
        });
        if (read.has_error()) return read.error();
    }
    return rt::outcome<void>();
}

}  // namespace lakeferry::identity
