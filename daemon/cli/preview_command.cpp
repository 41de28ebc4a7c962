// `lakeferry identity preview`: changed rules over the same calls, in a store of its own that is gone afterwards.
#include "daemon/cli/commands.hpp"
#include "daemon/cli/file_source.hpp"
#include "daemon/cli/identity_text.hpp"
#include "daemon/cli/interruption.hpp"
#include "daemon/cli/landed_source.hpp"
#include "daemon/cli/scratch_folder.hpp"
#include "daemon/cli/text.hpp"
#include "daemon/config/rules_file.hpp"
#include "net/rt/time.hpp"
#include "sync/core/event_block.hpp"
#include "sync/identity/rule_preview.hpp"
#include "sync/intake/import_chunk.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

constexpr std::uint32_t preview_space = 1;
constexpr std::size_t bar_width = 24;

rt::failure interrupted() { return {.id = "preview.interrupted", .detail = "The preview was interrupted; nothing was left behind"}; }

// On stderr: a bar that redraws itself on a terminal, silence elsewhere.
class preview_progress {
public:
    ~preview_progress()
    {
        if (drawn_) std::cerr << "\r\033[K" << std::flush;
    }
    void say(const std::string& line)
    {
        if (terminal_) std::cerr << (drawn_ ? "\r\033[K" : "") << printable(line) << "\n";
        drawn_ = false;
    }
    void show(std::uint64_t calls, double part)
    {
        if (!terminal_ || time_.now() - shown_ < std::chrono::milliseconds(200)) return;
        shown_ = time_.now();
        const double seconds = std::chrono::duration<double>(shown_ - began_).count();
        progress_numbers n{.part = part, .calls = calls, .calls_per_second = static_cast<double>(calls) / std::max(seconds, 0.001)};
        if (part > 0) n.seconds_left = seconds / part * (1 - part);
        std::cerr << "\r\033[K" << progress_line(n, bar_width) << std::flush;
        drawn_ = true;
    }

private:
    boost::asio::io_context io_{1};
    rt::steady_time time_{io_.get_executor()};
    bool terminal_ = ::isatty(STDERR_FILENO) == 1;
    bool drawn_ = false;
    rt::time_point began_ = time_.now();
    rt::time_point shown_ = began_;
};

// Collects landed calls into blocks.
class block_filler {
public:
    explicit block_filler(identity::rule_preview& to) : to_(to) {}

    rt::outcome<void> add(profiles::landed_call call)
    {
        bytes_ += call.text.size();
        calls_.push_back(std::move(call));
        return calls_.size() < 1000 && bytes_ < (std::size_t{1} << 20U) ? rt::outcome<void>() : flush();
    }
    rt::outcome<void> flush()
    {
        if (calls_.empty()) return rt::outcome<void>();
        core::event_block block;
        std::map<std::string_view, std::uint32_t> sources;
        for (const auto& call : calls_) {
            const auto [at, added] = sources.emplace(call.source, static_cast<std::uint32_t>(block.sources.size()));
            if (added) block.sources.emplace_back(call.source);
            block.calls.push_back({.text = call.text, .source = at->second, .received_us = call.received_us});
        }
        auto taken = to_.take(core::encode_event_block(block));
        calls_.clear();
        bytes_ = 0;
        return taken;
    }

private:
    identity::rule_preview& to_;
    std::vector<profiles::landed_call> calls_{};
    std::size_t bytes_ = 0;
};

class preview_run {
public:
    preview_run(const cli_options& options, const core::space_config& space, core::identity_settings changed,
                const interruption& stop, const std::string& folder)
        : options_(options), space_(space), changed_(std::move(changed)), stop_(stop), folder_(folder)
    {
    }

    rt::outcome<json::object> run();

private:
    rt::outcome<void> feed(json::object& report);
    rt::outcome<void> feed_file(const std::string& path, const intake::check_options& with);
    rt::outcome<void> feed_landed(json::object& report);
    rt::outcome<void> write_profiles();

    const cli_options& options_;
    const core::space_config& space_;
    core::identity_settings changed_;
    const interruption& stop_;
    std::string folder_;
    rt::system_wall_clock wall_{};
    std::unique_ptr<store::store> store_{};
    std::unique_ptr<identity::rule_preview> preview_{};
    preview_progress progress_{};
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
};

rt::outcome<json::object> preview_run::run()
{
    auto opened = store::store::open({.directory = folder_ + "/store"});
    if (opened.has_error()) return opened.error();
    store_ = std::move(*opened);
    auto made = identity::rule_preview::make(
        *store_, {.space_id = space_.id, .current = space_.identity, .changed = changed_}, wall_);
    if (made.has_error()) return made.error();
    preview_ = std::move(*made);
    json::object input;
    if (auto fed = feed(input); fed.has_error()) return fed.error();
    auto report = preview_->finish([this] { return stop_.asked(); });
    if (report.has_error()) return report.error();
    if (stop_.asked()) return interrupted();
    if (!options_.profiles_out.empty())
        if (auto written = write_profiles(); written.has_error()) return written.error();
    for (auto& member : input) (*report)[member.key()] = std::move(member.value());
    return report;
}

