#include "daemon/cli/erase_text.hpp"

#include "daemon/cli/text.hpp"

#include <boost/json.hpp>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::uint64_t number(const json::object& o, std::string_view name)
{
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_number() ? v->to_number<std::uint64_t>() : 0;
}

std::string text(const json::object& o, std::string_view name)
{
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? printable(v->get_string()) : std::string();
}

bool flag(const json::object& o, std::string_view name)
{
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_bool() && v->get_bool();
}

std::string state_text(const json::object& o)
{
    if (flag(o, "dry_run")) return "dry run: nothing was removed";
    const std::string state = text(o, "state");
    if (state == "complete") return "complete";
    if (state == "vacuum_due") return "every row is gone; VACUUM follows after " + text(o, "vacuum_due_at");
    if (!text(o, "error").empty()) return "open: " + text(o, "error");
    return state == "asked" ? "open: begins when no run goes" : "open: gone from the identity graph, rows follow";
}

std::string local_text(const json::object& o)
{
    std::string out;
    if (const auto* local = o.if_contains("local"); local != nullptr && local->is_object())
        for (const auto& one : local->get_object()) {
            const auto n = one.value().to_number<std::uint64_t>();
            std::string name(one.key());
            for (char& c : name) c = c == '_' ? ' ' : c;
            if (n != 0) out += (out.empty() ? "" : ", ") + grouped(n) + " " + name;
        }
    return out.empty() ? "nothing" : out;
}

// Files with deleted rows outlive the rows; who wants them gone must do something.
std::string advice(const json::object& o)
{
    std::string out;
    if (flag(o, "dry_run") || flag(o, "vacuum") || number(o, "deleted_us") == 0) return out;
    const auto* tables = o.if_contains("tables");
    if (tables == nullptr || !tables->is_object()) return out;
    for (const auto& one : tables->get_object()) {
        const auto& t = one.value().as_object();
        if (number(t, "rows_removed") + number(t, "rows_blanked") > 0)
            out += "  REORG TABLE " + std::string(one.key()) + " APPLY (PURGE);  VACUUM " + std::string(one.key()) + ";\n";
    }
    if (out.empty()) return out;
    return "The rows can still be read by time travel until their files are removed: REORG now, VACUUM after " +
           text(o, "vacuum_due_at") + "\n(7 days, unless delta.deletedFileRetentionDuration says otherwise; --vacuum does both):\n" + out;
}

}  // namespace

std::string receipt_text(const json::value& receipt)
{
    const auto& o = receipt.as_object();
    const bool dry = flag(o, "dry_run");
    std::string out;
    if (!dry) out += "Erasure " + std::to_string(number(o, "number"));
    if (!dry && !text(o, "request").empty()) out += " (" + text(o, "request") + ")";
    out += (dry ? "" : ": ") + state_text(o) + "\n";
    const auto asked = o.at("asked").as_array().size();
    out += grouped(asked) + " named, " + grouped(number(o, "people")) + " found with " +
           grouped(number(o, "segment_ids")) + " segment ids and " + grouped(number(o, "identifiers")) + " identifiers";
    if (number(o, "unknown") != 0)
        out += "; " + grouped(number(o, "unknown")) + " named that no profile has (looked for in the tables all the same)";
    out += "\nhere: " + local_text(o) + "\n";
    const auto& tables = o.at("tables").as_object();
    if (tables.empty()) out += dry || number(o, "deleted_us") != 0 ? "no table has a row of them\n" : "";
    if (!tables.empty()) {
        text_table table({"table", ">removed", ">blanked", "state"});
        for (const auto& one : tables) {
            const auto& t = one.value().as_object();
            const std::string error = text(t, "error");
            table.add({std::string(one.key()), grouped(number(t, "rows_removed")), grouped(number(t, "rows_blanked")),
                       error.empty() ? (number(t, "vacuumed_us") != 0 ? "vacuumed" : "") : error});
        }
        out += table.text();
    }
    return out + advice(o);
}

std::string erasures_text(const json::value& answer)
{
    const auto& all = answer.at("erasures").as_array();
    if (all.empty()) return "No erasure was asked for.\n";
    text_table table({">number", "asked", "request", ">people", ">rows", "state"});
    for (const auto& one : all) {
        const auto& o = one.as_object();
        table.add({std::to_string(number(o, "number")), text(o, "asked_at"), text(o, "request"), grouped(number(o, "people")),
                   grouped(number(o, "rows_removed") + number(o, "rows_blanked")), state_text(o)});
    }
    return table.text();
}

std::string erasure_progress(const json::value& receipt)
{
    const auto& o = receipt.as_object();
    return "erasure " + std::to_string(number(o, "number")) + ": " + text(o, "state") + ", " +
           grouped(number(o, "rows_removed")) + " rows removed in " + grouped(o.at("tables").as_object().size()) + " tables";
}

}  // namespace lakeferry::daemon
