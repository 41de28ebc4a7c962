#include "sync/intake/importer.hpp"

#include "net/rt/offload.hpp"
#include "sync/core/ids.hpp"
#include "sync/core/json.hpp"
#include "sync/core/space_state.hpp"

#include <boost/json/object.hpp>

#include <array>

namespace lakeferry::intake {
namespace {

constexpr std::size_t refused_lines_answered_max = 1000;

rt::failure failed(rt::retry_class retry, const char* id, std::string detail)
{
    rt::failure out;
    out.retry = retry;
    out.id = id;
    out.detail = std::move(detail);
    return out;
}

std::string key_of(std::uint32_t space, const std::string& id) { return core::space_meta_key(space, "import/" + id); }

struct count_field {
    const char* key;
    std::uint64_t import_progress::*member;
};
constexpr std::array<count_field, 4> count_fields{{{"offset", &import_progress::offset},
                                                   {"lines", &import_progress::lines},
                                                   {"accepted", &import_progress::accepted},
                                                   {"refused", &import_progress::refused}}};

// One chunk of an import at a time.
class busy_mark {
public:
    busy_mark(std::set<std::string>& marks, std::string id) : marks_(marks), id_(std::move(id)) { marks_.insert(id_); }
    busy_mark(const busy_mark&) = delete;
    busy_mark& operator=(const busy_mark&) = delete;
    ~busy_mark() { marks_.erase(id_); }

private:
    std::set<std::string>& marks_;
    std::string id_;
};

}  // namespace

// As it stands in family meta: a JSON object.
struct importer::record {
    std::string name{};
    std::string source{};
    std::string refill{};
    import_progress at{};
    bool finished = false;

    std::string encode() const
    {
        std::string out = "{\"name\":";
        core::append_quoted(out, name);
        out.append(",\"source\":");
        core::append_quoted(out, source);
        if (!refill.empty()) {
            out.append(",\"refill\":");
            core::append_quoted(out, refill);
        }
        for (const auto& field : count_fields)
            out.append(",\"").append(field.key).append("\":").append(std::to_string(at.*field.member));
        out.append(",\"inside_line\":").append(at.inside_line ? "true" : "false");
        out.append(",\"finished\":").append(finished ? "true}" : "false}");
        return out;
    }

