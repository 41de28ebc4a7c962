#include "daemon/cli/import_run.hpp"

#include "net/http/message.hpp"
#include "sync/core/json.hpp"

#include <boost/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace lakeferry::daemon {

namespace json = boost::json;

namespace {

constexpr std::size_t piece_bytes = std::size_t{2} << 20U;
constexpr rt::duration pause_standard = std::chrono::seconds(1);
constexpr rt::duration pause_max = std::chrono::seconds(15);
constexpr rt::duration sync_asked_every = std::chrono::minutes(1);

// It will take calls again, whenever that is.
bool takes_none_for_now(const rt::failure& why)
{
    return why.id == "intake.busy" || why.id == "intake.backlog_full" || why.id == "intake.disk_full";
}

struct position {
    std::string id{};
    std::uint64_t offset = 0;
    std::uint64_t lines = 0;
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;
    bool finished = false;
};

std::uint64_t number(const json::object& o, const char* name)
{
    const auto* v = o.if_contains(name);
    boost::system::error_code error;
    return v == nullptr || !v->is_number() ? 0 : v->to_number<std::uint64_t>(error);
}

std::string text(const json::object& o, const char* name)
{
    const auto* v = o.if_contains(name);
    return v == nullptr || !v->is_string() ? std::string() : std::string(v->get_string());
}

position read_position(const json::object& o)
{
    const auto* finished = o.if_contains("finished");
    return {text(o, "import"), number(o, "offset"), number(o, "lines"), number(o, "accepted"), number(o, "refused"),
            finished != nullptr && finished->is_bool() && finished->get_bool()};
}

// Lines are often refused because they are no UTF-8; what is written about them must be.
std::string as_utf8(std::string_view text)
{
    std::string out;
    while (!text.empty()) {
        const auto bad = std::min(core::find_bad_utf8(text), text.size());
        out.append(text.substr(0, bad));
        text.remove_prefix(bad);
        if (text.empty()) break;
        out.append("\xEF\xBF\xBD");
        text.remove_prefix(1);
    }
    return out;
}

// One import under way.
class importing {
public:
    using display = std::function<void(const progress_numbers&)>;
    importing(const import_door& door, const import_request& what, file_source& from, rt::duration patience, const display& show)
        : door_(door), what_(what), from_(from), patience_(patience), show_(show)
    {
    }

    rt::outcome<import_summary> run();

private:
    rt::outcome<json::object> post(const std::string& verb, const std::string& body);
    rt::outcome<position> begin();
    rt::outcome<void> send(bool last);
    void wait_for(const rt::failure& why);
    bool is_of_others(const json::array& refused) const;
    void keep_refused(const json::array& lines, std::uint64_t lines_before, std::string_view sent);
    std::string rejected_path() const;
    progress_numbers numbers() const;
    std::string path(const std::string& of_space) const { return "/api/v1/spaces/" + http::encode_component(what_.space) + of_space; }

