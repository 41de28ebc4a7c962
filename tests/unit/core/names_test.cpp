#include "sync/core/names.hpp"

#include "sync/core/hash.hpp"

#include <gtest/gtest.h>

#include <random>
#include <regex>

namespace lakeferry::core {
namespace {

struct vector_case {
    const char* in;
    const char* out;
};

// The vectors published with Segment's go-snakecase.
constexpr vector_case upstream[] = {
    {"@49L0S145_¬fwHƒ0TSLNVp", "49l0s145_fw_h_0tslnvp"},
    {"lk0B@bFmjrLQ_Z6YL", "lk0_b_b_fmjr_lq_z6yl"},
    {"samPLE text", "sam_ple_text"},
    {"sample text", "sample_text"},
    {"sample-text", "sample_text"},
    {"sample_text", "sample_text"},
    {"sample___text", "sample_text"},
    {"sampleText", "sample_text"},
    {"inviteYourCustomersAddInvites", "invite_your_customers_add_invites"},
    {"sample 2 Text", "sample_2_text"},
    {"   sample   2    Text   ", "sample_2_text"},
    {"   $#$sample   2    Text   ", "sample_2_text"},
    {"SAMPLE 2 TEXT", "sample_2_text"},
    {"___$$Base64Encode", "base64_encode"},
    {"FOO:BAR$BAZ", "foo_bar_baz"},
    {"FOO#BAR#BAZ", "foo_bar_baz"},
    {"something.com", "something_com"},
    {"$something%", "something"},
    {"something.com", "something_com"},
    {"•¶§ƒ˚foo˙∆˚¬", "foo"},
    {"CStringRef", "cstring_ref"},
    {"5test", "5test"},
    {"test5", "test5"},
    {"THE5r", "the5r"},
    {"5TEst", "5test"},
    {"_5TEst", "5test"},
    {"@%#&5TEst", "5test"},
    {"edf_6N", "edf_6n"},
    {"f_pX9", "f_p_x9"},
    {"p_z9Rg", "p_z9_rg"},
    {"2FA Enabled", "2fa_enabled"},
    {"Enabled 2FA", "enabled_2fa"},
};

TEST(Names, SnakeCaseAgreesWithAllPublishedVectors)
{
    static_assert(std::size(upstream) == 32);
    for (const auto& v : upstream) {
        EXPECT_EQ(snake_case(v.in), v.out) << v.in;
        EXPECT_EQ(segment_name(v.in), v.out) << v.in;
    }
}

TEST(Names, SnakeCaseIsTheJoinedMatchesOfTheRuleOnRandomText)
{
    const std::regex rule("[A-Z0-9]*[a-z0-9]*");
    std::mt19937 rng(7);
    const std::string letters = "abzABZ059_ -.$\xC3\xA9";
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        for (unsigned left = rng() % 14; left > 0; --left) text.push_back(letters[rng() % letters.size()]);
        std::string expected;
        for (std::sregex_iterator at(text.begin(), text.end(), rule), end; at != end; ++at) {
            if (at->length() == 0) continue;
            if (!expected.empty()) expected += '_';
            for (const char c : at->str()) expected += static_cast<char>(std::tolower(c));
        }
        ASSERT_EQ(snake_case(text), expected) << text;
    }
}

TEST(Names, ASegmentWithoutLettersOrDigitsIsNamedByItsHash)
{
    EXPECT_EQ(segment_name(""), "u_da39a3ee");
    EXPECT_EQ(segment_name("éèê"), "u_" + sha1_hex("éèê").substr(0, 8));
    EXPECT_NE(segment_name("日本"), segment_name("中国"));
    EXPECT_EQ(column_name("!"), "u_0ab8318a");
}

TEST(Names, PathsAreJoinedAndContextKeepsItsPrefix)
{
    const std::string_view street[] = {"address", "streetName"};
    EXPECT_EQ(column_name(street), "address_street_name");
    const std::string_view version[] = {"app", "version"};
    EXPECT_EQ(context_column_name(version), "context_app_version");
    const std::string_view id[] = {"id"};
    EXPECT_EQ(context_column_name(id), "context_id");
    std::string joined;
    append_segment(joined, "address");
    append_segment(joined, "??");
    append_segment(joined, "streetName");
    EXPECT_EQ(joined, "address_" + segment_name("??") + "_street_name");
    EXPECT_EQ(finish_column_name("address_street"), "address_street");
}

TEST(Names, ReservedColumnsOfTraitsGetALeadingUnderscore)
{
    for (const char* name :
         {"id", "user_id", "anonymous_id", "previous_id", "group_id", "event", "event_text", "received_at", "sent_at",
          "timestamp", "original_timestamp", "uuid_ts", "loaded_at", "segment_id", "canonical_segment_id",
          "event_source_id", "merged_to", "seq", "etl_ts", "triggering_event_id", "triggering_event_name",
          "triggering_event_type", "triggering_event_source_id", "triggering_event_source_name",
          "triggering_event_source_slug"}) {
        EXPECT_TRUE(is_reserved_column(name)) << name;
        EXPECT_EQ(column_name(name), std::string("_") + name);
    }
    EXPECT_EQ(column_name("userId"), "_user_id");
    const std::string_view nested[] = {"user", "id"};
    EXPECT_EQ(column_name(nested), "_user_id") << "the full name counts, not the segment";
    EXPECT_EQ(column_name("context_page"), "_context_page");
    EXPECT_EQ(column_name("context"), "context");
    EXPECT_EQ(column_name("email"), "email");
    EXPECT_FALSE(is_reserved_column("name"));
}

TEST(Names, LongNamesAreCutAndStayDifferent)
{
    const std::string fits(128, 'a');
    EXPECT_EQ(column_name(fits), fits);
    const std::string a = fits + "b";
    const std::string b = fits + "c";
    EXPECT_EQ(column_name(a), std::string(119, 'a') + "_" + sha1_hex(a).substr(0, 8));
    EXPECT_EQ(column_name(a).size(), 128U);
    EXPECT_NE(column_name(a), column_name(b));
    EXPECT_EQ(event_table_name(a).size(), 128U);
    const std::string_view path[] = {fits};
    EXPECT_EQ(context_column_name(path).size(), 128U);
    // The underscore of a reserved prefix counts.
    const std::string prefixed = "context_" + std::string(120, 'x');
    EXPECT_EQ(column_name(prefixed),
              ("_" + prefixed).substr(0, 119) + "_" + sha1_hex("_" + prefixed).substr(0, 8));
}

TEST(Names, EventTablesDoNotTakeTheNamesOfOurOwnTables)
{
    for (const char* name : {"id_graph_updates", "external_id_mapping_updates", "profile_traits_updates", "id_graph",
                             "profile_merges", "external_id_mapping", "user_identifiers", "profile_traits",
                             "user_traits", "identifies", "tracks", "pages", "screens", "groups", "aliases", "users",
                             "accounts"})
        EXPECT_EQ(event_table_name(name), std::string("_") + name);
    EXPECT_EQ(event_table_name("Tracks"), "_tracks");
    EXPECT_EQ(event_table_name("Order Completed"), "order_completed");
    EXPECT_EQ(event_table_name("id"), "id");
    EXPECT_EQ(event_table_name("★"), segment_name("★"));
}

}  // namespace
}  // namespace lakeferry::core
