#include "sync/intake/service.hpp"

#include "net/http/gzip.hpp"
#include "sync/intake/batch_body.hpp"
#include "sync/intake/blocks.hpp"

#include <algorithm>
#include <charconv>

namespace lakeferry::intake {
namespace {

constexpr std::string_view not_found_message =
    "there is nothing at this path: POST to /v1/identify, /v1/track, /v1/page, /v1/screen, /v1/group, /v1/alias or "
    "/v1/batch";

// What admit() reserved for this request.
std::size_t announced(const http::headers& fields, std::size_t if_chunked) noexcept
{
    const auto length = fields.find("Content-Length");
    if (!length) return if_chunked;
    std::size_t bytes = 0;
    std::from_chars(length->data(), length->data() + length->size(), bytes);
    return bytes;
}

std::string item_of(const route& at, std::size_t index)
{
    return std::string(at.path) + ", item " + std::to_string(index);
}

}  // namespace

// What a body comes to: a call to commit (then accepted() is the answer), or blocks to commit and the answer to that.
struct intake_service::plan {
    std::optional<single_call> call{};  // borrows from the body and the table
    std::vector<piece> pieces{};
    http::response answer{};
};

intake_service::intake_service(const sources& from, acceptor& into, refusals& refused, rt::time_source& clock,
                               const rt::wall_clock& calendar, obs::log& log, const core::limits& limits,
                               rt::duration body_timeout)
    : sources_(from),
      acceptor_(into),
      refusals_(refused),
      clock_(clock),
      calendar_(calendar),
      log_(log),
      limits_(limits),
      reserved_(body_timeout + std::chrono::seconds(2)),
      // The context of a batch may be as deep as that of a call.
      envelope_reader_(std::size_t{16} << 10)
{
}

http::response intake_service::refuse(unsigned status, std::string_view code, std::string_view field,
                                      std::string_view message)
{
    refusals_.count_unknown(code);
    return refused(status, code, field, message);
}

std::size_t intake_service::body_bytes_max(const route& at) const noexcept
{
    // Twice what a call may have: one that is somewhat too large is read, so that it can be shown to the operator.
    return at.type ? std::min(2 * limits_.call_bytes_max, limits_.batch_bytes_max) : limits_.batch_bytes_max;
}

std::optional<http::response> intake_service::refuse_head(const http::request_head& head)
{
    const route* at = find_route(head.target);
    if (!at) {
        const bool reads = head.method == "GET" || head.method == "HEAD";
        if (reads && http::split_target(head.target).first == "/") return greeting();
        return refuse(404, "not_found", "", not_found_message);
    }
    if (head.method == "OPTIONS") return preflight();
    if (head.method != "POST") {
        auto no = refuse(405, "method_not_allowed", "", "calls are sent with POST");
        no.fields.add("Allow", "POST, OPTIONS");
        return no;
    }
    if (!is_json_type(head.fields->find("Content-Type")))
        return refuse(415, "unsupported_media_type", "Content-Type",
                      "send JSON with Content-Type: application/json (text/plain is taken for browsers)");
    if (encoding_of(*head.fields) == encoding::other)
        return refuse(415, "unsupported_encoding", "Content-Encoding", "send the body as it is or with gzip");
    const auto basic = read_basic(*head.fields);
    if (basic.broken)
        return refuse(401, "unknown_source", "Authorization",
                      "the Authorization field is not Basic with base64 of \"<write key>:\"");
    if (basic.present && !sources_.now()->find(basic.user))
        return refuse(401, "unknown_source", "Authorization",
                      "no source has the write key of the Authorization field: compare it with the space's "
                      "configuration");
    return std::nullopt;
}

std::optional<http::response> intake_service::admit(const http::request_head& head)
{
    if (auto no = refuse_head(head)) return no;
    const auto now = clock_.now();
    const std::size_t limit = body_bytes_max(*find_route(head.target));
    const std::size_t bytes = head.content_length.value_or(limit);
    if (bytes > limit) return std::nullopt;  // refused by its size, in a moment
    reserved_.expire(now);
    if (auto busy = acceptor_.refuses(bytes, reserved_.bytes())) {
        refusals_.count_unknown(busy->id.substr(busy->id.rfind('.') + 1));
        return unavailable(*busy);
    }
    reserved_.add(bytes, now);
    return std::nullopt;
}

std::size_t intake_service::body_limit(const http::request_head& head)
{
    const route* at = find_route(head.target);
    return at ? body_bytes_max(*at) : 0;
}

http::response intake_service::refuse_large(const http::request_head& head, std::size_t limit)
{
    const route* at = find_route(head.target);
    const bool single = at && at->type;
    const std::string message = "the body has more than " + std::to_string(limit) + " bytes: send at most " +
                                std::to_string(single ? limits_.call_bytes_max : limits_.batch_bytes_max) +
                                (single ? " a call" : " a batch, in several batches");
    const auto basic = read_basic(*head.fields);
    const source_entry* source = basic.present ? sources_.now()->find(basic.user) : nullptr;
    if (!source) return refuse(413, "too_large", "", message);
    note({{core::refusal_reason::too_large, "", message}, source}, "", at ? std::string(at->path) : std::string());
    return refused(413, "too_large", "", message);
}

http::response intake_service::refuse_malformed(unsigned status, std::string_view why)
{
    return refuse(status, status == 408 ? "timeout" : "bad_request", "", why);
}

http::response intake_service::refuse_broken(std::string_view what)
{
    log_.error("intake.broken", "a request could not be handled, which is a defect", {{"what", what}});
    return refuse(500, "internal_error", "", "this is a defect of the server: its log says more");
}

void intake_service::note(const refused_text& no, std::string_view text, std::string where)
{
    if (!no.source) {
        refusals_.count_unknown(core::to_string(no.why.reason));
        return;
    }
    refused_call what;
    what.at_us = calendar_.now_us();
    what.via = "http";
    what.source = no.source->id;
    what.field = no.why.field;
    what.message = no.why.message;
    what.where = std::move(where);
    what.text = text.substr(0, refused_text_bytes_max);
    refusals_.record(no.source->space, no.why.reason, std::move(what));
}

intake_service::plan intake_service::read_call(std::string_view body, const route& at, const source_entry* basic,
                                               const source_table& table)
{
    check_options options;
    options.table = &table;
    options.fallback = basic;
    options.type = at.type;
    options.now_us = calendar_.now_us();
    options.bytes_max = limits_.call_bytes_max;
    const auto checked = checker_.check(body, options);
    if (const auto* no = std::get_if<refused_text>(&checked)) {
        note(*no, body, std::string(at.path));
        return {{}, {}, refused(no->why)};
    }
    const auto& passed = std::get<passed_call>(checked);
    if (passed.suppressed) return {{}, {}, accepted()};
    const source_entry& from = *passed.source;
    return {single_call{from.space, *at.type, from.id, passed.received_us, body}, {}, {}};
}

// The source for items without a write key of their own: of the batch, else of the header, else none.
std::variant<const source_entry*, http::response> intake_service::batch_source(const batch_body& batch,
                                                                               const source_entry* basic,
                                                                               const source_table& table)
{
    const source_entry* source = basic;
    if (batch.write_key) {
        const auto* key = batch.write_key->if_string();
        source = key ? table.find({key->data(), key->size()}) : nullptr;
        if (!source)
            return refuse(401, "unknown_source", "writeKey",
                          "no source has the \"writeKey\" of the batch: compare it with the space's configuration");
    }
    if (source && !source->enabled)
        return refuse(401, "source_disabled", "writeKey",
                      "the source \"" + source->name + "\" is disabled: enable it in the space's configuration");
    return source;
}

intake_service::plan intake_service::read_batch(std::string_view body, const route& at, const source_entry* basic,
                                                const source_table& table)
{
    auto read = read_batch_body(body, envelope_reader_);
    if (auto* no = std::get_if<batch_refusal>(&read)) {
        if (basic)
            note({{core::refusal_reason::bad_request, no->field, no->message}, basic}, body, std::string(at.path));
        else
            refusals_.count_unknown(no->code);
        return {{}, {}, refused(no->status, no->code, no->field, no->message)};
    }
    const batch_body& batch = std::get<batch_body>(read);

    auto chosen = batch_source(batch, basic, table);
    if (auto* no = std::get_if<http::response>(&chosen)) return {{}, {}, std::move(*no)};
    check_options options;
    options.table = &table;
    options.fallback = std::get<const source_entry*>(chosen);
    options.envelope = batch.envelope;
    options.now_us = calendar_.now_us();
    options.bytes_max = limits_.call_bytes_max;

    block_builder blocks("", {});
    blocks.set_envelope(batch.stored_envelope);
    std::vector<rejected_item> rejected;
    std::vector<std::pair<refused_text, std::string_view>> to_note;
    std::size_t index = 0;
    const auto broken = core::split_array(batch.items, [&](std::string_view item) {
        if (index == limits_.batch_calls_max) return ++index, false;
        auto checked = checker_.check(item, options);
        if (const auto* passed = std::get_if<passed_call>(&checked)) {
            blocks.add(*passed, item);
        } else {
            auto& no = std::get<refused_text>(checked);
            rejected.push_back({index, no.why});
            to_note.emplace_back(std::move(no), item);
        }
        ++index;
        return true;
    });
    const auto whole = [&](unsigned status, const char* code, const std::string& message) -> plan {
        return {{}, {}, refuse(status, code, "batch", message)};
    };
    if (broken)
        return whole(400, "bad_request",
                     "not valid JSON: the items of \"batch\" cannot be told apart, seen after item " +
                         std::to_string(index) + " at byte " + std::to_string(*broken) + " of the array");
    if (index > limits_.batch_calls_max)
        return whole(400, "too_many_calls",
                     "the batch has more than " + std::to_string(limits_.batch_calls_max) +
                         " calls: send it in parts; nothing of it was kept");
    if (index == 0) return whole(400, "empty_batch", "the batch has no calls: send at least one");

    const bool nobody = !options.fallback && blocks.calls() == 0 &&
                        std::all_of(rejected.begin(), rejected.end(), [](const rejected_item& item) {
                            return item.why.reason == core::refusal_reason::unknown_source;
                        });
    if (nobody) return {{}, {}, refuse(401, "unknown_source", "writeKey", rejected.front().why.message)};
    for (std::size_t i = 0; i < rejected.size(); ++i)
        note(to_note[i].first, to_note[i].second, item_of(at, rejected[i].index));
    auto answer = rejected.empty() ? accepted() : partly_accepted(blocks.calls(), rejected);
    return {{}, blocks.take(), std::move(answer)};
}

rt::awaitable<http::response> intake_service::handle(http::request what)
{
    const route* at = find_route(what.target);
    rt::check(at != nullptr, "a request without a route was refused before");
    const std::size_t limit = body_bytes_max(*at);
    reserved_.give_back(announced(what.fields, limit));

    if (encoding_of(what.fields) == encoding::gzip) {
        auto unpacked = http::inflate_gzip(what.body, limit);
        if (unpacked.has_error() && unpacked.error().id == "gzip.too_large")
            co_return refuse(413, "too_large", "",
                             "the body has more than " + std::to_string(limit) + " bytes when unpacked");
        if (unpacked.has_error())
            co_return refuse(400, "bad_request", "Content-Encoding",
                             "the body is not gzip: send what the Content-Encoding field says");
        what.body = std::move(*unpacked);
    }
    const std::string_view body = core::trim_json_space(what.body);
    if (body.empty()) co_return refuse(400, "bad_request", "", "the body is empty: send JSON");

    // Kept until the answer: a reload must not take the sources away in between.
    const auto table = sources_.now();
    const auto basic = read_basic(what.fields);
    const source_entry* source = basic.present ? table->find(basic.user) : nullptr;
    if (basic.present && !source)
        co_return refuse(401, "unknown_source", "Authorization", "the source of this write key was removed just now");

    plan next = at->type ? read_call(body, *at, source, *table) : read_batch(body, *at, source, *table);
    if (!next.call && next.pieces.empty()) co_return std::move(next.answer);
    if (auto busy = acceptor_.refuses(0)) co_return unavailable(*busy);
    // What is not needed any more is not kept by hundreds of waiters.
    what.fields = http::headers();
    auto commit = next.call ? acceptor_.commit_call(*next.call) : acceptor_.commit(std::move(next.pieces));
    const auto done = co_await std::move(commit);
    if (done.has_error()) co_return unavailable(done.error());
    co_return next.call ? accepted() : std::move(next.answer);
}

}  // namespace lakeferry::intake
