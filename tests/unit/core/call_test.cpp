#include "sync/core/call.hpp"

#include "sync/core/json.hpp"
#include "sync/core/timestamps.hpp"

#include <gtest/gtest.h>

namespace lakeferry::core {
namespace {

constexpr std::int64_t noon = 1'769'860'800'000'000;  // 2026-01-31T12:00:00Z

std::string reason_of(const std::string& text, call_options options = {})
{
    json_reader reader;
    const auto parsed = reader.parse(text);
    if (parsed.has_error()) return parsed.error().message;
    options.received_us = noon;
    const auto read = read_call((*parsed)->get_object(), {}, options);
    if (const auto* no = std::get_if<refusal>(&read)) return std::string(to_string(no->reason)) + " " + no->field;
    return "accepted";
}

std::string repeated(std::string_view unit, std::size_t times)
{
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += unit;
    return out;
}

std::string keys(std::size_t count)
{
    std::string out = "{";
    for (std::size_t i = 0; i < count; ++i) out += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    return out + "}";
}

TEST(Call, UnknownType)
{
    EXPECT_EQ(reason_of(R"({"userId":"u"})"), "unknown_type type");
    for (const char* type : {R"("Track")", R"("")", "null", "7", R"("delete")"})
        EXPECT_EQ(reason_of(std::string(R"({"userId":"u","type":)") + type + "}"), "unknown_type type");
    for (const char* type : {"identify", "page", "screen"})
        EXPECT_EQ(reason_of(std::string(R"({"userId":"u","type":")") + type + "\"}"), "accepted") << type;
}

TEST(Call, TheTypeOfThePathWins)
{
    call_options options;
    options.type = call_type::identify;
    EXPECT_EQ(reason_of(R"({"userId":"u"})", options), "accepted");
    EXPECT_EQ(reason_of(R"({"userId":"u","type":"track"})", options), "accepted");
}

TEST(Call, MessageIds)
{
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","messageId":7})"), "message_id_not_string messageId");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","messageId":null})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","messageId":""})"), "accepted");
    const auto with = [](const std::string& id) {
        return reason_of(R"({"type":"page","userId":"u","messageId":")" + id + "\"}");
    };
    EXPECT_EQ(with(repeated("é", 100)), "accepted") << "characters count, not bytes";
    EXPECT_EQ(with(repeated("é", 101)), "message_id_too_long messageId");
}

TEST(Call, IdsAreTextWholeNumbersOrNull)
{
    for (const char* value : {"1.5", "1.0", "true", "[]", "{}"}) {
        EXPECT_EQ(reason_of(std::string(R"({"type":"page","anonymousId":"a","userId":)") + value + "}"),
                  "id_not_string userId");
        EXPECT_EQ(reason_of(std::string(R"({"type":"page","userId":"a","anonymousId":)") + value + "}"),
                  "id_not_string anonymousId");
        EXPECT_EQ(reason_of(std::string(R"({"type":"alias","userId":"a","previousId":)") + value + "}"),
                  "id_not_string previousId");
        EXPECT_EQ(reason_of(std::string(R"({"type":"group","userId":"a","groupId":)") + value + "}"),
                  "id_not_string groupId");
        EXPECT_EQ(reason_of(std::string(R"({"type":"page","userId":"a","groupId":)") + value + "}"), "accepted");
    }
    EXPECT_EQ(reason_of(R"({"type":"page","userId":12})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":null,"anonymousId":"a"})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"page","anonymousId":true,"userId":1.5})"), "id_not_string userId") << "order";
}

TEST(Call, SomebodyMustBeNamed)
{
    EXPECT_EQ(reason_of(R"({"type":"page"})"), "no_user_anon_id userId");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":" \t","anonymousId":""})"), "no_user_anon_id userId");
    EXPECT_EQ(reason_of(R"({"type":"alias","anonymousId":"a","previousId":"p"})"), "no_user_anon_id userId");
    EXPECT_EQ(reason_of(R"({"type":"alias","userId":"u"})"), "id_required previousId");
    EXPECT_EQ(reason_of(R"({"type":"alias","userId":"u","previousId":" "})"), "id_required previousId");
    EXPECT_EQ(reason_of(R"({"type":"alias","userId":"u","previousId":"p"})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"group","userId":"u"})"), "id_required groupId");
    EXPECT_EQ(reason_of(R"({"type":"group","userId":"u","groupId":7})"), "accepted");
}