    const import_door& door_;
    const import_request& what_;
    file_source& from_;
    rt::duration patience_;
    const display& show_;
    rt::time_point began_{};
    std::optional<rt::time_point> sync_asked_{};
    position at_{};
    std::string held_{};  // read and not yet dealt with; begins at at_.offset
    std::uint64_t accepted_before_ = 0;
    std::uint64_t position_before_ = 0;
    import_summary summary_{};
    std::ofstream rejected_{};
};

// The daemon answers, and takes no calls for now.
void importing::wait_for(const rt::failure& why)
{
    auto shown = numbers();
    shown.waiting = why.id == "intake.backlog_full" ? "until rows have landed (limits.backlog_bytes_max)"
                    : why.id == "intake.disk_full"  ? "for room on the disk of the daemon (limits.disk_free_min)"
                                                    : "for the daemon";
    if (show_) show_(shown);
    if (why.id != "intake.backlog_full" || (sync_asked_ && door_.now() - *sync_asked_ < sync_asked_every)) return;
    sync_asked_ = door_.now();
    (void)door_.post(path("/sync"), "");  // one may be under way already, or the space paused
}

// Waits for a daemon that is busy, full or restarting; gives up after `patience` without an answer.
rt::outcome<json::object> importing::post(const std::string& verb, const std::string& body)
{
    const std::string target = path("/import/" + verb);
    auto give_up = door_.now() + patience_;
    for (;;) {
        auto answer = door_.post(target, body);
        if (answer.has_value()) {
            if (!answer->is_object())
                return rt::failure{.id = "control.malformed", .detail = "The daemon's answer cannot be understood."};
            return std::move(answer->as_object());
        }
        const auto retry = answer.error().retry;
        const bool passing = retry != rt::retry_class::never && retry != rt::retry_class::reauth;
        if (takes_none_for_now(answer.error())) {
            wait_for(answer.error());
            give_up = door_.now() + patience_;
        }
        if (!passing || door_.now() >= give_up) return answer.error();
        door_.sleep(std::clamp(answer.error().retry_after.value_or(pause_standard), pause_standard, pause_max));
    }
}

rt::outcome<position> importing::begin()
{
    const auto slash = what_.file.rfind('/');
    const json::object file{{"name", slash == std::string::npos ? what_.file : what_.file.substr(slash + 1)},
                            {"bytes", from_.size()},
                            {"fingerprint", from_.fingerprint()},
                            {"source", what_.source},
                            {"again", what_.again},
                            {"refill", what_.refill}};
    auto answer = post("begin", json::serialize(file));
    if (answer.has_error()) return answer.error();
    return read_position(*answer);
}

std::string importing::rejected_path() const
{
    if (!what_.rejected.empty()) return what_.rejected;
    return what_.file == "-" ? "stdin.rejected.ndjson" : what_.file + ".rejected.ndjson";
}

void importing::keep_refused(const json::array& lines, std::uint64_t lines_before, std::string_view sent)
{
    std::uint64_t at_line = lines_before + 1;  // the one with which `sent` begins
    for (const auto& one : lines) {
        if (!one.is_object()) continue;
        if (!rejected_.is_open()) {
            summary_.rejected_file = rejected_path();
            // What an earlier part of the same import refused stays in the file.
            const auto mode = summary_.resumed_at != 0 ? std::ios::app : std::ios::trunc;
            rejected_.open(summary_.rejected_file, std::ios::out | mode);
        }
        json::object kept(one.get_object());
        for (const auto line = number(kept, "line"); at_line < line && !sent.empty(); ++at_line)
            sent.remove_prefix(std::min(sent.size(), std::min(sent.find('\n'), sent.size()) + 1));
        kept["text"] = as_utf8(sent.substr(0, sent.find('\n')));
        rejected_ << json::serialize(kept) << '\n';
    }
    rejected_.flush();
}

rt::outcome<void> importing::send(bool last)
{
    // Whole lines; a line that is longer than a piece goes in parts, and the daemon refuses it.
    const auto end = held_.rfind('\n');
    const std::size_t size = last || end == std::string::npos ? held_.size() : end + 1;
    const std::string piece = held_.substr(0, size);
    auto answer = post("chunk?import=" + http::encode_component(at_.id) + "&offset=" + std::to_string(at_.offset) +
                           (last ? "&last=true" : ""),
                       piece);
    if (answer.has_error()) return answer.error();
    const auto* next = answer->if_contains("position");
    if (next == nullptr || !next->is_object())
        return rt::failure{.id = "control.malformed", .detail = "The daemon's answer cannot be understood."};
    const position before = std::exchange(at_, read_position(next->get_object()));
    if (const auto* lines = answer->if_contains("lines"); lines != nullptr && lines->is_array()) {
        keep_refused(lines->get_array(), before.lines, piece);
        if (!last && before.lines == 0 && is_of_others(lines->get_array()))
            return rt::failure{.id = "import.not_this_space",
                               .detail = "None of the first " + grouped(at_.lines) + " lines has a write key of space " + what_.space +
                                         ", so nothing was imported, and the rest is not tried. Name the source with --source, or "
                                         "import into the space that has these keys; then begin anew with --again."};
        if (last && summary_.ends_inside_a_line && !lines->get_array().empty()) {
            const auto& final_one = lines->get_array().back();
            summary_.last_line_refused = final_one.is_object() && number(final_one.get_object(), "line") == at_.lines;
        }
    }
    if (at_.offset < before.offset || at_.offset - before.offset > held_.size() || (at_.offset == before.offset && !at_.finished && !piece.empty()))
        return rt::failure{.id = "import.confused", .detail = "The daemon's position does not fit this file; use --again to begin anew."};
    held_.erase(0, static_cast<std::size_t>(at_.offset - before.offset));
    return {};
}

// Every line so far was refused for its write key.
bool importing::is_of_others(const json::array& refused) const
{
    return !refused.empty() && refused.size() == at_.lines &&
           std::all_of(refused.begin(), refused.end(), [](const json::value& one) {
               const auto* reason = one.is_object() ? one.get_object().if_contains("reason") : nullptr;
               return reason != nullptr && *reason == "unknown_source";
           });
}

progress_numbers importing::numbers() const
{
    progress_numbers n;
    n.calls = at_.accepted;
    n.refused = at_.refused;
    const double seconds = std::max(1e-3, std::chrono::duration<double>(door_.now() - began_).count());
    n.calls_per_second = static_cast<double>(at_.accepted - accepted_before_) / seconds;
    if (from_.size() != 0) {
        n.part = static_cast<double>(from_.position()) / static_cast<double>(from_.size());
        const auto read = static_cast<double>(from_.position() - std::min(position_before_, from_.position()));
        if (read > 0) n.seconds_left = seconds / read * static_cast<double>(from_.size() - std::min(from_.size(), from_.position()));
    }
    return n;
}

rt::outcome<import_summary> importing::run()
{
    // Known before anything is sent: a refused line that cannot be kept would be lost.
    const auto folder = std::filesystem::path(rejected_path()).parent_path();
    if (::access(folder.empty() ? "." : folder.c_str(), W_OK) != 0)
        return rt::failure{.id = "file.unwritable",
                           .detail = "Refused lines would go to " + rejected_path() +
                                     ", which cannot be written; name another file with --rejected."};
    auto begun = begin();
    if (begun.has_error()) return begun.error();
    at_ = *begun;
    accepted_before_ = at_.accepted;
    summary_.resumed_at = at_.lines;
    summary_.was_finished = at_.finished;
    if (!at_.finished) {
        if (auto skipped = from_.skip(at_.offset); skipped.has_error()) return skipped.error();
        began_ = door_.now();
        position_before_ = from_.position();
        for (bool more = true; more;) {
            while (more && held_.size() < piece_bytes) {
                auto block = from_.next(piece_bytes);
                if (block.has_error()) return block.error();
                more = !block->empty();
                held_ += *block;
            }
            if (!more) summary_.ends_inside_a_line = !held_.empty() && !held_.ends_with('\n');
            do {
                if (auto sent = send(!more); sent.has_error()) return sent.error();
                if (show_) show_(numbers());
            } while (!more && !at_.finished);  // it tells a bounded number of refused lines at a time
        }
    }
    summary_.accepted = at_.accepted;
    summary_.refused = at_.refused;
    summary_.lines = at_.lines;
    return summary_;
}

}  // namespace

rt::outcome<import_summary> run_import(const import_door& door, const import_request& what, file_source& from,
                                       const std::function<void(const progress_numbers&)>& show, rt::duration patience)
{
    importing one(door, what, from, patience, show);
    return one.run();
}

}  // namespace lakeferry::daemon
