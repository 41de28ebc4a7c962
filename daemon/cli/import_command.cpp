#include "daemon/cli/commands.hpp"
#include "daemon/cli/import_run.hpp"

#include <boost/json.hpp>

#include <unistd.h>

#include <iostream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

constexpr std::size_t bar_width = 24;

// A bar that redraws itself on a terminal, a line every ten seconds elsewhere. On stderr: stdout is for results.
class progress_display {
public:
    progress_display(const control_client& clock, std::string name)
        : clock_(clock), name_(std::move(name)), terminal_(::isatty(STDERR_FILENO) == 1), shown_(clock.now())
    {
    }
    ~progress_display()
    {
        if (drawn_) std::cerr << "\n";
    }
    progress_display(const progress_display&) = delete;
    progress_display& operator=(const progress_display&) = delete;

    void show(const progress_numbers& n)
    {
        const auto every = terminal_ ? rt::duration(std::chrono::milliseconds(200)) : rt::duration(std::chrono::seconds(10));
        const bool last = n.part >= 1;
        if (clock_.now() - shown_ < every && !(last && terminal_)) return;
        shown_ = clock_.now();
        if (terminal_) {
            std::cerr << "\r\033[K" << name_ << "  " << progress_line(n, bar_width) << std::flush;
            drawn_ = true;
        } else {
            std::cerr << name_ << ": " << progress_line(n, 0) << "\n";
        }
    }

private:
    const control_client& clock_;
    std::string name_;
    bool terminal_;
    rt::time_point shown_;
    bool drawn_ = false;
};

void print(const std::string& file, const import_summary& s)
{
    std::string text = file + ": ";
    if (s.was_finished) {
        std::cout << text << "was imported before, nothing to do (" << grouped(s.accepted) << " calls, " << grouped(s.refused)
                  << " refused); --again imports it anew\n";
        return;
    }
    text += grouped(s.accepted) + " calls accepted, " + grouped(s.refused) + " refused";
    if (s.resumed_at != 0) text += " (went on after line " + grouped(s.resumed_at) + ")";
    std::cout << text << "\n";
    if (!s.rejected_file.empty())
        std::cout << "  refused lines with their numbers and reasons: " << s.rejected_file << "\n";
    if (s.ends_inside_a_line)
        std::cout << "  the file does not end with a line end: its last line, " << grouped(s.lines)
                  << (s.last_line_refused ? ", is half a line and was refused\n" : ", was whole and was accepted\n");
}

json::object to_json(const std::string& file, const import_summary& s)
{
    return {{"file", file},
            {"accepted", s.accepted},
            {"refused", s.refused},
            {"lines", s.lines},
            {"resumed_after_line", s.resumed_at},
            {"was_finished", s.was_finished},
            {"ends_inside_a_line", s.ends_inside_a_line},
            {"last_line_refused", s.last_line_refused},
            {"rejected_file", s.rejected_file}};
}

}  // namespace

int import_files(const cli_options& options)
{
    if (!options.rejected.empty() && options.files.size() > 1) {
        std::cerr << "lakeferry: --rejected names one file, and there are " << options.files.size() << " to import; leave it out.\n";
        return exit_status::usage;
    }
    control_client client(control_socket_of(options));
    const import_door door{[&](const std::string& target, std::string body) { return client.post(target, std::move(body)); },
                           [&](rt::duration d) { client.sleep(d); }, [&] { return client.now(); }};
    int status = exit_status::ok;
    json::array all;
    for (const auto& file : options.files) {
        auto source = file_source::open(file);
        rt::outcome<import_summary> done = source.has_error() ? rt::outcome<import_summary>(source.error()) : [&] {
            progress_display display(client, file);
            return run_import(door, {options.space, file, options.source, options.rejected, options.again, options.refill}, **source,
                              [&](const progress_numbers& n) { display.show(n); });
        }();
        if (done.has_error()) {
            status = report_failure(options, done.error());
            if (status == exit_status::unavailable) return status;
            continue;
        }
        if (options.json) all.push_back(to_json(file, *done));
        else print(file, *done);
    }
    if (options.json) std::cout << json::serialize(json::object{{"space", options.space}, {"files", std::move(all)}}) << "\n";
    return status;
}

}  // namespace lakeferry::daemon
