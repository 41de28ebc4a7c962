// What HTTP clients can get wrong, and what they are told.
#include "tests/unit/intake/intake_world.hpp"

#include <ostream>

using namespace lakeferry;
using namespace lakeferry::test;

namespace {

std::string repeated(std::string_view unit, std::size_t times)
{
    std::string out;
    for (std::size_t i = 0; i < times; ++i) out += unit;
    return out;
}

std::string many_keys(std::size_t count)
{
    std::string out = "{";
    for (std::size_t i = 0; i < count; ++i) out += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    return out + "}";
}

struct bad_call {
    const char* name;
    std::string target;
    std::string body;
    std::string basic;
    unsigned status;
    const char* code;
    const char* field;

    // What a failed expectation prints.
    friend void PrintTo(const bad_call& t, std::ostream* to) { *to << t.target << " " << t.body.substr(0, 200); }
};

const bad_call bad_calls[] = {
    {"not_json", "/v1/track", "{\"userId\":", "k-web:", 400, "bad_request", "-"},
    {"form", "/v1/track", "message=hello", "k-web:", 400, "bad_request", "-"},
    {"not_an_object", "/v1/track", "[1,2]", "k-web:", 400, "bad_request", "-"},
    {"nan", "/v1/track", R"({"userId":"u","event":"e","n":NaN})", "k-web:", 400, "bad_request", "-"},
    {"two_values", "/v1/track", R"({"userId":"u","event":"e"}{})", "k-web:", 400, "bad_request", "-"},
    {"empty", "/v1/track", " \n", "k-web:", 400, "bad_request", "-"},
    {"bad_utf8", "/v1/track", "{\"userId\":\"\xFF\",\"event\":\"e\"}", "k-web:", 400, "bad_request", "-"},
    {"duplicate_key", "/v1/track", R"({"userId":"u","event":"e","properties":{"a":1,"a":2}})", "k-web:", 400,
     "bad_request", "a"},
    {"too_deep", "/v1/track", R"({"userId":"u","event":"e","properties":)" + repeated("{\"a\":", 40) + "1" +
         repeated("}", 40) + "}", "k-web:", 400, "bad_request", "-"},
    {"too_large", "/v1/track", R"({"userId":"u","event":")" + std::string(32768, 'e') + "\"}", "k-web:", 413,
     "too_large", "-"},
    {"far_too_large", "/v1/track", std::string(100000, ' '), "k-web:", 413, "too_large", "-"},
    {"no_key", "/v1/track", R"({"userId":"u","event":"e"})", "", 401, "unknown_source", "writeKey"},
    {"unknown_key_in_header", "/v1/track", R"({"userId":"u","event":"e"})", "nobody:", 401, "unknown_source",
     "Authorization"},
    {"unknown_key_in_body", "/v1/track", R"({"userId":"u","event":"e","writeKey":"nobody"})", "", 401, "unknown_source",
     "writeKey"},
    {"the_body_wins_over_the_header", "/v1/track", R"({"userId":"u","event":"e","writeKey":"nobody"})", "k-web:", 401,
     "unknown_source", "writeKey"},
    {"key_is_a_number", "/v1/track", R"({"userId":"u","event":"e","writeKey":7})", "k-web:", 401, "unknown_source",
     "writeKey"},
    {"disabled", "/v1/track", R"({"userId":"u","event":"e"})", "k-old:", 401, "source_disabled", "writeKey"},
    {"message_id_type", "/v1/track", R"({"userId":"u","event":"e","messageId":1})", "k-web:", 400,
     "message_id_not_string", "messageId"},
    {"message_id_length", "/v1/track", R"({"userId":"u","event":"e","messageId":")" + std::string(101, 'm') + "\"}",
     "k-web:", 400, "message_id_too_long", "messageId"},
    {"id_type", "/v1/identify", R"({"userId":1.5})", "k-web:", 400, "id_not_string", "userId"},
    {"nobody", "/v1/identify", R"({"traits":{}})", "k-web:", 400, "no_user_anon_id", "userId"},
    {"alias_without_previous", "/v1/alias", R"({"userId":"u"})", "k-web:", 400, "id_required", "previousId"},
    {"group_without_id", "/v1/group", R"({"userId":"u"})", "k-web:", 400, "id_required", "groupId"},
    {"group_id_length", "/v1/group", R"({"userId":"u","groupId":")" + std::string(501, 'g') + "\"}", "k-web:", 400,
     "group_id_too_long", "groupId"},
    {"no_event", "/v1/track", R"({"userId":"u"})", "k-web:", 400, "event_not_defined", "event"},
    {"event_type", "/v1/track", R"({"userId":"u","event":4})", "k-web:", 400, "event_not_string", "event"},
    {"traits_type", "/v1/identify", R"({"userId":"u","traits":[]})", "k-web:", 400, "traits_not_object", "traits"},
    {"properties_type", "/v1/page", R"({"userId":"u","properties":"x"})", "k-web:", 400, "properties_not_object",
     "properties"},
    {"traits_count", "/v1/identify", R"({"userId":"u","traits":)" + many_keys(300) + "}", "k-web:", 400,
     "too_many_traits", "traits"},
    {"properties_count", "/v1/screen", R"({"userId":"u","properties":)" + many_keys(300) + "}", "k-web:", 400,
     "too_many_properties", "properties"},
    {"context_type", "/v1/page", R"({"userId":"u","context":1})", "k-web:", 400, "context_not_object", "context"},
    {"name_type", "/v1/page", R"({"userId":"u","name":1})", "k-web:", 400, "name_not_string", "name"},
    {"category_type", "/v1/page", R"({"userId":"u","category":1})", "k-web:", 400, "category_not_string", "category"},
    {"batch_not_json", "/v1/batch", "{\"batch\":[", "k-web:", 400, "bad_request", "-"},
    {"batch_cut_inside_an_item", "/v1/batch", R"({"batch":[{"type":"page","userId":"u"},{"type":)", "k-web:", 400,
     "bad_request", "-"},
    {"batch_missing", "/v1/batch", R"({"userId":"u"})", "k-web:", 400, "bad_request", "batch"},
    {"batch_type", "/v1/batch", R"({"batch":{}})", "k-web:", 400, "bad_request", "batch"},
    {"batch_empty", "/v1/batch", R"({"batch":[ ]})", "k-web:", 400, "empty_batch", "batch"},
    {"batch_context_type", "/v1/batch", R"({"context":[],"batch":[{"type":"page","userId":"u"}]})", "k-web:", 400,
     "context_not_object", "context"},
    {"batch_twice", "/v1/batch", R"({"batch":[{"type":"page","userId":"u"}],"batch":[]})", "k-web:", 400, "bad_request",
     "batch"},
    {"batch_duplicate_key", "/v1/batch", R"({"sentAt":"a","sentAt":"b","batch":[{"type":"page","userId":"u"}]})",
     "k-web:", 400, "bad_request", "sentAt"},
    {"batch_comma_missing", "/v1/batch", R"({"batch":[{"type":"page","userId":"u"} {"type":"page","userId":"u"}]})",
     "k-web:", 400, "bad_request", "batch"},
    {"batch_too_large", "/v1/batch", std::string(512001, ' '), "k-web:", 413, "too_large", "-"},
    {"batch_too_many", "/v1/batch", "{\"batch\":[" + repeated("1,", 2500) + "1]}", "k-web:", 400, "too_many_calls",
     "batch"},
    {"batch_no_key", "/v1/batch", R"({"batch":[{"type":"page","userId":"u"}]})", "", 401, "unknown_source", "writeKey"},
    {"batch_unknown_key", "/v1/batch", R"({"writeKey":"nobody","batch":[{"type":"page","userId":"u"}]})", "", 401,
     "unknown_source", "writeKey"},
    {"batch_key_type", "/v1/batch", R"({"writeKey":7,"batch":[{"type":"page","userId":"u"}]})", "k-web:", 401,
     "unknown_source", "writeKey"},
    {"batch_disabled", "/v1/batch", R"({"writeKey":"k-old","batch":[{"type":"page","userId":"u"}]})", "", 401,
     "source_disabled", "writeKey"},
    {"unknown_path", "/v1/tracks", "{}", "k-web:", 404, "not_found", "-"},
    {"root", "/", "{}", "k-web:", 404, "not_found", "-"},
};

