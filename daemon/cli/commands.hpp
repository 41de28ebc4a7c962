// What each command does. All block until done and return an exit status.
#pragma once

#include "daemon/cli/options.hpp"
#include "daemon/config/load.hpp"
#include "net/rt/failure.hpp"

#include <string>

namespace lakeferry::daemon {

int main_command(const cli_options& options);

int run_daemon(const cli_options& options);
int init_space(const cli_options& options);
int check_connections(const cli_options& options);
int check_configuration(const cli_options& options);
int show_configuration(const cli_options& options);
int import_files(const cli_options& options);
int sync_space(const cli_options& options);
int take_over_space(const cli_options& options);
int show_status(const cli_options& options);
int show_refused(const cli_options& options);
int reload_daemon(const cli_options& options);
int pause_space(const cli_options& options, bool on);
int explain_person(const cli_options& options);
int show_observations(const cli_options& options);
int preview_rules(const cli_options& options);
int backfill_tables(const cli_options& options);
int retype_column(const cli_options& options);
int optimize_tables(const cli_options& options);
int list_jobs(const cli_options& options);
int settle_loads(const cli_options& options);
int erase_people(const cli_options& options);
int show_erasures(const cli_options& options);
int suppress_people(const cli_options& options);

// ---- shared by them ----------------------------------------------------------------------------------

// What the service manager gave: $CREDENTIALS_DIRECTORY, or empty.
std::string credentials_directory();
load_options load_options_of(const cli_options& options, bool about_to_run);
// Prints the findings on stderr; exit_status::configuration.
int refuse_configuration(const problems& found);
// --socket, else what the configuration says, else the standard path. A configuration that was named and cannot be
// read, or says nothing sensible of the socket, has been refused by main_command.
std::string control_socket_of(const cli_options& options);
// Prints the failure on stderr, as JSON on stdout with --json; the exit status that fits.
int report_failure(const cli_options& options, const rt::failure& why);

}  // namespace lakeferry::daemon
