// Commands about tables: fill them, change the type of a column, compact files, settle loads.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/control_client.hpp"
#include "daemon/cli/status_text.hpp"
#include "daemon/cli/text.hpp"

#include <boost/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <optional>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::string space_path(const cli_options& options, const std::string& rest)
{
    return "/api/v1/spaces/" + http::encode_component(options.space) + rest;
}

std::string text(const json::object& o, const char* name)
{
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::uint64_t number(const json::object& o, const char* name)
{
    const auto* v = o.if_contains(name);
    boost::system::error_code ignored;
    return v != nullptr && v->is_number() ? v->to_number<std::uint64_t>(ignored) : 0;
}

json::array texts(const json::object& o, const char* name)
{
    const auto* v = o.if_contains(name);
    return v != nullptr && v->is_array() ? v->get_array() : json::array();
}

std::string joined(const json::array& names)
{
    std::string all;
    for (const auto& n : names) all += (all.empty() ? "" : ", ") + printable(n.is_string() ? std::string(n.get_string()) : "");
    return all;
}

const json::object* error_of(const json::object& job)
{
    const auto* v = job.if_contains("error");
    return v == nullptr ? nullptr : v->if_object();
}

std::string subject(const json::object& job)
{
    const auto tables = texts(job, "tables");
    if (text(job, "kind") == "retype") return joined(tables) + "." + text(job, "column") + " to " + text(job, "type");
    return tables.empty() ? "all tables" : joined(tables);
}

std::string progress_of(const json::object& job)
{
    if (text(job, "kind") == "backfill")
        return grouped(number(job, "profiles")) + " profiles read, " + grouped(number(job, "rows")) + " rows written";
    return text(job, "step");
}

int print_end(const json::object& job)
{
    const bool done = text(job, "step") == "done";
    const char* const failed = text(job, "kind") == "optimize" ? " was not done for every table" : " was refused";
    std::string line = text(job, "kind") + " of " + subject(job) + (done ? " is done" : failed);
    if (done && text(job, "kind") == "backfill") line += ": " + progress_of(job);
    if (done && text(job, "kind") == "retype")
        line += ": " + grouped(number(job, "taken_back")) + " rescued values came back, " + grouped(number(job, "rescued")) +
                " went to _rescued_data";
    (done ? std::cout : std::cerr) << line << ".\n";
    for (const auto& note : texts(job, "notes"))
        if (note.is_string()) std::cout << "  " << printable(note.get_string()) << "\n";
    if (const auto* error = error_of(job); error != nullptr && !done)
        std::cerr << "lakeferry: " << printable(text(*error, "message")) << "\n";
    return done ? exit_status::ok : exit_status::failed;
}

rt::outcome<json::object> find_job(control_client& client, const cli_options& options, std::uint64_t wanted)
{
    auto answer = client.get(space_path(options, "/jobs"));
    if (answer.has_error()) return answer.error();
    if (const auto* o = answer->if_object())
        for (const auto& one : texts(*o, "jobs"))
            if (one.is_object() && number(one.get_object(), "number") == wanted) return one.get_object();
    return rt::failure{.id = "job.unknown", .detail = "The daemon has forgotten the job."};
}

// Runs of the space carry the job out; one that ended without finishing it is followed by another. A job that failed twice
// with the same words is left to the schedule.
int follow(control_client& client, const cli_options& options, std::uint64_t wanted)
{
    const bool terminal = ::isatty(STDERR_FILENO) == 1 && !options.json;
    const auto said = [terminal](const std::string& line) {
        if (terminal) std::cerr << "\r\033[K" << line << std::flush;
    };
    std::uint64_t runs = 0;
    std::string before;
    rt::duration pause = std::chrono::milliseconds(200);
    for (;;) {
        auto job = find_job(client, options, wanted);
        if (job.has_error()) return report_failure(options, job.error());
        const bool open = job->contains("open") && job->at("open") == true;
        if (!open) {
            said("");
            if (!options.json) return print_end(*job);
            std::cout << json::serialize(*job) << "\n";
            return text(*job, "step") == "done" ? exit_status::ok : exit_status::failed;
        }
        said(text(*job, "kind") + " of " + subject(*job) + ": " + progress_of(*job));
        auto ran = client.post(space_path(options, "/sync?wait=true"));
        if (ran.has_error() && ran.error().retry == rt::retry_class::never) return report_failure(options, ran.error());
        auto now = find_job(client, options, wanted);
        if (now.has_error()) return report_failure(options, now.error());
        const auto* error = error_of(*now);
        if (++runs >= 2 && error != nullptr && now->at("open") == true) {
            said("");
            return report_failure(options, {.retry = rt::retry_class::transient,
                                            .id = text(*error, "id"),
                                            .detail = text(*error, "message") + "\nIt is tried again by every run: lakeferry jobs " +
                                                      options.space});
        }
        // It waits for something that runs do not bring about by themselves: a load that is stuck, rows that come later.
        const std::string state = text(*now, "step") + progress_of(*now);
        const auto longest = rt::duration(std::chrono::seconds(10));
        pause = state == before ? std::min<rt::duration>(pause * 2, longest) : rt::duration(std::chrono::milliseconds(200));
        before = state;
        client.sleep(pause);
    }
}

int ask(const cli_options& options, json::object job)
{
    control_client client(control_socket_of(options));
    auto answer = client.post(space_path(options, "/jobs"), json::serialize(job));
    if (answer.has_error()) return report_failure(options, answer.error());
    const auto* o = answer->if_object();
    if (o == nullptr) return report_failure(options, {.id = "control.malformed", .detail = "The daemon's answer cannot be understood."});
    if (options.table.wait) return follow(client, options, number(*o, "number"));
    if (options.json) std::cout << json::serialize(*answer) << "\n";
    else std::cout << "Job " << number(*o, "number") << " begins with the next run; see lakeferry jobs " << options.space << ".\n";
    return exit_status::ok;
}

json::array names_of(const cli_options& options)
{
    json::array names;
    for (const auto& n : options.table.names) names.emplace_back(n);
    return names;
}

// What the daemon lists under the name; without `items` everything has been printed and `status` is the exit status.
struct listing {
    std::optional<json::array> items{};
    int status = exit_status::ok;
};

listing list_of(control_client& client, const cli_options& options, const char* name)
{
    auto answer = client.get(space_path(options, std::string("/") + name));
    if (answer.has_error()) return {.status = report_failure(options, answer.error())};
    if (!options.json) return {.items = answer->is_object() ? texts(answer->get_object(), name) : json::array()};
    std::cout << json::serialize(*answer) << "\n";
    return {};
}

}  // namespace