TEST(Call, GroupIdsAreBounded)
{
    const auto with = [](const std::string& id) {
        return reason_of(R"({"type":"group","userId":"u","groupId":")" + id + "\"}");
    };
    EXPECT_EQ(with(repeated("é", 500)), "accepted");
    EXPECT_EQ(with(repeated("é", 501)), "group_id_too_long groupId");
}

TEST(Call, TracksNeedAnEvent)
{
    for (const char* rest : {"", R"(,"event":null)", R"(,"event":"")", R"(,"event":" \n")"})
        EXPECT_EQ(reason_of(std::string(R"({"type":"track","userId":"u")") + rest + "}"), "event_not_defined event");
    EXPECT_EQ(reason_of(R"({"type":"track","userId":"u","event":7})"), "event_not_string event");
    EXPECT_EQ(reason_of(R"({"type":"track","userId":"u","event":"x"})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","event":7})"), "accepted");
}

TEST(Call, TraitsAndPropertiesAreObjects)
{
    for (const char* type : {"identify", "group"})
        EXPECT_EQ(reason_of(std::string(R"({"userId":"u","groupId":"g","traits":[],"properties":7,"type":")") + type +
                            "\"}"),
                  "traits_not_object traits");
    for (const char* type : {"track", "page", "screen"})
        EXPECT_EQ(reason_of(std::string(R"({"userId":"u","event":"e","traits":7,"properties":"x","type":")") + type +
                            "\"}"),
                  "properties_not_object properties");
    EXPECT_EQ(reason_of(R"({"type":"alias","userId":"u","previousId":"p","traits":7,"properties":7})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"identify","userId":"u","traits":null})"), "accepted");
}

TEST(Call, KeysAreCounted)
{
    EXPECT_EQ(reason_of(R"({"type":"identify","userId":"u","traits":)" + keys(299) + "}"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"identify","userId":"u","traits":)" + keys(300) + "}"), "too_many_traits traits");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","properties":)" + keys(300) + "}"),
              "too_many_properties properties");
    call_options options;
    options.keys_max = 2;
    EXPECT_EQ(reason_of(R"({"type":"group","groupId":1,"userId":"u","traits":)" + keys(2) + "}", options),
              "too_many_traits traits");
}

TEST(Call, ContextNameAndCategory)
{
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","context":[],"name":7})"), "context_not_object context");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","context":null})"), "accepted");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","name":7,"category":7})"), "name_not_string name");
    EXPECT_EQ(reason_of(R"({"type":"screen","userId":"u","name":null,"category":7})"),
              "category_not_string category");
    EXPECT_EQ(reason_of(R"({"type":"identify","userId":"u","name":7,"category":7})"), "accepted");
}

TEST(Call, TheFirstReasonInTheListWins)
{
    EXPECT_EQ(reason_of(R"({"messageId":1,"userId":1.5,"traits":1})"), "unknown_type type");
    EXPECT_EQ(reason_of(R"({"type":"track","messageId":1,"userId":1.5})"), "message_id_not_string messageId");
    EXPECT_EQ(reason_of(R"({"type":"track","userId":1.5,"properties":1})"), "id_not_string userId");
    EXPECT_EQ(reason_of(R"({"type":"track","properties":1})"), "no_user_anon_id userId");
    EXPECT_EQ(reason_of(R"({"type":"track","userId":"u","properties":1,"context":1})"), "event_not_defined event");
    EXPECT_EQ(reason_of(R"({"type":"page","userId":"u","properties":1,"context":1,"name":1})"),
              "properties_not_object properties");
}

TEST(Call, EveryReasonHasItsName)
{
    EXPECT_STREQ(to_string(refusal_reason::too_large), "too_large");
    EXPECT_STREQ(to_string(refusal_reason::bad_request), "bad_request");
    EXPECT_STREQ(to_string(refusal_reason::unknown_source), "unknown_source");
    EXPECT_STREQ(to_string(refusal_reason::source_disabled), "source_disabled");
    EXPECT_STREQ(to_string(refusal_reason::duplicate), "duplicate");
}

