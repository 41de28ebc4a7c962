#include "sync/core/event_block.hpp"
#include "sync/core/space_state.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace lakeferry::core {
namespace {

event_block example()
{
    event_block b;
    b.type = "track";
    b.envelope = R"({"sentAt":"2026-01-01"})";
    b.sources = {"web", "app"};
    b.calls = {{R"({"a":1})", 0, 1'700'000'000'000'000},
               {R"({})", 1, 1'699'999'999'999'000},
               {"", 0, std::numeric_limits<std::int64_t>::min()},
               {"x", 1, std::numeric_limits<std::int64_t>::max()}};
    return b;
}

TEST(EventBlock, ComesBackAsItWas)
{
    const auto want = example();
    const std::string stored = encode_event_block(want);
    const auto got = decode_event_block(stored);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->type, want.type);
    EXPECT_EQ(got->envelope, want.envelope);
    EXPECT_EQ(got->sources, want.sources);
    ASSERT_EQ(got->calls.size(), want.calls.size());
    for (std::size_t i = 0; i < want.calls.size(); ++i) {
        EXPECT_EQ(got->calls[i].text, want.calls[i].text);
        EXPECT_EQ(got->calls[i].source, want.calls[i].source);
        EXPECT_EQ(got->calls[i].received_us, want.calls[i].received_us);
    }
    EXPECT_TRUE(decode_event_block(encode_event_block({})).has_value());
}

TEST(EventBlock, WrittenCallByCallItIsTheSame)
{
    auto want = example();
    want.envelope = {};
    std::string text;
    event_block_writer writer("track");
    EXPECT_EQ(writer.encode(), encode_event_block({.type = "track"}));
    std::size_t bytes = 0;
    for (const auto& call : want.calls) {
        text = call.text;  // what was given may change afterwards
        writer.add(text, std::string(want.sources[call.source]), call.received_us);
        bytes += call.text.size();
    }
    EXPECT_EQ(writer.encode(), encode_event_block(want));
    EXPECT_EQ(writer.calls(), want.calls.size());
    EXPECT_EQ(writer.text_bytes(), bytes);
}

TEST(EventBlock, NothingButTheWholeIsAccepted)
{
    const std::string stored = encode_event_block(example());
    for (std::size_t cut = 0; cut < stored.size(); ++cut) {
        const auto got = decode_event_block(std::string_view(stored).substr(0, cut));
        ASSERT_TRUE(got.has_error()) << cut;
        ASSERT_EQ(got.error().id, "events.damaged");
    }
    EXPECT_TRUE(decode_event_block(stored + "x").has_error());
    std::string other = stored;
    other[0] = 2;
    EXPECT_TRUE(decode_event_block(other).has_error());
}

TEST(EventBlock, ADamagedByteNeverReachesBeyondTheText)
{
    const std::string stored = encode_event_block(example());
    for (std::size_t at = 0; at < stored.size(); ++at) {
        for (const unsigned bits : {0x01U, 0x80U, 0xFFU}) {
            std::string changed = stored;
            changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ bits);
            const auto got = decode_event_block(changed);
            if (got.has_error()) continue;
            for (const auto& call : got->calls) {
                if (call.text.empty()) continue;
                ASSERT_GE(call.text.data(), changed.data());
                ASSERT_LE(call.text.data() + call.text.size(), changed.data() + changed.size());
                ASSERT_LT(call.source, got->sources.size());
            }
        }
    }
}

TEST(EventBlock, KeysSortByArrival)
{
    EXPECT_LT(event_key(1, 255), event_key(1, 256));
    EXPECT_LT(event_key(1, ~0ULL), event_key(2, 0));
    EXPECT_EQ(space_meta_key(1, "resolved"), std::string("space/\0\0\0\1/resolved", 19));
}

}  // namespace
}  // namespace lakeferry::core
