// Which identifiers a call carries: section 3 of the identity rules.
#include "sync/identity/extract.hpp"

#include "sync/core/json.hpp"
#include "sync/identity/rules.hpp"

#include <gtest/gtest.h>

namespace lakeferry::identity {
namespace {

using found_list = std::vector<found_identifier>;

found_identifiers find_all(std::string_view text, const core::identity_settings& settings = {})
{
    core::json_reader reader;
    const auto parsed = reader.parse(text);
    if (!parsed) {
        ADD_FAILURE() << text;
        return {};
    }
    const auto read = core::read_call((*parsed)->as_object(), {}, {});
    const auto* call = std::get_if<core::call>(&read);
    if (call == nullptr) {
        ADD_FAILURE() << std::get<core::refusal>(read).message;
        return {};
    }
    return find_identifiers(*call, **rules::compile(settings));
}

found_list find(std::string_view text, const core::identity_settings& settings = {})
{
    return find_all(text, settings).left;
}

TEST(Identifiers, UserAndAnonymousIdsOfEveryType)
{
    EXPECT_EQ(find(R"({"type":"page","anonymousId":"a","userId":12})"),
              (found_list{{"user_id", "12"}, {"anonymous_id", "a"}}));
    EXPECT_EQ(find(R"({"type":"page","anonymousId":" ","userId":" u "})"), (found_list{{"user_id", " u "}}))
        << "taken as they are, blank ones not at all";
}

TEST(Identifiers, AliasTakesThePreviousIdAsAnonymousId)
{
    EXPECT_EQ(find(R"({"type":"alias","userId":"u","anonymousId":"z","previousId":"b"})"),
              (found_list{{"user_id", "u"}, {"anonymous_id", "z"}, {"anonymous_id", "b"}}));
}

TEST(Identifiers, EmailOfIdentifyTraitsThenOfContextTraits)
{
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"email":"t@x"},"context":{"traits":{"email":"c@x"}}})"),
              (found_list{{"user_id", "u"}, {"email", "t@x"}}));
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"email":" "},"context":{"traits":{"email":"c@x"}}})"),
              (found_list{{"user_id", "u"}, {"email", "c@x"}}));
    EXPECT_EQ(find(R"({"type":"track","event":"E","userId":"u","context":{"traits":{"email":"c@x"}}})"),
              (found_list{{"user_id", "u"}, {"email", "c@x"}}));
}

TEST(Identifiers, ValuesThatAreNeitherTextNorIntegerDoNotIdentify)
{
    for (const char* value : {"true", "1.5", "[\"e@x\"]", "{\"a\":1}", "null", "\"\""}) {
        EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"email":)" + std::string(value) + "}}"),
                  (found_list{{"user_id", "u"}}))
            << value;
    }
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"email":7}})"),
              (found_list{{"user_id", "u"}, {"email", "7"}}));
}

TEST(Identifiers, PropertiesEmailGroupTraitsAndGroupIdAreNone)
{
    EXPECT_EQ(find(R"({"type":"track","event":"E","userId":"u","properties":{"email":"p@x"}})"),
              (found_list{{"user_id", "u"}}));
    EXPECT_EQ(find(R"({"type":"group","groupId":"g","userId":"u","traits":{"email":"g@x"}})"),
              (found_list{{"user_id", "u"}}));
}

TEST(Identifiers, DevicesNeedTheirTypeAndAdvertisingIdsConsent)
{
    EXPECT_EQ(find(R"({"type":"screen","userId":"u","context":{"device":{"type":"iOS","id":"D","advertisingId":"A",
                    "adTrackingEnabled":true,"token":"T"}}})"),
              (found_list{{"user_id", "u"}, {"ios.id", "D"}, {"ios.idfa", "A"}, {"ios.push_token", "T"}}));
    EXPECT_EQ(find(R"({"type":"screen","userId":"u","context":{"device":{"type":"android","id":"D","advertisingId":"A",
                    "adTrackingEnabled":"true"}}})"),
              (found_list{{"user_id", "u"}, {"android.id", "D"}}));
    EXPECT_EQ(find(R"({"type":"screen","userId":"u","context":{"device":{"type":"tv","id":"D"}}})"),
              (found_list{{"user_id", "u"}}));
}

TEST(Identifiers, GoogleAnalyticsClientId)
{
    EXPECT_EQ(find(R"({"type":"page","userId":"u","context":{"integrations":{"Google Analytics":{"clientId":"1.2"}}}})"),
              (found_list{{"user_id", "u"}, {"ga_client_id", "1.2"}}));
}

