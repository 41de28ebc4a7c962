#include "daemon/cli/status_text.hpp"

#include "daemon/cli/json_look.hpp"
#include "daemon/cli/text.hpp"
#include "daemon/control/json_views.hpp"

#include <boost/json.hpp>

#include <cstdint>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::uint64_t rows_of(const json::value& report)
{
    std::uint64_t rows = 0;
    if (const auto* tables = at(report, {"tables"}).if_object())
        for (const auto& [name, table] : *tables) rows += number(table, {"rows"});
    return rows;
}

std::string took(const json::value& report)
{
    const auto from = signed_number(report, {"started_us"});
    const auto to = signed_number(report, {"ended_us"});
    return to <= from ? std::string() : span_text(static_cast<double>(to - from) / 1e6);
}

std::string lag(const json::value& space)
{
    return at(space, {"sync", "lag_s"}).is_number() ? span_text(real(space, {"sync", "lag_s"})) : "never";
}

std::string now_doing(const json::value& space)
{
    auto activity = text(space, {"sync", "activity"});
    if (!activity.empty()) return activity;
    const auto phase = text(space, {"sync", "phase"});
    if (phase != "idle") return phase;
    return at(space, {"identity", "working"}) == true ? "resolving calls" : "idle";
}

// People who were to be forgotten and are not yet, everywhere. Empty: none.
std::string erasures_line(const json::value& s)
{
    const auto open = number(s, {"erasures", "open"});
    if (open == 0) return {};
    const auto why = text(s, {"erasures", "error"});
    return grouped(open) + " not complete (lakeferry erasures " + text(s, {"id"}) + ")" + (why.empty() ? "" : ": " + why);
}

// Where the time went, and what it cost.
std::string circumstances(const json::value& r)
{
    if (number(r, {"number"}) == 0) return {};
    const auto seconds = [&](std::initializer_list<std::string_view> path) { return span_text(real(r, path) / 1e6); };
    std::string out = "waited " + seconds({"phases_us", "warehouse_wait"}) + " for the warehouse" +
                      (at(r, {"woke_warehouse"}) == true ? " and woke it" : "") + "; structure " +
                      seconds({"phases_us", "structure"}) + ", staging " + seconds({"phases_us", "stage"}) + ", loading " +
                      seconds({"phases_us", "load"}) + "\n" + std::to_string(number(r, {"statements"})) +
                      " statements, " + seconds({"warehouse_us"}) + " of the warehouse; " + bytes_text(number(r, {"bytes"})) +
                      " of rows in " + std::to_string(number(r, {"files"})) + " files; " + grouped(number(r, {"rescued"})) +
                      " rows with rescued values, " + grouped(number(r, {"refused"})) + " calls refused";
    if (at(r, {"lag_us"}).is_number()) out += "; the oldest call was " + seconds({"lag_us"}) + " old";
    return out + "\n";
}

}  // namespace

std::string status_text(const json::value& s)
{
    std::string out = "Lakeferry " + text(s, {"version"}) + ", " +
                      (at(s, {"stopping"}) == true ? "stopping"
                       : at(s, {"ready"}) == true  ? "ready"
                                                   : "starting") +
                      ", started " + text(s, {"started"}) + ", configuration generation " +
                      std::to_string(number(s, {"generation"})) + " (" + text(s, {"config_file"}) + ")\n";
    std::string addresses;
    for (const auto& a : list(s, {"intake", "addresses"}))
        if (a.is_string()) addresses += (addresses.empty() ? "" : ", ") + std::string(a.get_string());
    out += "Intake on " + addresses + ", " + bytes_text(number(s, {"intake", "backlog_bytes"})) + " wait on disk\n";
    if (at(s, {"last_reload"}).is_object())
        out += "Last reload " + text(s, {"last_reload", "at"}) + ": " +
               (at(s, {"last_reload", "accepted"}) == true ? "" : "REFUSED, ") + text(s, {"last_reload", "text"}) + "\n";
    const auto& spaces = list(s, {"spaces"});
    if (spaces.empty()) return out + "\nNo space is configured.\n";
    text_table table({"SPACE", "STATE", "TARGET", "NOW", "LAST RUN", ">ROWS", ">LAG", "NEXT RUN", ">WAITING"});
    std::string reasons;
    for (const auto& one : spaces) {
        const auto& last = at(one, {"sync", "last"});
        table.add({text(one, {"id"}), text(one, {"state"}), text(one, {"target"}), now_doing(one),
                   last.is_object() ? text(last, {"status"}) + " " + time_text(signed_number(last, {"ended_us"})) : "",
                   last.is_object() ? grouped(rows_of(last)) : "", lag(one), text(one, {"sync", "next"}),
                   bytes_text(number(one, {"waiting", "events_bytes"}) + number(one, {"waiting", "rows_bytes"}))});
        const auto reason = text(one, {"reason"});
        if (!reason.empty()) reasons += text(one, {"id"}) + ": " + reason + "\n";
        if (const auto said = text(one, {"identity", "notice"}); !said.empty())
            reasons += text(one, {"id"}) + ": " + said + "\n";
        if (const auto said = text(one, {"kafka", "notice"}); !said.empty()) reasons += text(one, {"id"}) + ": Kafka: " + said + "\n";
        if (const auto open = erasures_line(one); !open.empty()) reasons += text(one, {"id"}) + ": " + open + "\n";
    }
    out += "\n" + table.text();
    if (!reasons.empty()) out += "\n" + reasons;
    return out;
}

