#include "sync/intake/batch_body.hpp"

#include <array>

namespace lakeferry::intake {
namespace {

batch_refusal bad(std::string code, std::string field, std::string message)
{
    return {400, std::move(code), std::move(field), std::move(message)};
}

const boost::json::value* present(const boost::json::object& from, std::string_view key) noexcept
{
    const auto* v = from.if_contains(key);
    return v && !v->is_null() ? v : nullptr;
}

// The members that stand for all items. Kept as they were written: 1.0 must not become 1 on its way through the store.
struct shared_member {
    std::string_view key{};
    std::string_view text{};
};

std::string envelope_text(const boost::json::object& object, const std::array<shared_member, 3>& members)
{
    std::string out;
    for (const auto& member : members) {
        const auto* value = present(object, member.key);
        if (!value) continue;
        out.push_back(out.empty() ? '{' : ',');
        core::append_quoted(out, member.key);
        out.push_back(':');
        // A key that was written with escapes has no text of its own here.
        if (member.text.empty())
            core::append_compact(out, *value);
        else
            out.append(member.text);
    }
    if (!out.empty()) out.push_back('}');
    return out;
}

}  // namespace

std::variant<batch_body, batch_refusal> read_batch_body(std::string_view body, core::json_reader& reader)
{
    batch_body out;
    bool found = false;
    std::array<shared_member, 3> shared{{{"context", {}}, {"integrations", {}}, {"sentAt", {}}}};
    const auto broken = core::split_object(body, [&](std::string_view key, std::string_view value) {
        for (auto& member : shared)
            if (member.key == key) member.text = value;
        if (key != "batch" || found) return true;
        found = true;
        out.items = value;
        return true;
    });
    if (broken)
        return bad("bad_request", "",
                   "not valid JSON: the body is not a whole object, seen at byte " + std::to_string(*broken));

    // What surrounds the items, read as strictly as a call.
    std::string rest;
    std::size_t cut_at = body.size();
    if (found) {
        cut_at = static_cast<std::size_t>(out.items.data() - body.data());
        rest.append(body.substr(0, cut_at)).append("[]").append(body.substr(cut_at + out.items.size()));
    } else {
        rest = body;
    }
    const auto parsed = reader.parse(rest);
    if (parsed.has_error()) {
        const auto& problem = parsed.error();
        std::string message = "not valid JSON: " + problem.message;
        if (problem.offset > cut_at) message += " (not counting the items of \"batch\")";
        return bad("bad_request", problem.key, std::move(message));
    }
    const auto& object = (*parsed)->get_object();
    if (!found || out.items.front() != '[')
        return bad("bad_request", "batch",
                   found ? "\"batch\" is not an array: send an array of calls"
                         : "there is no \"batch\": send {\"batch\":[...]} with the calls in it");
    const auto* context = present(object, "context");
    if (context && !context->is_object())
        return bad("context_not_object", "context", "\"context\" of the batch is not an object: send an object");
    out.write_key = present(object, "writeKey");
    out.envelope = core::read_envelope(&object);
    out.stored_envelope = envelope_text(object, shared);
    return out;
}

}  // namespace lakeferry::intake