int backfill_tables(const cli_options& options) { return ask(options, {{"kind", "backfill"}, {"tables", names_of(options)}}); }

int optimize_tables(const cli_options& options) { return ask(options, {{"kind", "optimize"}, {"tables", names_of(options)}}); }

int retype_column(const cli_options& options)
{
    const auto dot = options.table.column.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == options.table.column.size()) {
        std::cerr << "lakeferry: \"" << options.table.column << "\" names no column; write TABLE.COLUMN.\n";
        return exit_status::usage;
    }
    return ask(options, {{"kind", "retype"},
                         {"tables", json::array{options.table.column.substr(0, dot)}},
                         {"column", options.table.column.substr(dot + 1)},
                         {"type", options.table.type},
                         {"rescue", options.table.rescue}});
}

int list_jobs(const cli_options& options)
{
    control_client client(control_socket_of(options));
    const auto listed = list_of(client, options, "jobs");
    if (!listed.items) return listed.status;
    const auto& jobs = *listed.items;
    if (jobs.empty()) std::cout << "No jobs.\n";
    text_table table({">job", "kind", "of", "step", "asked", "ended"});
    for (const auto& one : jobs) {
        const auto& job = one.as_object();
        table.add({std::to_string(number(job, "number")), text(job, "kind"), subject(job), text(job, "step"), text(job, "asked"),
                   text(job, "ended")});
    }
    if (!jobs.empty()) std::cout << table.text();
    for (const auto& one : jobs) {
        const auto& job = one.as_object();
        const std::string name = "job " + std::to_string(number(job, "number")) + ": ";
        for (const auto& note : texts(job, "notes"))
            if (note.is_string()) std::cout << name << printable(note.get_string()) << "\n";
        if (const auto* error = error_of(job)) std::cout << name << printable(text(*error, "message")) << "\n";
    }
    return exit_status::ok;
}

int settle_loads(const cli_options& options)
{
    control_client client(control_socket_of(options));
    const auto& t = options.table;
    if (t.accept != 0 || t.resend != 0) {
        const std::string which = std::to_string(t.accept != 0 ? t.accept : t.resend);
        auto done = client.post(space_path(options, "/loads/" + which + (t.accept != 0 ? "/accept" : "/resend")));
        if (done.has_error()) return report_failure(options, done.error());
        if (options.json) std::cout << json::serialize(*done) << "\n";
        else if (t.accept != 0) std::cout << "Load " << which << " counts as landed; the next run goes on.\n";
        else std::cout << "The rows of load " << which << " are sent anew by the next run, without those that the table has.\n";
        return exit_status::ok;
    }
    const auto listed = list_of(client, options, "loads");
    if (!listed.items) return listed.status;
    const auto& loads = *listed.items;
    if (loads.empty()) std::cout << "Nothing is under way.\n";
    text_table table({">load", "table", "state", ">rows", ">files", "statement"});
    for (const auto& one : loads) {
        const auto& l = one.as_object();
        table.add({std::to_string(number(l, "number")), printable(text(l, "table")), text(l, "state"), grouped(number(l, "rows")),
                   grouped(number(l, "files")), printable(text(l, "statement"))});
    }
    if (!loads.empty()) std::cout << table.text();
    for (const auto& one : loads) {
        const auto* stuck = one.as_object().if_contains("stuck");
        if (stuck != nullptr && stuck->is_object()) std::cout << "\n" << printable(text(stuck->get_object(), "message")) << "\n";
    }
    return exit_status::ok;
}

}  // namespace lakeferry::daemon