// Empty: the space takes no calls from Kafka.
std::string kafka_text(const json::value& s)
{
    if (!at(s, {"kafka"}).is_object()) return {};
    std::string out = "Kafka     " + text(s, {"kafka", "state"}) + ", topic " + text(s, {"kafka", "topic"}) + ", group " +
                      text(s, {"kafka", "group"}) + ", " + std::to_string(number(s, {"kafka", "partitions"})) + " of " +
                      std::to_string(number(s, {"kafka", "partitions_total"})) + " partitions; " +
                      grouped(number(s, {"kafka", "messages"})) + " messages read, " +
                      grouped(number(s, {"kafka", "refused"})) + " calls refused";
    if (at(s, {"kafka", "lag"}).is_number()) out += ", " + grouped(number(s, {"kafka", "lag"})) + " wait";
    out += "\n";
    for (const char* what : {"notice", "error"})
        if (const auto words = text(s, {"kafka", what}); !words.empty()) out += "          " + words + "\n";
    return out;
}

std::string space_text(const json::value& s)
{
    std::string out = text(s, {"name"}) + " (" + text(s, {"id"}) + ") -> " + text(s, {"target"}) + ", warehouse " +
                      text(s, {"warehouse_id"}) + "\n";
    const auto reason = text(s, {"reason"});
    out += "State     " + text(s, {"state"}) + (reason.empty() ? "" : ": " + reason) + "\n";
    // Beside another trouble; alone it is the reason.
    if (const auto paused = text(s, {"paused"}); !paused.empty() && paused != reason) out += "Paused    " + paused + "\n";
    out += "Now       " + now_doing(s) + "\n";
    out += "Identity  " + grouped(number(s, {"identity", "calls"})) + " calls resolved since the start, " +
           grouped(number(s, {"identity", "duplicates"})) + " duplicates, " +
           grouped(number(s, {"identity", "rescued"})) + " rows with rescued values\n";
    if (const auto said = text(s, {"identity", "notice"}); !said.empty()) out += "          " + said + "\n";
    std::string noticed;
    if (const auto* notes = at(s, {"identity", "notes"}).if_object())
        for (const auto& [name, count] : *notes)
            noticed += (noticed.empty() ? "" : ", ") + grouped(number(s, {"identity", "notes", name})) + " " +
                       printable(std::string(name));
    if (!noticed.empty()) out += "Noticed   " + noticed + " (lakeferry identity observations " + text(s, {"id"}) + ")\n";
    out += "Waiting   " + bytes_text(number(s, {"waiting", "events_bytes"})) + " of calls, " +
           bytes_text(number(s, {"waiting", "rows_bytes"})) + " of rows\n";
    out += kafka_text(s);
    out += "Lag       " + lag(s) + "\n";
    if (const auto open = erasures_line(s); !open.empty()) out += "Erasures  " + open + "\n";
    const auto next = text(s, {"sync", "next"});
    const auto next_why = text(s, {"sync", "next_why"});
    out += "Next run  " + (next.empty() ? std::string("none planned") : next) +
           (next_why.empty() ? std::string() : " (" + next_why + ")") + ", " +
           grouped(number(s, {"sync", "skipped"})) + " skipped\n";
    return out;
}

std::string runs_text(const json::value& runs)
{
    const auto& all = list(runs, {"runs"});
    if (all.empty()) return "\nNo run yet.\n";
    text_table table({">RUN", "STATUS", "TRIGGER", "STARTED", ">TOOK", ">ROWS", "WHY"});
    for (const auto& r : all)
        table.add({std::to_string(number(r, {"number"})), text(r, {"status"}), text(r, {"trigger"}),
                   time_text(signed_number(r, {"started_us"})), took(r), grouped(rows_of(r)), text(r, {"error", "message"})});
    return "\n" + table.text();
}

std::string report_text(const json::value& r)
{
    const auto number_text = number(r, {"number"}) == 0 ? std::string() : " " + std::to_string(number(r, {"number"}));
    std::string out = "Run" + number_text + ": " + text(r, {"status"}) + ", " + grouped(rows_of(r)) + " rows";
    const auto time = took(r);
    if (!time.empty()) out += " in " + time;
    out += "\n";
    const auto why = text(r, {"error", "message"});
    if (!why.empty()) out += why + "\n";
    out += circumstances(r);
    const auto* tables = at(r, {"tables"}).if_object();
    if (tables == nullptr || tables->empty()) return out;
    text_table table({"TABLE", ">ROWS", ">RESCUED", ">LOADS", "WHY"});
    for (const auto& [name, t] : *tables)
        table.add({std::string(name), grouped(number(t, {"rows"})), grouped(number(t, {"rescued"})),
                   grouped(number(t, {"loads"})), text(t, {"error", "message"})});
    return out + table.text();
}

bool report_succeeded(const json::value& r) { return text(r, {"status"}) == "success"; }

std::string refused_text(const json::value& r)
{
    const auto& all = list(r, {"refusals"});
    if (all.empty()) return "No call of this space was refused.\n";
    text_table table({"AT", "VIA", "SOURCE", "REASON", "FIELD", "WHERE", "MESSAGE"});
    for (const auto& one : all)
        table.add({text(one, {"at"}), text(one, {"via"}), text(one, {"source"}), text(one, {"reason"}),
                   text(one, {"field"}), text(one, {"where"}), text(one, {"message"})});
    return table.text();
}

}  // namespace lakeferry::daemon
