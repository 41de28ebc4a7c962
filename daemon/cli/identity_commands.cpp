// `lakeferry why` and `lakeferry identity observations`: asked of the running daemon, which has the store open.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/control_client.hpp"
#include "daemon/cli/identity_text.hpp"
#include "sync/identity/explanation.hpp"

#include <boost/json.hpp>

#include <iostream>

namespace lakeferry::daemon {

namespace json = boost::json;

int explain_person(const cli_options& options)
{
    for (const auto& who : options.persons) {
        if (identity::parse_person(who)) continue;
        std::cerr << "lakeferry: \"" << who
                  << "\" names nobody: write TYPE:VALUE, like email:ada@mail.example, or a segment id, like use_ and 22 "
                     "letters and digits.\n";
        return exit_status::usage;
    }
    control_client client(control_socket_of(options));
    std::string target = "/api/v1/spaces/" + http::encode_component(options.space) +
                         "/why?who=" + http::encode_component(options.persons.front());
    const bool pair = options.persons.size() == 2;
    if (pair) target += "&and=" + http::encode_component(options.persons.back());
    auto answer = client.get(target);
    if (answer.has_error()) return report_failure(options, answer.error());
    std::cout << (options.json ? json::serialize(*answer) + "\n" : pair ? why_pair_text(*answer) : why_text(*answer));
    return exit_status::ok;
}

int show_observations(const cli_options& options)
{
    control_client client(control_socket_of(options));
    auto answer = client.get("/api/v1/spaces/" + http::encode_component(options.space) +
                             "/observations?most=" + std::to_string(options.most));
    if (answer.has_error()) return report_failure(options, answer.error());
    std::cout << (options.json ? json::serialize(*answer) + "\n" : observations_text(*answer));
    return exit_status::ok;
}

}  // namespace lakeferry::daemon