    static std::optional<record> decode(std::string_view stored)
    {
        core::json_reader reader;
        const auto parsed = reader.parse(stored);
        if (parsed.has_error() || !(*parsed)->is_object()) return std::nullopt;
        const auto& object = (*parsed)->get_object();
        const auto text = [&](const char* key) {
            const auto* v = object.if_contains(key);
            return v && v->is_string() ? std::string(v->get_string().data(), v->get_string().size()) : std::string();
        };
        const auto flag = [&](const char* key) {
            const auto* v = object.if_contains(key);
            return v && v->is_bool() && v->get_bool();
        };
        record out;
        out.name = text("name");
        out.source = text("source");
        out.refill = text("refill");
        for (const auto& field : count_fields) {
            const auto* v = object.if_contains(field.key);
            if (!v || !v->is_int64() || v->get_int64() < 0) return std::nullopt;
            out.at.*field.member = static_cast<std::uint64_t>(v->get_int64());
        }
        out.at.inside_line = flag("inside_line");
        out.finished = flag("finished");
        return out;
    }
};

importer::importer(boost::asio::any_io_executor workers, store::store& in, const sources& from, acceptor& into,
                   refusals& refused, const rt::wall_clock& calendar, const core::limits& limits)
    : workers_(std::move(workers)),
      store_(in),
      sources_(from),
      acceptor_(into),
      refusals_(refused),
      calendar_(calendar),
      limits_(limits)
{
}

rt::awaitable<rt::outcome<importer::record>> importer::load(std::uint32_t space, std::string id)
{
    auto stored = co_await rt::offload_uncancellable(
        workers_, [&in = store_, key = key_of(space, id)] { return in.get(store::family::meta, key); });
    if (stored.has_error()) co_return stored.error();
    if (!stored->has_value())
        co_return failed(rt::retry_class::never, "import.unknown", "there is no import " + id + ": begin it again");
    auto found = record::decode(**stored);
    if (!found)
        co_return failed(rt::retry_class::never, "import.unknown",
                         "the progress of import " + id + " cannot be read: begin it again");
    co_return std::move(*found);
}

rt::awaitable<rt::outcome<import_position>> importer::begin(std::uint32_t space, import_file file)
{
    record fresh;
    fresh.name = file.name;
    fresh.refill = file.refill;
    if (!file.source.empty()) {
        const source_entry* source = sources_.now()->find_in(space, file.source);
        if (!source)
            co_return failed(rt::retry_class::never, "import.no_source",
                             "the space has no source \"" + file.source + "\": name one of its [[sources]]");
        fresh.source = source->id;
    }
    import_position out;
    const std::string size = std::to_string(file.bytes);
    out.id = file.refill.empty()
                 ? core::derived_id("imp_", {std::to_string(space), file.name, size, file.fingerprint, fresh.source})
                 : core::derived_id("imp_", {std::to_string(space), file.name, size, file.fingerprint, fresh.source,
                                             file.refill});
    if (busy_.count(out.id) != 0)
        co_return failed(rt::retry_class::transient, "import.busy", "this file is being imported by another client");
    const busy_mark mine(busy_, out.id);
    auto known = co_await load(space, out.id);
    if (known.has_error() && known.error().id != "import.unknown") co_return known.error();
    if (known.has_value() && !file.again) {
        out.at = known->at;
        out.finished = known->finished;
        co_return out;
    }
    std::vector<side_record> progress;
    progress.push_back({store::family::meta, key_of(space, out.id), fresh.encode()});
    const auto written = co_await acceptor_.commit({}, std::move(progress));
    if (written.has_error()) co_return written.error();
    co_return out;
}

rt::awaitable<rt::outcome<import_position>> importer::position(std::uint32_t space, std::string id)
{
    auto known = co_await load(space, id);
    if (known.has_error()) co_return known.error();
    co_return import_position{std::move(id), known->at, known->finished};
}

rt::awaitable<rt::outcome<chunk_result>> importer::chunk(std::uint32_t space, import_chunk what)
{
    if (what.bytes.size() > import_chunk_bytes_max)
        co_return failed(rt::retry_class::never, "import.chunk_too_large",
                         "the chunk has " + std::to_string(what.bytes.size()) + " bytes: send at most " +
                             std::to_string(import_chunk_bytes_max));
    if (auto busy = acceptor_.refuses(what.bytes.size())) co_return *busy;
    if (busy_.count(what.id) != 0)
        co_return failed(rt::retry_class::transient, "import.busy", "a chunk of this import is being read");
    const busy_mark mine(busy_, what.id);

    auto known = co_await load(space, what.id);
    if (known.has_error()) co_return known.error();
    chunk_result out;
    out.position = {what.id, known->at, known->finished};
    if (known->finished || what.offset < known->at.offset) co_return out;
    if (what.offset > known->at.offset)
        co_return failed(rt::retry_class::never, "import.gap",
                         "the chunk begins at byte " + std::to_string(what.offset) + ", but the import stands at byte " +
                             std::to_string(known->at.offset) + ": go on from there");

    // The table must outlive the views into it, and a reload may come while the lines are read.
    const auto table = sources_.now();
    check_options options;
    options.table = table.get();
    options.only_space = space;
    if (!known->source.empty()) options.fallback = table->find_in(space, known->source);
    options.now_us = calendar_.now_us();
    options.bytes_max = limits_.call_bytes_max;
    options.use_received_at = true;
    options.refill = known->refill;
    auto plan = co_await rt::offload_uncancellable(
        workers_, [&] { return read_chunk(what.bytes, known->at, what.last, options, refused_lines_answered_max); });

    out.accepted = plan.after.accepted - known->at.accepted;
    out.refused = plan.after.refused - known->at.refused;
    record after = *known;
    after.at = plan.after;
    after.finished = what.last && plan.after.offset == known->at.offset + what.bytes.size();
    std::vector<side_record> progress;
    progress.push_back({store::family::meta, key_of(space, what.id), after.encode()});
    const auto written = co_await acceptor_.commit(std::move(plan.pieces), std::move(progress));
    if (written.has_error()) co_return written.error();

    note(space, after, plan.refused);
    out.position = {what.id, after.at, after.finished};
    out.lines = std::move(plan.refused);
    co_return out;
}

void importer::note(std::uint32_t space, const record& of, const std::vector<refused_line>& lines)
{
    for (const auto& line : lines) {
        refused_call what;
        what.at_us = calendar_.now_us();
        what.via = "import";
        what.source = of.source;
        what.field = line.why.field;
        what.message = line.why.message;
        what.where = of.name + ", line " + std::to_string(line.line);
        what.text = line.text;
        refusals_.record(space, line.why.reason, std::move(what));
    }
}

}  // namespace lakeferry::intake