class BadCall : public ::testing::TestWithParam<bad_call> {};

}  // namespace

TEST_P(BadCall, IsRefusedWithStatusCodeAndFieldAndStoresNothing)
{
    intake_world w;
    const auto& t = GetParam();
    const auto answer = w.post(t.target, t.body, t.basic);
    EXPECT_EQ(answer.status, t.status) << answer.body;
    EXPECT_EQ(field_of(answer, "code"), t.code) << answer.body;
    EXPECT_EQ(field_of(answer, "field"), t.field) << answer.body;
    EXPECT_EQ(field_of(answer, "success"), "false");
    EXPECT_GT(field_of(answer, "message").size(), 10U);
    EXPECT_EQ(answer.fields.find("Content-Type"), "application/json");
    EXPECT_EQ(answer.fields.find("Access-Control-Allow-Origin"), "*");
    EXPECT_TRUE(w.blocks().empty());
    EXPECT_EQ(w.db->durable_writes, 0);
}

INSTANTIATE_TEST_SUITE_P(Table, BadCall, ::testing::ValuesIn(bad_calls),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Service, ContentTypesAndEncodings)
{
    intake_world w;
    const std::string good = R"({"userId":"u","event":"e"})";
    const auto with = [&](http::headers fields) {
        fields.add("Authorization", "Basic " + intake_world::base64("k-web:"));
        return w.post("/v1/track", good, std::move(fields));
    };
    EXPECT_EQ(with({{"Content-Type", "application/json; charset=utf-8"}}).status, 200U);
    EXPECT_EQ(with({{"Content-Type", "Application/JSON"}}).status, 200U);
    EXPECT_EQ(with({{"Content-Type", "text/plain;charset=UTF-8"}}).status, 200U);
    EXPECT_EQ(with({{"Content-Type", "application/json"}, {"Content-Encoding", "identity"}}).status, 200U);
    for (const http::headers& fields : {http::headers{}, http::headers{{"Content-Type", "application/x-ndjson"}},
                                        http::headers{{"Content-Type", "application/x-www-form-urlencoded"}}}) {
        const auto answer = with(fields);
        EXPECT_EQ(answer.status, 415U);
        EXPECT_EQ(field_of(answer, "field"), "Content-Type");
    }
    const auto br = with({{"Content-Type", "application/json"}, {"Content-Encoding", "br"}});
    EXPECT_EQ(br.status, 415U);
    EXPECT_EQ(field_of(br, "code"), "unsupported_encoding");
    EXPECT_EQ(w.calls(), 4U);
}

