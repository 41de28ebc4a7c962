// What of header fields may be logged.
#include "net/obs/redaction.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace obs = lakeferry::obs;

TEST(Redaction, HidesCredentialsWhateverTheirCase)
{
    const std::vector<std::pair<std::string, std::string>> fields{
        {"Content-Type", "application/json"}, {"AUTHORIZATION", "Bearer s3cret"},    {"Set-Cookie", "s3cret"},
        {"X-Api-Key", "s3cret"},              {"X-Amz-Security-Token", "s3cret"},    {"proxy-authorization", "s3cret"},
        {"X-Signature", "s3cret"},            {"X-Long", std::string(300, 'a')}};
    const auto text = obs::loggable_fields(fields).text();
    EXPECT_EQ(text.find("s3cret"), std::string::npos) << text;
    EXPECT_TRUE(text.starts_with("content-type=application/json; authorization=[redacted]; ")) << text;
    EXPECT_TRUE(text.ends_with("x-long=" + std::string(200, 'a') + "...")) << text;
}
