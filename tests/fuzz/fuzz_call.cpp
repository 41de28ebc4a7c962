// Any bytes as a call and as a batch: never a crash, and what is accepted reads the same again from its compact text.
#include "sync/core/call.hpp"
#include "sync/core/json.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

using namespace lakeferry::core;

namespace {

void must(bool ok)
{
    if (!ok) std::abort();
}

void look(const call& c)
{
    must(!c.user_id.blank() || !c.anonymous_id.blank());
    must(c.timestamp_us <= c.received_us + 86'400'000'000);
    std::size_t keys = 0;
    c.context.for_each([&](std::string_view key, const boost::json::value& v) {
        ++keys;
        must(c.context.find(key) == &v);
    });
    must(c.context.empty() == (keys == 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static json_reader reader;
    static json_reader again;
    const std::string_view text(static_cast<const char*>(static_cast<const void*>(data)), size);

    // Items of an array lie inside it, in order, and do not overlap.
    const char* behind = text.data();
    (void)split_array(text, [&](std::string_view item) {
        must(item.data() >= behind && item.data() + item.size() <= text.data() + text.size());
        behind = item.data() + item.size();
        return true;
    });
    (void)split_object(text, [](std::string_view, std::string_view) { return true; });

    const auto parsed = reader.parse(text);
    if (parsed.has_error()) {
        must(parsed.error().offset <= size && !parsed.error().message.empty());
        return 0;
    }
    must(find_bad_utf8(text) == std::string_view::npos);
    const std::string once = compact(**parsed);
    const auto second = again.parse(once);
    must(second.has_value() && compact(**second) == once);
    if (!(*parsed)->is_object()) return 0;

    const auto& object = (*parsed)->get_object();
    call_options options;
    options.received_us = 1'700'000'000'000'000;
    const auto read = read_call(object, read_envelope(&object), options);
    if (const auto* c = std::get_if<call>(&read)) look(*c);
    return 0;
}
