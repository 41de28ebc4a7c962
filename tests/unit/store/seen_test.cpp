// Forgetting message ids: by when they were stored, not by when they say they were received.
#include "sync/store/seen.hpp"

#include "sync/store/seen_filter.hpp"

#include <gtest/gtest.h>

namespace lakeferry::store {
namespace {

class set_clock final : public rt::wall_clock {
public:
    std::int64_t now_us() const noexcept override { return us; }
    std::int64_t us = 0;
};

constexpr std::int64_t day = 86'400'000'000;

TEST(Seen, RecordsComeBackAsTheyWere)
{
    const auto read = decode_seen(encode_seen({.stored_us = -5, .received_us = 7}));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->stored_us, -5);
    EXPECT_EQ(read->received_us, 7);
    EXPECT_FALSE(decode_seen("short"));
    EXPECT_EQ(seen_key(1, {}).size(), 20U);
}

TEST(Seen, CompactionForgetsWhatWasStoredBeforeTheWindow)
{
    set_clock clock;
    clock.us = 100 * day;
    seen_filter_factory factory(clock, 30);
    const auto filter = factory.CreateCompactionFilter({});
    const auto forgotten = [&](seen_record record) {
        std::string unused;
        bool changed = false;
        return filter->Filter(0, "key", encode_seen(record), &unused, &changed);
    };
    EXPECT_FALSE(forgotten({.stored_us = 70 * day, .received_us = 70 * day}));
    EXPECT_TRUE(forgotten({.stored_us = 70 * day - 1, .received_us = 70 * day}));
    EXPECT_FALSE(forgotten({.stored_us = 99 * day, .received_us = 1 * day})) << "imported history is asked for again";
}

TEST(Seen, ARecordThatIsNotWholeIsKept)
{
    set_clock clock;
    clock.us = 100 * day;
    const auto filter = seen_filter_factory(clock, 1).CreateCompactionFilter({});
    std::string unused;
    bool changed = false;
    EXPECT_FALSE(filter->Filter(0, "key", "damaged", &unused, &changed));
}

}  // namespace
}  // namespace lakeferry::store
