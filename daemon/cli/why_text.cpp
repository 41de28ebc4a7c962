#include "daemon/cli/identity_text.hpp"
#include "daemon/cli/json_look.hpp"

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::string seconds_of(const std::string& timestamp) { return timestamp.substr(0, 10) + " " + (timestamp.size() < 19 ? "" : timestamp.substr(11, 8)); }

// "2026-02-01 12:00:00  identify m3 from web".
std::string event_text(const json::value& event)
{
    std::string out = seconds_of(text(event, {"timestamp"})) + "  ";
    const auto type = text(event, {"type"});
    out += (type.empty() ? "event" : type) + " " + text(event, {"id"});
    const auto source = text(event, {"source"});
    return source.empty() ? out : out + " from " + source;
}

std::string identifier_text(const json::value& of) { return text(of, {"type"}) + ":" + text(of, {"value"}); }

std::string limit_text(const json::value& of)
{
    if (number(of, {"limit"}) == 0) return "no limit";
    std::string out = "limit " + std::to_string(number(of, {"limit"}));
    if (const auto days = number(of, {"window_days"}); days != 0) out += " in " + std::to_string(days) + " days";
    return out;
}

// before: the step above, whose event is not said again.
std::string step_text(const json::value& step, const json::value& before, bool several)
{
    const auto what = text(step, {"what"});
    const auto segment = text(step, {"segment_id"});
    const bool same = at(before, {"event"}).is_object() && at(before, {"event"}) == at(step, {"event"});
    std::string out = same ? "" : "  " + event_text(at(step, {"event"})) + "\n";
    if (what == "created") {
        out += "    created " + segment;
    } else if (what == "attached") {
        out += "    attached " + identifier_text(at(step, {"identifier"}));
        if (several) out += " to " + segment;
    } else {
        out += "    merged";
        std::string away;
        for (const auto& one : list(step, {"merged"}))
            if (one.is_string()) away += (away.empty() ? " " : ", ") + printable(std::string(one.get_string()));
        out += away + " into " + segment;
    }
    out += ": " + text(step, {"rule"}) + "\n";
    for (const auto& met : list(step, {"met"}))
        out += "      " + identifier_text(met) + " led to " + text(met, {"segment_id"}) + "\n";
    return out;
}

std::string steps_text(const json::array& steps, bool several)
{
    std::string out;
    for (std::size_t i = 0; i < steps.size(); ++i) out += step_text(steps[i], i == 0 ? json::value() : steps[i - 1], several);
    return out;
}

std::string observation_text(const json::value& one)
{
    std::string out = "  " + event_text(at(one, {"event"})) + "\n    " + text(one, {"name"});
    if (at(one, {"identifier"}).is_object()) out += ": " + identifier_text(at(one, {"identifier"}));
    const auto rule = text(one, {"rule"});
    if (!rule.empty()) out += " (" + rule + ")";
    std::string profiles;
    for (const auto& id : list(one, {"profiles"}))
        if (id.is_string()) profiles += (profiles.empty() ? "" : ", ") + printable(std::string(id.get_string()));
    if (!profiles.empty()) out += "\n      the call's identifiers led to " + profiles;
    const auto to = text(one, {"to"});
    out += to.empty() ? "\n      the call went to nobody" : "\n      the call went to " + to;
    return out + "\n";
}

std::string who_text(const char* label, const json::value& p)
{
    std::string out = std::string(label) + text(p, {"asked"}) + " is " + text(p, {"segment_id"}) + ", created " +
                      event_text(at(p, {"created", "event"})) + "\n";
    for (const auto& one : list(p, {"identifiers"})) out += "     " + identifier_text(one) + "  (" + limit_text(one) + ")\n";
    return out;
}

std::string limits_between_text(const json::array& limits)
{
    std::string out;
    for (const auto& one : limits) {
        if (at(one, {"cap"}).is_string())
            out += "  " + text(one, {"cap"}) + " is " + grouped(number(one, {"limit"})) + ", together they would have " +
                   grouped(number(one, {"together"})) + "\n";
        else
            out += "  " + text(one, {"type"}) + ": " + limit_text(one) + ", the first has " + grouped(number(one, {"a"})) +
                   " and the second " + grouped(number(one, {"b"})) + "\n";
    }
    return out;
}

}  // namespace

std::string why_text(const json::value& a)
{
    const auto& ids = list(a, {"ids"});
    std::string out = text(a, {"asked"}) + " is " + text(a, {"segment_id"}) + "\n\nIdentifiers\n";
    text_table identifiers({"TYPE", "VALUE", "SINCE", "BY", "LIMIT"});
    for (const auto& one : list(a, {"identifiers"}))
        identifiers.add({text(one, {"type"}), text(one, {"value"}), seconds_of(text(one, {"event", "timestamp"})),
                         text(one, {"event", "type"}) + " " + text(one, {"event", "id"}), limit_text(one)});
    out += identifiers.text();
    if (ids.size() > 1) {
        out += "\nAlso known as\n";
        for (std::size_t i = 1; i < ids.size(); ++i)
            if (ids[i].is_string()) out += "  " + printable(std::string(ids[i].get_string())) + "\n";
    }
    out += "\nStory, in the order in which the calls were resolved\n";
    out += steps_text(list(a, {"story"}), ids.size() > 1);
    const auto& refused = list(a, {"refused"});
    if (refused.empty()) return out + "\nNothing was refused.\n";
    out += "\nRefused (the last of each kind and identifier)\n";
    for (const auto& one : refused) out += observation_text(one);
    return out;
}

std::string why_pair_text(const json::value& a)
{
    std::string out = who_text("1  ", at(a, {"a"})) + who_text("2  ", at(a, {"b"})) + "\n";
    if (at(a, {"together"}) == true) {
        const auto& merges = list(a, {"merges"});
        out += merges.empty() ? "They are one profile, and never were two: both were attached to it.\n"
                              : "They are one profile. What joined them:\n";
        return out + steps_text(merges, true) + steps_text(list(a, {"attached"}), true);
    }
    const auto& reasons = list(a, {"reasons"});
    out += reasons.empty() ? "They are two profiles: nothing that is remembered ever linked them, no call named both.\n"
                           : "They are two profiles. What kept them apart:\n";
    for (const auto& one : reasons) out += observation_text(one);
    const auto limits = limits_between_text(list(a, {"limits"}));
    if (!limits.empty()) out += "\nA call that names both would not join them now:\n" + limits;
    else if (reasons.empty()) out += "A call that names an identifier of each would join them.\n";
    return out;
}

std::string observations_text(const json::value& a)
{
    std::string out;
    if (const auto* counts = at(a, {"counts"}).if_object(); counts != nullptr && !counts->empty()) {
        text_table table({"OBSERVATION", ">TIMES"});
        for (const auto& [name, count] : *counts) table.add({std::string(name), grouped(number(a, {"counts", name}))});
        out += table.text() + "\n";
    }
    const auto& all = list(a, {"observations"});
    if (all.empty()) return out + "Resolution of this space has refused nothing that is remembered.\n";
    for (const auto& one : all) out += observation_text(one);
    return out;
}

}  // namespace lakeferry::daemon