rt::outcome<void> preview_run::feed(json::object& report)
{
    if (options_.landed) return feed_landed(report);
    auto table = intake::source_table::make({{preview_space, &space_}});
    if (table.has_error()) return table.error();
    intake::check_options with;
    with.table = table->get();
    with.only_space = preview_space;
    const auto& first = options_.source.empty() && !space_.sources.empty() ? space_.sources.front().id : options_.source;
    if (!first.empty()) with.fallback = (*table)->find_in(preview_space, first);
    if (!options_.source.empty() && with.fallback == nullptr)
        return rt::failure{.id = "preview.unknown_source", .detail = "The space " + space_.id + " has no source \"" + options_.source + "\""};
    with.now_us = wall_.now_us();
    with.use_received_at = true;
    for (const auto& path : options_.files)
        if (auto fed = feed_file(path, with); fed.has_error()) return fed.error();
    report["input"] = json::object{{"from", "files"}, {"accepted", accepted_}, {"refused", refused_}};
    return rt::outcome<void>();
}

rt::outcome<void> preview_run::feed_file(const std::string& path, const intake::check_options& with)
{
    auto source = file_source::open(path);
    if (source.has_error()) return source.error();
    intake::import_progress at;
    std::string waiting;
    for (bool last = false; !last;) {
        auto bytes = (*source)->next(std::size_t{4} << 20U);
        if (bytes.has_error()) return bytes.error();
        last = bytes->empty();
        waiting += *bytes;
        auto plan = intake::read_chunk(waiting, at, last, with);
        waiting.erase(0, plan.after.offset - at.offset);
        accepted_ += plan.after.accepted - at.accepted;
        refused_ += plan.after.refused - at.refused;
        at = plan.after;
        for (const auto& piece : plan.pieces)
            if (auto taken = preview_->take(piece.block); taken.has_error()) return taken.error();
        if (stop_.asked()) return interrupted();
        const auto size = (*source)->size();
        progress_.show(accepted_, size == 0 ? -1 : static_cast<double>((*source)->position()) / static_cast<double>(size));
    }
    return rt::outcome<void>();
}

rt::outcome<void> preview_run::feed_landed(json::object& report)
{
    block_filler blocks(*preview_);
    std::uint64_t total = 0;
    landed_events events;
    events.say = [this](const std::string& line) { progress_.say(line); };
    events.on_total = [&](std::uint64_t rows) { total = rows; };
    events.stop = [this] { return stop_.asked(); };
    events.on_call = [&](profiles::landed_call call) {
        ++accepted_;
        auto added = blocks.add(std::move(call));
        progress_.show(accepted_, total == 0 ? -1 : static_cast<double>(accepted_) / static_cast<double>(total));
        return added;
    };
    auto read = read_landed_calls({.space = &space_, .changed = changed_, .wake = options_.wake}, events);
    if (read.has_error()) return read.error();
    if (auto flushed = blocks.flush(); flushed.has_error()) return flushed.error();
    json::array tables;
    for (const auto& name : read->read) tables.emplace_back(name);
    json::array missing;
    for (const auto& name : read->missing) missing.emplace_back(name);
    report["input"] = json::object{
        {"from", "landed"}, {"accepted", accepted_}, {"refused", refused_}, {"tables", std::move(tables)}, {"missing", std::move(missing)}};
    return rt::outcome<void>();
}

// First beside its place, so that an interrupted run leaves no half file.
rt::outcome<void> preview_run::write_profiles()
{
    const std::string part = options_.profiles_out + ".part";
    const rt::failure cannot{.id = "preview.cannot_write", .detail = options_.profiles_out + " cannot be written: check its folder and the room on the disk"};
    std::error_code error;
    {
        std::ofstream out(part, std::ios::binary | std::ios::trunc);
        auto written = preview_->each_profile([&](const std::string& line) {
            out << line << '\n';
            return out.good() && !stop_.asked();
        });
        out.close();
        if (written.has_error() || !out || stop_.asked()) {
            std::filesystem::remove(part, error);
            return written.has_error() ? written.error() : stop_.asked() ? interrupted() : cannot;
        }
    }
    std::filesystem::rename(part, options_.profiles_out, error);
    return error ? rt::outcome<void>(cannot) : rt::outcome<void>();
}

const core::space_config* find_space(const snapshot& in, const std::string& id)
{
    for (const auto& one : in.spaces)
        if (one->id == id) return one.get();
    return nullptr;
}

}  // namespace

int preview_rules(const cli_options& options)
{
    std::unique_ptr<scratch_folder> folder;
    const interruption stop([&folder] {
        // Files may still come while the rest is removed.
        std::error_code error;
        for (int i = 0; i < 100 && folder && std::filesystem::exists(folder->path(), error); ++i)
            std::filesystem::remove_all(folder->path(), error);
    });
    const auto loaded = load_configuration(load_options_of(options, false));
    if (!loaded.config) return refuse_configuration(loaded.found);
    const auto* const space = find_space(*loaded.config, options.space);
    if (space == nullptr)
        return report_failure(options, {.id = "space.unknown", .detail = "There is no space \"" + options.space + "\" in " + loaded.config->file});
    std::ifstream file(options.rules, std::ios::binary);
    std::ostringstream text;
    if (!file || !(text << file.rdbuf()))
        return report_failure(options, {.id = "file.unreadable", .detail = options.rules + " cannot be read: name a file with the changed rules"});
    problems found;
    const auto changed = parse_rules_file(text.str(), options.rules, found);
    if (!changed) return refuse_configuration(found);

    auto made = scratch_folder::make("lakeferry-preview");
    if (made.has_error()) return report_failure(options, made.error());
    folder = std::move(*made);
    auto report = preview_run(options, *space, *changed, stop, folder->path()).run();
    folder.reset();
    if (report.has_error()) return report_failure(options, report.error());
    std::cout << (options.json ? json::serialize(*report) + "\n" : preview_text(*report));
    return exit_status::ok;
}

}  // namespace lakeferry::daemon
