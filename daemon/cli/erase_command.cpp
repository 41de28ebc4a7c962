// erase, erasures, suppress: ask the running daemon to forget people.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/control_client.hpp"
#include "daemon/cli/erase_text.hpp"
#include "sync/identity/erase.hpp"

#include <boost/json.hpp>
#include <unistd.h>

#include <fstream>
#include <iostream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

std::string path_of(const cli_options& options, const std::string& rest)
{
    return "/api/v1/spaces/" + http::encode_component(options.space) + rest;
}

// One a line; blank lines and lines that begin with "#" are passed over. The failure names file and line, not the text.
rt::outcome<void> read_list(const std::string& file, json::array& to)
{
    std::ifstream opened;
    if (file != "-") {
        opened.open(file, std::ios::binary);
        if (!opened) return rt::failure{.id = "erase.no_file", .detail = "cannot read " + file};
    }
    std::istream& in = file == "-" ? std::cin : opened;
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);
        if (line.find_first_not_of(" \t") == std::string::npos || line.front() == '#') continue;
        if (auto key = identity::parse_person_key(line); key.has_error())
            return rt::failure{.id = key.error().id, .detail = file + ", line " + std::to_string(number) + ": " + key.error().detail};
        to.emplace_back(line);
    }
    return {};
}

rt::outcome<json::array> people_of(const cli_options& options)
{
    json::array people;
    for (const auto& one : options.persons) {
        if (auto key = identity::parse_person_key(one); key.has_error())
            return rt::failure{.id = key.error().id,
                               .detail = "argument " + std::to_string(people.size() + 1) + ": " + key.error().detail};
        people.emplace_back(one);
    }
    for (const auto& file : options.files)
        if (auto read = read_list(file, people); read.has_error()) return read.error();
    if (people.empty())
        return rt::failure{.id = "erase.nobody", .detail = "nobody is named: give TYPE:VALUE, a segment id, or --file LIST"};
    return people;
}

std::string text(const json::value& of, const char* name)
{
    const auto* o = of.if_object();
    const auto* v = o != nullptr ? o->if_contains(name) : nullptr;
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

bool over(const json::value& receipt)
{
    const auto state = text(receipt, "state");
    return state == "complete" || state == "vacuum_due";
}

// Until the rows are gone, or the daemon says that it cannot go on now.
rt::outcome<json::value> wait_for(control_client& client, const cli_options& options, json::value receipt)
{
    const bool show = ::isatty(STDERR_FILENO) == 1 && !options.json;
    const auto number = receipt.at("number").to_number<std::uint64_t>();
    while (!over(receipt) && text(receipt, "error").empty()) {
        client.sleep(std::chrono::milliseconds(300));
        auto next = client.get(path_of(options, "/erasures/" + std::to_string(number)));
        if (next.has_error()) return next.error();
        receipt = std::move(*next);
        if (show) std::cerr << "\r\x1b[K" << erasure_progress(receipt) << std::flush;
    }
    if (show) std::cerr << "\r\x1b[K";
    return receipt;
}

}  // namespace

int erase_people(const cli_options& options)
{
    auto people = people_of(options);
    if (people.has_error()) {
        (void)report_failure(options, people.error());
        return exit_status::usage;
    }
    const json::object body{{"people", std::move(*people)},
                            {"request", options.reference},
                            {"suppress", options.suppress},
                            {"vacuum", options.vacuum},
                            {"dry_run", options.dry_run}};
    control_client client(control_socket_of(options));
    auto answer = client.post(path_of(options, "/erase"), json::serialize(body));
    if (answer.has_value() && options.erase_wait && !options.dry_run) answer = wait_for(client, options, std::move(*answer));
    if (answer.has_error()) return report_failure(options, answer.error());
    std::cout << (options.json ? json::serialize(*answer) + "\n" : receipt_text(*answer));
    const auto* asked = answer->at("asked").if_array();
    if (!options.json && over(*answer) && asked != nullptr && answer->at("unknown").to_number<std::size_t>() == asked->size())
        std::cout << "Nobody of them is known to " << options.space << ".\n";
    if (options.dry_run || !options.erase_wait || over(*answer)) return exit_status::ok;
    return exit_status::failed;
}

int show_erasures(const cli_options& options)
{
    control_client client(control_socket_of(options));
    const bool one = options.number != 0;
    auto answer = client.get(path_of(options, one ? "/erasures/" + std::to_string(options.number) : "/erasures"));
    if (answer.has_error()) return report_failure(options, answer.error());
    if (options.json) std::cout << json::serialize(*answer) << "\n";
    else std::cout << (one ? receipt_text(*answer) : erasures_text(*answer));
    return exit_status::ok;
}

int suppress_people(const cli_options& options)
{
    auto people = people_of(options);
    if (people.has_error()) {
        (void)report_failure(options, people.error());
        return exit_status::usage;
    }
    control_client client(control_socket_of(options));
    const json::object body{{"people", std::move(*people)}, {"lift", options.lift}};
    auto answer = client.post(path_of(options, "/suppress"), json::serialize(body));
    if (answer.has_error()) return report_failure(options, answer.error());
    if (options.json) std::cout << json::serialize(*answer) << "\n";
    else
        std::cout << (options.lift ? "Calls are kept again. " : "Later calls of them are accepted and dropped. ") << options.space
                  << " suppresses " << answer->at("suppressed_identifiers").to_number<std::size_t>() << " identifiers.\n";
    return exit_status::ok;
}

}  // namespace lakeferry::daemon
