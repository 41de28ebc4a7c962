#include "daemon/cli/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace lakeferry::daemon {

namespace {

// Numbers of loads and receipts begin with 1; whoever writes another one wants to know where they stand.
CLI::Validator number_of(const char* what, const char* list)
{
    return CLI::Validator(
        [what, list](std::string& text) -> std::string {
            const bool digits =
                !text.empty() && text.size() <= 18 && text.find_first_not_of("0123456789") == std::string::npos;
            if (digits && text.find_first_not_of('0') != std::string::npos) return {};
            return "\"" + text + "\" is the number of no " + what + ": they count from 1, and lakeferry " + list +
                   " SPACE lists them";
        },
        "NUMBER");
}

// The pieces that several commands share.
class builder {
public:
    explicit builder(cli_options& to) : to_(to)
    {
        app.require_subcommand(1);
        app.fallthrough();
        app.set_version_flag("--version", std::string("lakeferry ") + LAKEFERRY_VERSION);
        config = app.add_option("--config", to_.config, "configuration file")->capture_default_str();
        app.add_option("--socket", to_.socket, "control socket of the daemon; default: as configured");
        app.footer("Exit status: 0 done, 1 failed, 64 wrong command line, 69 no daemon answers,\n"
                   "75 another daemon uses the state directory, 78 wrong configuration.");
    }

    CLI::App* add(const char* name, const char* text, command what, CLI::App* below = nullptr)
    {
        auto* sub = (below != nullptr ? below : &app)->add_subcommand(name, text);
        sub->callback([this, what] { to_.what = what; });
        return sub;
    }
    void json(CLI::App* sub) { sub->add_flag("--json", to_.json, "print JSON"); }
    void space(CLI::App* sub, bool required)
    {
        auto* option = sub->add_option("space", to_.space, "id of the space: the name of its file");
        if (required) option->required();
    }