TEST(Identifiers, ExternalIdsNeedCollectionEncodingAndType)
{
    EXPECT_EQ(find(R"({"type":"page","userId":"u","context":{"externalIds":[
                    {"id":"1","type":"phone","collection":"users","encoding":"none"},
                    {"id":"2","type":"phone","collection":"accounts","encoding":"none"},
                    {"id":"3","type":"phone","collection":"users","encoding":"md5"},
                    {"id":"4","type":"Phone","collection":"users","encoding":"none"},
                    {"id":"5","type":"_x","collection":"users","encoding":"none"},
                    {"id":true,"type":"phone","collection":"users","encoding":"none"},
                    {"id":"u2","type":"user_id","collection":"users","encoding":"none"},
                    "text", {"id":6,"type":"a.b_2","collection":"users","encoding":"none"}]}})"),
              (found_list{{"user_id", "u"}, {"user_id", "u2"}, {"a.b_2", "6"}, {"phone", "1"}}));
}

TEST(Identifiers, ConfiguredTypesAreLookedUpInThreePlacesAndThreeForms)
{
    core::identity_settings settings;
    settings.identifiers = {{.type = "user_id"}, {.type = "crm", .keys = {"Crm_Number"}}};
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"crmNumber":"t"},"context":{"traits":{"Crm_Number":"c"}}})",
                   settings),
              (found_list{{"user_id", "u"}, {"crm", "t"}}));
    EXPECT_EQ(find(R"({"type":"track","event":"E","userId":"u","properties":{"crm_number":"p","Crm_Number":""}})", settings),
              (found_list{{"user_id", "u"}, {"crm", "p"}}));
    EXPECT_EQ(find(R"({"type":"track","event":"E","userId":"u","properties":{"crmNumber":"p"},
                    "context":{"traits":{"crm_number":9}}})",
                   settings),
              (found_list{{"user_id", "u"}, {"crm", "9"}}));
    EXPECT_EQ(find(R"({"type":"group","groupId":"g","userId":"u","traits":{"crmNumber":"t"}})", settings),
              (found_list{{"user_id", "u"}}))
        << "traits of identify only";
}

TEST(Identifiers, PriorityIsUserIdEmailThenNames)
{
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","anonymousId":"a","traits":{"email":"e"},"context":{"externalIds":[
                    {"id":"1","type":"zeta","collection":"users","encoding":"none"},
                    {"id":"2","type":"alpha","collection":"users","encoding":"none"}]}})"),
              (found_list{{"user_id", "u"}, {"email", "e"}, {"alpha", "2"}, {"anonymous_id", "a"}, {"zeta", "1"}}));
}

TEST(Identifiers, AConfiguredOrderComesFirstTheRestByName)
{
    core::identity_settings settings;
    settings.identifiers = {{.type = "zeta"}, {.type = "anonymous_id"}};
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","anonymousId":"a","traits":{"email":"e"},"context":{"externalIds":[
                    {"id":"1","type":"zeta","collection":"users","encoding":"none"}]}})",
                   settings),
              (found_list{{"zeta", "1"}, {"anonymous_id", "a"}, {"email", "e"}, {"user_id", "u"}}));
}

TEST(Blocked, TheDefaultsAreZerosDashesAndThreeWords)
{
    for (const char* value : {"0", "000-00", "-", "-1", "null", "anonymous"}) {
        const auto found = find_all(R"({"type":"page","userId":")" + std::string(value) + R"(","anonymousId":"a"})");
        EXPECT_EQ(found.left, (found_list{{"anonymous_id", "a"}})) << value;
        EXPECT_EQ(found.blocked.size(), 1U);
    }
    EXPECT_EQ(find(R"({"type":"page","userId":"Null","anonymousId":"0a"})").size(), 2U) << "case sensitive, whole value";
}

TEST(Blocked, PerTypeAndByPattern)
{
    core::identity_settings settings;
    settings.identifiers = {{.type = "email", .blocked = {"test@x"}, .blocked_patterns = {"@example\\.(com|org)$"}}};
    EXPECT_EQ(find(R"({"type":"identify","userId":"test@x","traits":{"email":"test@x"}})", settings),
              (found_list{{"user_id", "test@x"}}));
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"email":"jo@example.org"}})", settings),
              (found_list{{"user_id", "u"}}));
    EXPECT_EQ(find(R"({"type":"identify","userId":"u","traits":{"email":"jo@example.org.uk"}})", settings).size(), 2U);
}

