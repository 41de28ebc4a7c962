#include "daemon/cli/options.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace lakeferry::daemon {

namespace {

// The pieces that several commands share.
class builder {
public:
    explicit builder(cli_options& to) : to_(to)
    {
        app.require_subcommand(1);
        app.fallthrough();
        app.set_version_flag("--version", std::string("lakeferry ") + LAKEFERRY_VERSION);
        app.add_option("--config", to_.config, "configuration file")->capture_default_str();
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
    b.json(import);

    auto* sync = b.add("sync", "run Profiles Sync now", command::sync);
    b.space(sync, true);
    sync->add_flag("--wait", to.wait, "wait for its end and print the report");
    b.json(sync);

    auto* status = b.add("status", "what runs, what is due, what went wrong", command::status);
    b.space(status, false);
    b.json(status);

    auto* refused = b.add("refused", "the last refused calls of a space", command::refused);
    b.space(refused, true);
    refused->add_option("--most", to.most, "how many")->capture_default_str()->check(CLI::Range(1, 200));
    b.json(refused);

    b.json(b.add("reload", "read the configuration again, and wait for the outcome", command::reload));
    b.space(b.add("pause", "start no run of a space until it is resumed or the daemon restarts", command::pause), true);
    b.space(b.add("resume", "the end of a pause", command::resume), true);
}

}  // namespace

std::optional<cli_options> parse_command_line(int argc, const char* const* argv, int& status)
{
    cli_options parsed;
    builder b(parsed);
    add_commands(b, parsed);
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
    return parsed;
}

}  // namespace lakeferry::daemon