    CLI::App app{"Lakeferry: customer profiles into Databricks", "lakeferry"};
    CLI::Option* config = nullptr;

private:
    cli_options& to_;
};

void add_commands(builder& b, cli_options& to)
{
    b.add("run", "run the daemon in the foreground", command::run);

    auto* check = b.add("check", "test the connection of every space, or of one; works without a daemon", command::check);
    b.space(check, false);
    b.json(check);
    check->add_flag("!--no-wake", to.wake, "leave a sleeping warehouse asleep");

    auto* config = b.app.add_subcommand("config", "look at the configuration");
    config->require_subcommand(1);
    b.json(b.add("check", "validate it and say everything that is wrong", command::config_check, config));
    b.json(b.add("show", "print what is in effect, secrets as references", command::config_show, config));

    auto* import = b.add("import", "load files of calls, one JSON object a line, plain or gzip; continues where it stopped",
                         command::import);
    b.space(import, true);
    import->add_option("files", to.files, "files; \"-\" is standard input")->required();
    import->add_option("--source", to.source, "source for lines without a write key: its id or name");
    import->add_option("--rejected", to.rejected, "where refused lines go; default: FILE.rejected.ndjson");
    import->add_flag("--again", to.again, "begin anew, even if the file is known; message ids keep calls from counting twice");
    import->add_option("--refill", to.refill, "only bring the rows that this table of calls lacks; profiles stay as they are");
    b.json(import);

    auto* sync = b.add("sync", "run Profiles Sync now", command::sync);
    b.space(sync, false);
    auto* wait = sync->add_flag("--wait", to.wait, "wait for its end and print the report");
    sync->add_flag("--all", to.all, "every space that is not paused")->excludes(wait);
    b.json(sync);
    sync->callback([&to] {
        to.what = command::sync;
        if (to.space.empty() != to.all) throw CLI::ValidationError("sync", "name one space, or give --all");
    });

    auto* takeover = b.add("takeover", "land in a schema that another daemon kept so far; that one stops", command::takeover);
    b.space(takeover, true);
    takeover->add_flag("--settled", to.settled,
                       "take nothing over, only end the notice about profiles that the other daemon knows");
    b.json(takeover);

    auto* status = b.add("status", "what runs, what is due, what went wrong", command::status);
    b.space(status, false);
    b.json(status);

    auto* refused = b.add("refused", "the last refused calls of a space", command::refused);
    b.space(refused, true);
    refused->add_option("--most", to.most, "how many")->capture_default_str()->check(CLI::Range(1, 200));
    b.json(refused);

    b.json(b.add("reload", "read the configuration again, and wait for the outcome", command::reload));
    auto* pause = b.add("pause", "start no run of a space by itself until it is resumed, restarts included", command::pause);
    b.space(pause, true);
    pause->add_option("--reason", to.reason, "for the people who will look at the status");
    b.space(b.add("resume", "the end of a pause", command::resume), true);
}

void add_init_command(builder& b, cli_options& to)
{
    auto* init = b.add("init", "ask for the settings of a new space, check each, and write its file", command::init);
    b.space(init, false);
    auto& given = to.init;
    init->add_flag("!--non-interactive", given.interactive, "ask nothing: take options and environment, for scripts");
    init->add_option("--name", given.name, "shown to people; default: the id");
    init->add_option("--workspace-url", given.workspace_url, "https://<workspace>.cloud.databricks.com")->envname("DATABRICKS_HOST");
    init->add_option("--port", given.port, "default: that of the URL, else 443");
    init->add_option("--client-id", given.client_id, "application id of the service principal")->envname("DATABRICKS_CLIENT_ID");
    init->add_option("--client-secret-file", given.client_secret_file,
                     "file with its OAuth secret, mode 0600; default: asked for, or $DATABRICKS_CLIENT_SECRET");
    init->add_option("--http-path", given.http_path, "of the SQL warehouse")->envname("DATABRICKS_HTTP_PATH");
    init->add_option("--catalog", given.catalog, "of Unity Catalog");
    init->add_option("--schema", given.schema, "fixed after the first sync; default: <id>_profiles");
    init->add_option("--source", given.source, "name of the first source of calls")->capture_default_str();
    init->add_option("--every", given.every, "pause between syncs")->capture_default_str();
    init->add_flag("!--no-check", given.check, "do not speak to the workspace");
    init->add_flag("!--no-wake", to.wake, "leave a sleeping warehouse asleep");
}

void add_table_commands(builder& b, cli_options& to)
{
    const auto waits = [&to, &b](CLI::App* sub) {
        sub->add_flag("!--no-wait", to.table.wait, "do not wait until it is done");
        b.json(sub);
    };
    auto* backfill = b.add("backfill", "fill profile tables that were left out, from the store", command::backfill);
    b.space(backfill, true);
    backfill->add_option("tables", to.table.names, "such as user_traits or id_graph_updates")->required();
    waits(backfill);

    auto* retype = b.add("retype", "another type for a column; rescued values that fit it come back", command::retype);
    b.space(retype, true);
    retype->add_option("column", to.table.column, "TABLE.COLUMN")->required();
    retype->add_option("type", to.table.type, "BOOLEAN, BIGINT, DOUBLE, TIMESTAMP or STRING")->required();
    retype->add_flag("--rescue", to.table.rescue, "values that do not fit go to _rescued_data; without it they stop the change");
    waits(retype);

    auto* optimize = b.add("optimize", "put the small files of tables together now", command::optimize);
    b.space(optimize, true);
    optimize->add_option("tables", to.table.names, "default: all of the space");
    waits(optimize);

    auto* jobs = b.add("jobs", "what backfill, retype and optimize are doing, and the last ones", command::jobs);
    b.space(jobs, true);
    b.json(jobs);

    auto* loads = b.add("loads", "loads that are under way or wait for a decision", command::loads);
    b.space(loads, true);
    auto* accept = loads->add_option("--accept", to.table.accept, "the rows of load N are in the table: go on")
                       ->check(number_of("load", "loads"));
    auto* resend = loads->add_option("--resend", to.table.resend, "send the rows of load N anew, but for those that the table has")
                       ->check(number_of("load", "loads"));
    accept->excludes(resend);
    b.json(loads);
}

void add_erasure_commands(builder& b, cli_options& to)
{
    const auto people = [&to](CLI::App* sub) {
        sub->add_option("people", to.persons, "TYPE:VALUE, like email:ada@mail.example, or segment ids");
        // One file an option, or it would take the space and the people behind it for files, too.
        sub->add_option("--file", to.files, "list of them, one a line; \"-\" is standard input; may be repeated")
            ->allow_extra_args(false);
    };
    auto* erase = b.add("erase", "forget people: in the queue, the store, staged files and every table", command::erase);
    b.space(erase, true);
    people(erase);
    erase->add_flag("--suppress", to.suppress, "later calls of them are accepted and dropped");
    erase->add_flag("--vacuum", to.vacuum, "remove the files of the deleted rows, too, once their retention has passed");
    erase->add_flag("--dry-run", to.dry_run, "only count");
    erase->add_option("--request", to.reference, "your own reference, for the receipt; not a person's name");
    erase->add_flag("--wait,!--no-wait", to.erase_wait, "wait until every row is gone (default)");
    b.json(erase);

    auto* erasures = b.add("erasures", "receipts of what was erased, or one of them", command::erasures);
    b.space(erasures, true);
    erasures->add_option("number", to.number, "of one receipt")->check(number_of("receipt", "erasures"));
    b.json(erasures);

    auto* suppress = b.add("suppress", "accept and drop the calls of people, from now on", command::suppress);
    b.space(suppress, true);
    people(suppress);
    suppress->add_flag("--lift", to.lift, "keep them again");
    b.json(suppress);
}

void add_identity_commands(builder& b, cli_options& to)
{
    auto* why = b.add("why", "why a person's profile is what it is; of two persons: what joined them or kept them apart",
                      command::why);
    b.space(why, true);
    why->add_option("person", to.persons, "TYPE:VALUE, like email:ada@mail.example, or a segment id; one or two")
        ->required()
        ->expected(1, 2);
    b.json(why);

    auto* identity = b.app.add_subcommand("identity", "look at identity resolution");
    identity->require_subcommand(1);
    auto* observations = b.add("observations", "what resolution refused or noticed: counts, and the last ones",
                               command::identity_observations, identity);
    b.space(observations, true);
    observations->add_option("--most", to.most, "how many")->capture_default_str()->check(CLI::Range(1, 1000));
    b.json(observations);

    auto* preview = b.add("preview", "what changed rules would do to the same calls; touches nothing, needs no daemon",
                          command::identity_preview, identity);
    b.space(preview, true);
    preview->add_option("--rules", to.rules, "file with the changed rules: a space's file, or its [identity] alone")->required();
    auto* calls = preview->add_option("--calls", to.files, "files of calls, plain or gzip; \"-\" is standard input");
    auto* landed = preview->add_flag("--landed", to.landed, "the calls that stand in the event tables of the space");
    calls->excludes(landed);
    preview->add_option("--source", to.source, "source for lines without a write key: its id or name; default: the first");
    preview->add_option("--profiles", to.profiles_out, "write the profiles of both outcomes to this file, as NDJSON");
    preview->add_flag("!--no-wake", to.wake, "with --landed: fail if the warehouse sleeps");
    b.json(preview);
    preview->callback([&to] {
        to.what = command::identity_preview;
        if (to.files.empty() == !to.landed) throw CLI::ValidationError("identity preview", "name the calls: --calls FILE..., or --landed");
    });
}

}  // namespace

std::optional<cli_options> parse_command_line(int argc, const char* const* argv, int& status)
{
    cli_options parsed;
    builder b(parsed);
    add_init_command(b, parsed);
    add_commands(b, parsed);
    add_table_commands(b, parsed);
    add_identity_commands(b, parsed);
    add_erasure_commands(b, parsed);
    try {
        b.app.parse(argc, const_cast<char**>(argv));  // CLI11 2.1 takes, and leaves alone, what main() got
    } catch (const CLI::Success& e) {
        status = b.app.exit(e);
        return std::nullopt;
    } catch (const CLI::ParseError& e) {
        std::cerr << "lakeferry: " << e.what() << "\nTry lakeferry --help, or --help after a command.\n";
        status = exit_status::usage;
        return std::nullopt;
    }
    parsed.config_named = b.config->count() != 0;
    return parsed;
}

}  // namespace lakeferry::daemon