TEST(Service, MethodsPreflightAndGreeting)
{
    intake_world w;
    const auto ask = [&](std::string method, std::string target) {
        return w.get(w.exchange({std::move(method), std::move(target), {}, ""}));
    };
    const auto wrong = ask("GET", "/v1/batch");
    EXPECT_EQ(wrong.status, 405U);
    EXPECT_EQ(wrong.fields.find("Allow"), "POST, OPTIONS");
    const auto options = ask("OPTIONS", "/v1/t");
    EXPECT_EQ(options.status, 204U);
    EXPECT_EQ(options.fields.find("Access-Control-Allow-Origin"), "*");
    EXPECT_TRUE(options.fields.find("Access-Control-Allow-Headers")->find("Content-Type") != std::string_view::npos);
    EXPECT_EQ(ask("GET", "/").status, 200U);
    EXPECT_NE(ask("GET", "/?x=1").body.find("/v1/batch"), std::string::npos);
    EXPECT_EQ(ask("GET", "/favicon.ico").status, 404U);
}

TEST(Service, BasicCredentialsThatCannotBeReadAreRefusedBeforeTheBody)
{
    intake_world w;
    for (const char* field : {"Basic", "Basic !!!!", "Basic azp", "Basic a"}) {
        http::headers fields{{"Content-Type", "application/json"}, {"Authorization", field}};
        http::request_head head{"POST", "/v1/track", &fields, 100};
        const auto answer = w.service->admit(head);
        if (std::string_view(field) == "Basic azp") {
            ASSERT_TRUE(answer) << "k: with another key";
        }
        ASSERT_TRUE(answer) << field;
        EXPECT_EQ(answer->status, 401U);
        EXPECT_TRUE(answer->fields.find("WWW-Authenticate"));
    }
    // Another scheme says nothing: the key in the body decides.
    http::headers bearer{{"Content-Type", "application/json"}, {"Authorization", "Bearer xyz"}};
    EXPECT_EQ(w.post("/v1/track", R"({"userId":"u","event":"e","writeKey":"k-app"})", bearer).status, 200U);
}

TEST(Service, WhatTheServerFindsMalformedIsAnsweredInJson)
{
    intake_world w;
    const auto slow = w.service->refuse_malformed(408, "the body did not arrive in time");
    EXPECT_EQ(slow.status, 408U);
    EXPECT_EQ(field_of(slow, "code"), "timeout");
    EXPECT_EQ(field_of(w.service->refuse_malformed(400, "no host"), "code"), "bad_request");
    EXPECT_EQ(w.service->refuse_broken("boom").status, 500U);
    EXPECT_EQ(w.log.count("intake.broken"), 1U);
}
