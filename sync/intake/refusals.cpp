#include "sync/intake/refusals.hpp"

#include "sync/core/json.hpp"
#include "sync/core/keys.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <array>

namespace lakeferry::intake {
namespace {

constexpr const char* counter_name = "lakeferry_intake_refused_total";
constexpr const char* counter_help = "Refused calls and requests, by reason; an empty space: it could not be told";

struct text_field {
    const char* key;
    std::string refused_call::*member;
};
constexpr std::array<text_field, 7> text_fields{{{"via", &refused_call::via},
                                                 {"source", &refused_call::source},
                                                 {"reason", &refused_call::reason},
                                                 {"field", &refused_call::field},
                                                 {"message", &refused_call::message},
                                                 {"where", &refused_call::where},
                                                 {"text", &refused_call::text}}};

// At most so many bytes, and valid UTF-8.
std::string presentable(std::string_view text, std::size_t bytes_max)
{
    bool cut = text.size() > bytes_max;
    text = text.substr(0, bytes_max);
    std::string out;
    while (!text.empty()) {
        const std::size_t bad = core::find_bad_utf8(text);
        out.append(text.substr(0, bad));
        if (bad == std::string_view::npos) break;
        // A character that the cut went through is left out.
        if (!cut || text.size() - bad >= 4) out.append("\xEF\xBF\xBD");
        text.remove_prefix(bad + 1);
    }
    return out;
}

refused_call decode(std::string_view stored)
{
    refused_call out;
    core::json_reader reader;
    const auto parsed = reader.parse(stored);
    if (parsed.has_error() || !(*parsed)->is_object()) return out;
    const auto& object = (*parsed)->get_object();
    if (const auto* at = object.if_contains("at_us"); at && at->is_int64()) out.at_us = at->get_int64();
    for (const auto& field : text_fields)
        if (const auto* v = object.if_contains(field.key); v && v->is_string())
            out.*field.member = std::string(v->get_string().data(), v->get_string().size());
    return out;
}

}  // namespace

std::string encode_refused(const refused_call& what)
{
    std::string out = "{\"at_us\":" + std::to_string(what.at_us);
    for (const auto& field : text_fields) {
        const std::string& text = what.*field.member;
        if (text.empty()) continue;
        out.append(",\"").append(field.key).append("\":");
        core::append_quoted(out, presentable(text, refused_text_bytes_max));
    }
    return out + "}";
}

std::uint64_t& refusals::counter(const std::string& space_id, std::string_view reason)
{
    return metrics_.counter(counter_name, counter_help, {{"space", space_id}, {"reason", std::string(reason)}});
}

void refusals::add_space(std::uint32_t number, std::string id, std::uint64_t last_sequence)
{
    space& one = spaces_[number];
    one.id = std::move(id);
    one.sequence = std::max(one.sequence, last_sequence);
    one.active = true;
}

void refusals::remove_space(std::uint32_t number)
{
    const auto at = spaces_.find(number);
    if (at == spaces_.end()) return;
    at->second.active = false;
    at->second.waiting.clear();
    at->second.counters.clear();
}

void refusals::record(std::uint32_t number, core::refusal_reason reason, refused_call what)
{
    const auto at = spaces_.find(number);
    if (at == spaces_.end() || !at->second.active) {
        count_unknown(core::to_string(reason));
        return;
    }
    space& one = at->second;
    auto& known = one.counters[reason];
    if (known == nullptr) known = &counter(one.id, core::to_string(reason));
    ++*known;
    if (kept_ == 0) return;
    if (one.waiting.size() == kept_) one.waiting.pop_front();
    what.reason = core::to_string(reason);
    one.waiting.push_back(encode_refused(what));
    if (nudge_) nudge_();
}

void refusals::count_unknown(std::string_view reason) { ++counter("", reason); }

void refusals::fill(store::batch& to)
{
    for (auto& [number, one] : spaces_) {
        for (const auto& text : one.waiting) {
            ++one.sequence;
            to.put(store::family::refusals, core::key32_64(number, one.sequence), text);
            if (one.sequence > kept_)
                to.remove(store::family::refusals, core::key32_64(number, one.sequence - kept_));
        }
        one.waiting.clear();
    }
}

rt::outcome<std::uint64_t> find_last_sequence(store::store& in, std::uint32_t space)
{
    const auto last = in.last(store::family::refusals, core::key32(space), core::key32(space + 1));
    if (last.has_error()) return last.error();
    if (!last->has_value() || (*last)->first.size() != 12) return 0;
    return core::read_be64((*last)->first, 4);
}

rt::outcome<std::vector<refused_call>> list_refusals(store::store& in, std::uint32_t space, std::size_t most)
{
    const auto last = find_last_sequence(in, space);
    if (last.has_error()) return last.error();
    std::vector<refused_call> out;
    const std::uint64_t from = *last >= most ? *last - most + 1 : 0;
    const auto read = in.scan(store::family::refusals, core::key32_64(space, from), core::key32(space + 1),
                              [&](std::string_view, std::string_view value) {
                                  out.push_back(decode(value));
                                  return true;
                              });
    if (read.has_error()) return read.error();
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace lakeferry::intake
