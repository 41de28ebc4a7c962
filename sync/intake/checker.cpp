#include "sync/intake/checker.hpp"

#include "sync/core/timestamps.hpp"
#include "sync/intake/suppression.hpp"

namespace lakeferry::intake {
namespace {

using core::refusal_reason;

refused_text refuse(refusal_reason reason, std::string field, std::string message, const source_entry* source = nullptr)
{
    return {{reason, std::move(field), std::move(message)}, source};
}

// The source of a call, or why there is none.
std::variant<const source_entry*, refused_text> source_of(const boost::json::object& call, const check_options& with)
{
    const boost::json::value* key = call.if_contains("writeKey");
    if (!key || key->is_null()) {
        if (with.fallback) return with.fallback;
        return refuse(refusal_reason::unknown_source, "writeKey",
                      "no write key: send it as \"writeKey\", or as the user name of Basic authentication");
    }
    if (!key->is_string())
        return refuse(refusal_reason::unknown_source, "writeKey", "\"writeKey\" is not text: send the source's write key",
                      with.fallback);
    const auto& text = key->get_string();
    const source_entry* found = with.table->find({text.data(), text.size()});
    if (!found || (with.only_space && found->space != *with.only_space))
        return refuse(refusal_reason::unknown_source, "writeKey",
                      found ? "the write key belongs to a source of another space: import the line there"
                            : "no source has this write key: compare it with the space's configuration",
                      with.fallback);
    return found;
}

std::int64_t received_at(const boost::json::object& call, const check_options& with)
{
    if (!with.use_received_at) return with.now_us;
    const boost::json::value* text = call.if_contains("receivedAt");
    if (!text || !text->is_string()) return with.now_us;
    return core::parse_timestamp({text->get_string().data(), text->get_string().size()}).value_or(with.now_us);
}

}  // namespace

std::variant<passed_call, refused_text> call_checker::check(std::string_view text, const check_options& with)
{
    if (text.size() > with.bytes_max)
        return refuse(refusal_reason::too_large, "",
                      "the call has " + std::to_string(text.size()) + " bytes: send at most " +
                          std::to_string(with.bytes_max),
                      with.fallback);
    const auto parsed = reader_.parse(text);
    if (parsed.has_error()) {
        const auto& problem = parsed.error();
        return refuse(refusal_reason::bad_request, problem.key, "not valid JSON: " + problem.message, with.fallback);
    }
    if (!(*parsed)->is_object())
        return refuse(refusal_reason::bad_request, "", "the call is not a JSON object", with.fallback);
    const auto& object = (*parsed)->get_object();

    const auto source = source_of(object, with);
    if (const auto* no = std::get_if<refused_text>(&source)) return *no;
    const source_entry* from = std::get<const source_entry*>(source);
    if (!from->enabled)
        return refuse(refusal_reason::source_disabled, "writeKey",
                      "the source \"" + from->name + "\" is disabled: enable it in the space's configuration", from);

    core::call_options options;
    options.type = with.type;
    options.received_us = received_at(object, with);
    options.keys_max = from->keys_max;
    auto read = core::read_call(object, with.envelope, options);
    if (auto* no = std::get_if<core::refusal>(&read)) return refused_text{std::move(*no), from};
    const bool suppressed = from->suppressed && from->suppressed->drops(std::get<core::call>(read));
    return passed_call{from, options.received_us, suppressed};
}

}  // namespace lakeferry::intake