TEST(Call, FieldsAreRead)
{
    json_reader reader;
    const auto parsed = reader.parse(R"({"type":"group","messageId":"m","userId":18446744073709551615,
        "anonymousId":" ","groupId":-5,"traits":{"a":1},"properties":{"b":1},"context":{"ip":"1"}})");
    const auto read = read_call((*parsed)->get_object(), {}, {});
    const call& c = std::get<call>(read);
    EXPECT_EQ(c.type, call_type::group);
    EXPECT_EQ(c.message_id, "m");
    EXPECT_EQ(c.user_id.view(), "18446744073709551615");
    EXPECT_TRUE(c.anonymous_id.blank());
    EXPECT_EQ(c.anonymous_id.view(), "");
    EXPECT_EQ(c.group_id.view(), "-5");
    EXPECT_EQ(c.traits->size(), 1U);
    EXPECT_EQ(c.properties, nullptr);
    EXPECT_NE(c.context.find("ip"), nullptr);
}

TEST(Call, IdsBeyondSixtyFourBitsKeepTheirDigits)
{
    json_reader reader;
    const auto parsed = reader.parse(R"({"type":"page","userId":123456789012345678901234567890})");
    const auto read = read_call((*parsed)->get_object(), {}, {});
    EXPECT_EQ(std::get<call>(read).user_id.view(), "123456789012345678901234567890");
}

TEST(Call, TheContextOfABatchIsMergedKeyByKeyAndTheItemWins)
{
    json_reader outer;
    json_reader inner;
    const auto envelope = outer.parse(R"({"context":{"a":1,"b":{"x":1},"c":3},"sentAt":"2026-01-31T11:00:00Z"})");
    const auto item = inner.parse(R"({"type":"page","userId":"u","context":{"b":{"y":2},"d":4}})");
    const auto read = read_call((*item)->get_object(), read_envelope(&(*envelope)->get_object()), {});
    const call& c = std::get<call>(read);
    std::string seen;
    c.context.for_each([&](std::string_view key, const boost::json::value& v) {
        seen.append(key).append(compact(v)).append(" ");
    });
    EXPECT_EQ(seen, R"(a1 c3 b{"y":2} d4 )");
    EXPECT_EQ(compact(*c.context.find("b")), R"({"y":2})");
    EXPECT_EQ(c.context.find("z"), nullptr);
    EXPECT_EQ(c.sent_us, parse_timestamp("2026-01-31T11:00:00Z"));
    EXPECT_TRUE(merged_object().empty());
}

struct time_case {
    const char* fields;
    const char* original;
    const char* sent;
    const char* timestamp;
};

TEST(Call, TimesFollowTheRules)
{
    const time_case cases[] = {
        {"", "2026-01-31T12:00:00", "", "2026-01-31T12:00:00"},
        {R"(,"timestamp":"2026-01-30")", "2026-01-30", "", "2026-01-30"},
        {R"(,"timestamp":"2026-01-30","originalTimestamp":"2026-01-29")", "2026-01-29", "", "2026-01-29"},
        {R"(,"timestamp":"2026-01-30","originalTimestamp":"soon")", "2026-01-30", "", "2026-01-30"},
        {R"(,"timestamp":1769860800)", "2026-01-31T12:00:00", "", "2026-01-31T12:00:00"},
        {R"(,"timestamp":"2026-01-31T10:00:00Z","sentAt":"2026-01-31T11:00:00Z")", "2026-01-31T10:00:00",
         "2026-01-31T11:00:00", "2026-01-31T11:00:00"},
        {R"(,"timestamp":"2026-02-02")", "2026-02-02", "", "2026-01-31T12:00:00"},
        {R"(,"timestamp":"2026-01-31T10:00:00Z","sentAt":"never")", "2026-01-31T10:00:00", "", "2026-01-31T10:00:00"},
        {R"(,"timestamp":"1000-01-01")", "1000-01-01", "", "1000-01-01"},
    };
    for (const auto& t : cases) {
        json_reader reader;
        const auto parsed = reader.parse(std::string(R"({"type":"page","userId":"u")") + t.fields + "}");
        call_options options;
        options.received_us = noon;
        const auto read = read_call((*parsed)->get_object(), {}, options);
        const call& c = std::get<call>(read);
        EXPECT_EQ(c.original_us, parse_timestamp(t.original)) << t.fields;
        EXPECT_EQ(c.sent_us, parse_timestamp(t.sent)) << t.fields;
        EXPECT_EQ(c.timestamp_us, parse_timestamp(t.timestamp)) << t.fields;
        EXPECT_EQ(c.received_us, noon);
    }
}

}  // namespace
}  // namespace lakeferry::core
