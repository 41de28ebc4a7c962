#include "daemon/cli/identity_text.hpp"
#include "daemon/cli/json_look.hpp"

#include <set>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::string identifiers_of(const json::value& profile)
{
    std::string out;
    const auto& all = list(profile, {"identifiers"});
    for (const auto& one : all) out += (out.empty() ? "" : ", ") + text(one, {"type"}) + ":" + text(one, {"value"});
    const auto count = number(profile, {"identifier_count"});
    if (count > all.size()) out += ", and " + grouped(count - all.size()) + " more";
    return out;
}

std::string more_of(const json::value& example, std::size_t shown)
{
    const auto count = number(example, {"count"});
    return count > shown ? "    and " + grouped(count - shown) + " more\n" : "";
}

std::string joined_text(const json::value& one)
{
    std::string out = "  One profile (" + text(one, {"segment_id"}) + ") instead of " + grouped(number(one, {"count"})) + "\n";
    const auto& from = list(one, {"from"});
    for (const auto& part : from) out += "    " + text(part, {"segment_id"}) + "  " + identifiers_of(part) + "\n";
    out += more_of(one, from.size());
    for (const auto& merge : list(one, {"merges"})) {
        out += "    merged by " + text(merge, {"event", "type"}) + " " + text(merge, {"event", "id"}) + " at " +
               text(merge, {"event", "timestamp"}).substr(0, 19);
        std::string met;
        for (const auto& m : list(merge, {"met"})) met += (met.empty() ? ": " : ", ") + text(m, {"type"}) + ":" + text(m, {"value"});
        out += met + "\n";
    }
    return out;
}

std::string split_text(const json::value& one)
{
    std::string out = "  " + grouped(number(one, {"count"})) + " profiles instead of one (" + text(one, {"segment_id"}) + ")\n";
    const auto& into = list(one, {"into"});
    for (const auto& part : into) out += "    " + text(part, {"segment_id"}) + "  " + identifiers_of(part) + "\n";
    out += more_of(one, into.size());
    for (const auto& refused : list(one, {"refused"}))
        out += "    " + text(refused, {"name"}) + ": " + text(refused, {"identifier", "type"}) + ":" +
               text(refused, {"identifier", "value"}) + " of event " + text(refused, {"event", "id"}) + " (" + text(refused, {"rule"}) + ")\n";
    return out;
}

void add_row(text_table& to, const json::value& r, const char* label, std::initializer_list<std::string_view> name)
{
    std::vector<std::string_view> path(name);
    const auto of = [&](std::string_view side) {
        return path.size() == 1 ? number(r, {side, path[0]}) : number(r, {side, path[0], path[1]});
    };
    const auto before = of("current");
    const auto after = of("changed");
    const auto difference = after >= before ? "+" + grouped(after - before) : "-" + grouped(before - after);
    to.add({label, grouped(before), grouped(after), before == after ? "" : difference});
}

}  // namespace

std::string preview_text(const json::value& r)
{
    std::string out = "Rules for " + text(r, {"space"}) + " over " + grouped(number(r, {"calls"})) + " calls";
    if (text(r, {"input", "from"}) == "landed") out += " that have landed, in the order of received_at";
    out += "\n";
    if (const auto n = number(r, {"duplicates"}); n != 0) out += "  " + grouped(n) + " duplicates were left out\n";
    if (const auto n = number(r, {"input", "refused"}); n != 0) out += "  " + grouped(n) + " lines are no calls that would be accepted\n";
    std::string missing;
    for (const auto& one : list(r, {"input", "missing"}))
        if (one.is_string()) missing += (missing.empty() ? "" : ", ") + std::string(one.get_string());
    if (!missing.empty()) out += "  not there, and so not looked at: " + printable(missing) + "\n";
    text_table table({"", ">NOW", ">CHANGED", ">DIFFERENCE"});
    add_row(table, r, "profiles", {"profiles"});
    add_row(table, r, "created", {"created"});
    add_row(table, r, "merged into another", {"merged"});
    add_row(table, r, "identifiers", {"identifiers"});
    std::set<std::string> names;
    for (const auto* side : {"current", "changed"})
        if (const auto* refused = at(r, {side, "refused"}).if_object())
            for (const auto& [name, _] : *refused) names.emplace(name);
    for (const auto& name : names) add_row(table, r, name.c_str(), {"refused", name});
    out += "\n" + table.text() + "\n";
    out += "Merges added    " + grouped(number(r, {"merges", "added"})) + " (" + grouped(number(r, {"profiles", "joined"})) +
           " profiles unite what are several now)\n";
    for (const auto& one : list(r, {"added"})) out += joined_text(one);
    out += "Merges removed  " + grouped(number(r, {"merges", "removed"})) + " (" + grouped(number(r, {"profiles", "split"})) +
           " profiles fall apart)\n";
    for (const auto& one : list(r, {"removed"})) out += split_text(one);
    return out + "\nNothing was changed: this was a preview.\n";
}

}  // namespace lakeferry::daemon
