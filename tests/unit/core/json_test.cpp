#include "sync/core/json.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

namespace lakeferry::core {
namespace {

json_problem problem_of(std::string_view text)
{
    json_reader reader;
    const auto read = reader.parse(text);
    EXPECT_TRUE(read.has_error()) << text;
    return read.has_error() ? read.error() : json_problem{};
}

std::string round_trip(std::string_view text)
{
    json_reader reader;
    const auto read = reader.parse(text);
    return read.has_value() ? compact(**read) : "refused: " + read.error().message;
}

TEST(Json, KeepsOrderAndWritesCompactText)
{
    EXPECT_EQ(round_trip(R"( { "b" : [ 1 , -2, true,false, null ] ,"a":{"z":"x","y":[]}, "c":{} } )"),
              R"({"b":[1,-2,true,false,null],"a":{"z":"x","y":[]},"c":{}})");
    EXPECT_EQ(round_trip(R"("\u0041\n\t\"\\\/\u0001\u00e9 é \ud83d\ude00")"), R"("A\n\t\"\\/\u0001é é 😀")");
}

TEST(Json, ADuplicateKeyIsNamedWithItsPlace)
{
    const auto p = problem_of(R"({"a":1,"traits":{"email":"x","n":2,"email":"y"}})");
    EXPECT_EQ(p.what, json_problem::kind::duplicate_key);
    EXPECT_EQ(p.key, "email");
    EXPECT_EQ(p.offset, 36U);
    EXPECT_EQ(p.message, "the key \"email\" twice in one object at byte 36");
    EXPECT_EQ(problem_of(R"({"b\u0061":1,"ba":2})").key, "ba");
    EXPECT_EQ(problem_of(R"({"":1,"":2})").what, json_problem::kind::duplicate_key);
    EXPECT_EQ(round_trip(R"([{"a":1},{"a":2},{"b":{"a":3}}])"), R"([{"a":1},{"a":2},{"b":{"a":3}}])");
}

TEST(Json, DuplicateKeysAreFoundInLargeObjectsToo)
{
    std::string text = "{";
    for (int i = 0; i < 1000; ++i) text += "\"key" + std::to_string(i) + "\":" + std::to_string(i) + ",";
    EXPECT_EQ(problem_of(text + "\"key500\":1}").key, "key500");
    const std::string good = text + "\"last\":1}";
    EXPECT_EQ(round_trip(good), good);
}

TEST(Json, DepthIsBoundedAndSaidSo)
{
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    EXPECT_EQ(round_trip(nested(32)), nested(32));
    const auto p = problem_of(nested(33));
    EXPECT_EQ(p.what, json_problem::kind::too_deep);
    EXPECT_NE(p.message.find("more than 32 nested"), std::string::npos);
    EXPECT_EQ(problem_of(std::string(100000, '[')).what, json_problem::kind::too_deep);
}

TEST(Json, WhatIsNotJsonIsRefusedWithTheByte)
{
    EXPECT_EQ(problem_of("").message, "nothing there: an empty text is not JSON");
    EXPECT_EQ(problem_of(" \n").what, json_problem::kind::syntax);
    EXPECT_EQ(problem_of(R"({"a":NaN})").message, "unexpected 'N' at byte 5");
    EXPECT_EQ(problem_of(R"({"a":Infinity})").offset, 5U);
    EXPECT_EQ(problem_of(R"({"a":-Infinity})").what, json_problem::kind::syntax);
    EXPECT_EQ(problem_of(R"({"a":1)").message, "the text ends at byte 6");
    EXPECT_EQ(problem_of(R"({"a":"x)").what, json_problem::kind::syntax);
    EXPECT_EQ(problem_of("{'a':1}").offset, 1U);
    for (const char* text : {"{\"a\":1,}", "[1,]", "{a:1}", "+1", ".5", "1.", "1e", "\"\t\"", "\"\\x\"",
                             "/* c */1", "// c\n1", "tru", "nul", "{\"a\" 1}", "\"\\u12g4\"", "-", "\xEF\xBB\xBF{}"})
        EXPECT_EQ(problem_of(text).what, json_problem::kind::syntax) << text;
}

TEST(Json, WhatFollowsTheValueIsRefused)
{
    const auto p = problem_of("{} {}");
    EXPECT_EQ(p.what, json_problem::kind::trailing);
    EXPECT_EQ(p.offset, 3U);
    EXPECT_EQ(problem_of("1 2").what, json_problem::kind::trailing);
    EXPECT_EQ(problem_of("01").what, json_problem::kind::trailing);
    EXPECT_EQ(round_trip(" {} \r\n\t"), "{}");
}

TEST(Json, BadUtf8IsToldApartFromBadSyntax)
{
    for (const char* bytes : {"\xFF", "\xC0\x80", "\xC3", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                              "\xF0\x80\x80\x80", "\x80", "\xE2\x82"}) {
        const auto p = problem_of("{\"a\":\"x" + std::string(bytes) + "\"}");
        EXPECT_EQ(p.what, json_problem::kind::utf8) << p.message;
        EXPECT_EQ(p.offset, 7U);
    }
    EXPECT_EQ(problem_of("{\"\xFF\":1}").what, json_problem::kind::utf8);
    EXPECT_EQ(round_trip("\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\""), "\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\"");
}

TEST(Json, LoneSurrogatesAreRefused)
{
    for (const char* text : {R"("\ud800")", R"("\ud800 and more text")", R"("\ud800\u0041 and more")",
                             R"("\udc00 and more text")", R"("\udc00")"})
        EXPECT_TRUE(json_reader().parse(text).has_error()) << text;
    EXPECT_EQ(problem_of(R"({"a":"\udc00 and more text"})").what, json_problem::kind::surrogate);
}

TEST(Json, NumbersThatDoNotFitKeepTheirDigits)
{
    EXPECT_EQ(round_trip("9223372036854775807"), "9223372036854775807");
    EXPECT_EQ(round_trip("-9223372036854775808"), "-9223372036854775808");
    EXPECT_EQ(round_trip("18446744073709551615"), "18446744073709551615");
    EXPECT_EQ(round_trip("18446744073709551616"), "\"18446744073709551616\"");
    EXPECT_EQ(round_trip("-9223372036854775809"), "\"-9223372036854775809\"");
    EXPECT_EQ(round_trip("123456789012345678901234567890"), "\"123456789012345678901234567890\"");
    EXPECT_EQ(round_trip("1e999"), "\"1e999\"");
    EXPECT_EQ(round_trip("-1.5e400"), "\"-1.5e400\"");
    EXPECT_EQ(round_trip("1e-999"), "0");
    EXPECT_EQ(problem_of("1e99999999999").message.substr(0, 36), "a number whose exponent is too large");
    EXPECT_EQ(round_trip("-0"), "0");
}

TEST(Json, DoublesAreReadExactlyAndWrittenShortest)
{
    EXPECT_EQ(round_trip("1.0"), "1");
    EXPECT_EQ(round_trip("0.1"), "0.1");
    EXPECT_EQ(round_trip("100000.0"), "100000");
    EXPECT_EQ(round_trip("1E20"), "1e20");
    EXPECT_EQ(round_trip("1e17"), "100000000000000000");
    EXPECT_EQ(round_trip("-9.5e18"), "-9.5e18");
    EXPECT_EQ(round_trip("1e21"), "1e21");
    EXPECT_EQ(round_trip("-1.25e-7"), "-1.25e-7");
    EXPECT_EQ(round_trip("0.000001"), "0.000001");
    EXPECT_EQ(round_trip("1234.5"), "1234.5");
    EXPECT_EQ(round_trip("5e-324"), "5e-324");
    EXPECT_EQ(round_trip("1.7976931348623157e308"), "1.7976931348623157e308");
    EXPECT_EQ(round_trip("2.5e0"), "2.5");
    json_reader reader;
    std::mt19937_64 rng(3);
    for (int i = 0; i < 20000; ++i) {
        const auto bits = rng();
        double value = 0;
        std::memcpy(&value, &bits, sizeof value);
        if (!std::isfinite(value)) continue;
        std::string text;
        append_number(text, value);
        const auto read = reader.parse(text);
        ASSERT_TRUE(read.has_value()) << text;
        ASSERT_EQ((*read)->to_number<double>(), value) << text;
    }
}

TEST(Json, AReaderIsUsedAgainAfterLargeTextsAndRefusals)
{
    json_reader reader(256);
    std::string large = "[";
    for (int i = 0; i < 5000; ++i) large += "\"some text that is not short\",";
    large += "{\"k\":1}]";
    for (int i = 0; i < 20; ++i) {
        ASSERT_EQ(compact(**reader.parse(large)), large);
        ASSERT_TRUE(reader.parse("{\"a\":[1,{\"b\":2").has_error());
        ASSERT_TRUE(reader.parse("{\"a\":1,\"a\":2}").has_error());
        ASSERT_EQ(compact(**reader.parse("{\"a\":1}")), "{\"a\":1}");
    }
}

std::vector<std::string> items(std::string_view text)
{
    std::vector<std::string> out;
    const auto bad = split_array(text, [&](std::string_view item) {
        out.emplace_back(item);
        return true;
    });
    if (bad) out.push_back("bad at " + std::to_string(*bad));
    return out;
}

using texts = std::vector<std::string>;

TEST(Json, SplitsAnArrayEvenIfItemsAreBroken)
{
    EXPECT_EQ(items(" [ ] "), texts{});
    EXPECT_EQ(items(R"([{"a":"]}\"" , "b":[1,2]} , 7,"x,y" ])"), (texts{R"({"a":"]}\"" , "b":[1,2]})", "7", R"("x,y")"}));
    EXPECT_EQ(items("[{\"a\":NaN},{'b':1},\"\xFF\"]"), (texts{"{\"a\":NaN}", "{'b':1}", "\"\xFF\""}));
    EXPECT_EQ(items("[1"), (texts{"1", "bad at 2"}));
    EXPECT_EQ(items("[1,]"), (texts{"1", "bad at 3"}));
    EXPECT_EQ(items("[,1]"), (texts{"bad at 1"}));
    EXPECT_EQ(items("[1 2]"), (texts{"1", "bad at 3"}));
    EXPECT_EQ(items("[1]x"), (texts{"1", "bad at 3"}));
    EXPECT_EQ(items("{}"), (texts{"bad at 0"}));
    EXPECT_EQ(items("[{\"a\":1]"), (texts{"{\"a\":1]", "bad at 8"})) << "brackets are counted, not paired";
    EXPECT_EQ(items("[\"abc\\\"]"), (texts{"bad at 8"}));
}

TEST(Json, SplitsAnObjectIntoRawMembers)
{
    std::string seen;
    const auto visit = [&](std::string_view key, std::string_view value) {
        seen.append(key).append("=").append(value).append(";");
        return true;
    };
    EXPECT_FALSE(split_object(R"( {"a":1, "b\"c" : [1,{}] ,"":null} )", visit));
    EXPECT_EQ(seen, R"(a=1;b\"c=[1,{}];=null;)");
    EXPECT_TRUE(split_object("{\"a\":}", visit));
    EXPECT_TRUE(split_object("{\"a\" 1}", visit));
    EXPECT_TRUE(split_object("{\"a\":1", visit));
    EXPECT_TRUE(split_object("{\"a\":1,}", visit));
    EXPECT_TRUE(split_object("[]", visit));
    EXPECT_TRUE(split_object("", visit));
    EXPECT_FALSE(split_object("{}", visit));
}

TEST(Json, CountsCodePoints)
{
    EXPECT_EQ(count_characters("aé😀"), 3U);
    EXPECT_TRUE(is_blank(" \t\r\n"));
    EXPECT_FALSE(is_blank("\xC2\xA0"));
}

}  // namespace
}  // namespace lakeferry::core