TEST(Blocked, ALineFeedDoesNotEndAPattern)
{
    core::identity_settings settings;
    settings.blocked_patterns = {"^[0-9]+$"};
    EXPECT_EQ(find(R"({"type":"page","userId":"12\nabc"})", settings).size(), 1U);
    EXPECT_TRUE(find(R"({"type":"page","userId":"12"})", settings).empty());
}

TEST(Blocked, ALongValueDoesNotExhaustThePattern)
{
    core::identity_settings settings;
    settings.blocked_patterns = {"(a|aa)+$"};
    const std::string value(30'000, 'a');
    EXPECT_LE(find(R"({"type":"page","userId":")" + value + "b\"}", settings).size(), 1U);
}

TEST(Blocked, ABadPatternIsSaid)
{
    core::identity_settings settings;
    settings.identifiers = {{.type = "email", .blocked_patterns = {"(oops"}}};
    const auto checked = check_rules(settings);
    ASSERT_TRUE(checked.has_error());
    EXPECT_EQ(checked.error().id, "identity.bad_pattern");
    EXPECT_NE(checked.error().detail.find("email"), std::string::npos);
    EXPECT_NE(checked.error().detail.find("(oops"), std::string::npos);
    EXPECT_TRUE(check_rules({}));
}

TEST(Forms, CamelCase)
{
    EXPECT_EQ(camel_case("customer_id"), "customerId");
    EXPECT_EQ(camel_case("CustomerId"), "customerId");
    EXPECT_EQ(camel_case("id"), "id");
}

TEST(Identifiers, GroupIdsOfGroupCallsWhereTheRulesSaySo)
{
    const std::string group = R"({"type":"group","userId":"u","groupId":17,"context":{"groupId":"c"},"traits":{"email":"office@x"}})";
    EXPECT_EQ(find(group), (found_list{{"user_id", "u"}}));
    core::identity_settings settings;
    settings.group_id = true;
    EXPECT_EQ(find(group, settings), (found_list{{"user_id", "u"}, {"group_id", "17"}}));
    EXPECT_EQ(find(R"({"type":"track","event":"E","userId":"u","groupId":"g","context":{"groupId":"c"}})", settings),
              (found_list{{"user_id", "u"}}));
    settings.identifiers = {{.type = "group_id", .blocked = {"17"}}};
    EXPECT_EQ(find(group, settings), (found_list{{"user_id", "u"}}));
}

TEST(Identifiers, EmailsWithoutCaseWhereTheRulesSaySo)
{
    core::identity_settings settings;
    settings.fold_email_case = true;
    const auto folded = [&](std::string_view text) { return find_all(text, settings); };
    EXPECT_EQ(folded("{\"type\":\"identify\",\"userId\":\"U\",\"traits\":{\"email\":\"ADA@X.Example \u00c4\"}}").left,
              (found_list{{"user_id", "U"}, {"email", "ada@x.example \u00c4"}}))
        << "A to Z of e-mails, nothing else";
    EXPECT_EQ(folded(R"({"type":"identify","userId":"u","traits":{"email":"A@x"},"context":{"externalIds":[
                     {"id":"a@X","type":"email","collection":"users","encoding":"none"},
                     {"id":"B@x","type":"email","collection":"users","encoding":"none"}]}})").left,
              (found_list{{"user_id", "u"}, {"email", "a@x"}, {"email", "b@x"}}))
        << "one identifier is counted once";
    settings.identifiers = {{.type = "email", .blocked = {"Test@X"}, .blocked_patterns = {"^Dev", "internal$"}}};
    for (const char* blocked : {"test@x", "TEST@x", "Dev@x", "me@INTERNAL", "NULL", "Anonymous"}) {
        const auto found = folded(std::string(R"({"type":"identify","userId":"u","traits":{"email":")") + blocked + "\"}}");
        EXPECT_EQ(found.left.size(), 1U) << blocked;
        EXPECT_EQ(found.blocked, (found_list{{"email", blocked}})) << "told as sent";
    }
    EXPECT_EQ(folded(R"({"type":"identify","userId":"u","traits":{"email":"dev@x"}})").blocked.size(), 0U)
        << "a pattern is searched as it is written";
    EXPECT_EQ(folded(R"({"type":"page","userId":"NULL"})").left, (found_list{{"user_id", "NULL"}})) << "only e-mails";
}

}  // namespace
}  // namespace lakeferry::identity
