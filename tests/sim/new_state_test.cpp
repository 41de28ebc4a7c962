// A daemon with an empty state directory on a schema that already has rows: it counts from the start, and what it
// writes must neither be taken for rows of the first one nor lose against them.
#include "tests/sim/daemon_world.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::test;

namespace {

std::string identify(const std::string& user, const std::string& plan, const std::string& more = {})
{
    return R"({"type":"identify","userId":")" + user + R"(","traits":{"plan":")" + plan + "\"}" + more + "}";
}

void send(daemon_world& w, const std::string& calls)
{
    const auto body = R"({"writeKey":")" + daemon_world::write_key("space0") + R"(","batch":[)" + calls + "]}";
    ASSERT_EQ(w.post("/v1/batch", "space0", body).status, 200U);
}

// Values of a column, sorted, with repetitions.
std::vector<std::string> column(const daemon_world& w, const std::string& table, const std::string& name)
{
    std::vector<std::string> found;
    const auto* t = w.workspace.tables.find("main.space0." + table);
    if (t == nullptr) return found;
    for (const auto& row : t->rows) found.push_back(row.contains(name) ? row.at(name).value_or("") : "");
    std::sort(found.begin(), found.end());
    return found;
}

std::size_t distinct(std::vector<std::string> sorted)
{
    return static_cast<std::size_t>(std::unique(sorted.begin(), sorted.end()) - sorted.begin());
}

}  // namespace

TEST(NewState, RowsAreNeitherTakenForEarlierOnesNorLoseAgainstThem)
{
    daemon_world w;
    w.start();
    // Nothing names these calls but what they say, when they came and at which place.
    send(w, identify("ada", "free") + "," + identify("bob", "free"));
    send(w, identify("cleo", "free", R"(,"messageId":"m-1")"));
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    const auto earlier = column(w, "id_graph_updates", "seq");
    ASSERT_EQ(earlier.size(), 3U);

    w.restart_with("/new-state");
    send(w, identify("dora", "free") + "," + identify("emil", "free"));
    // History that is sent again makes the same profile again; what came after it counts.
    send(w, identify("cleo", "free", R"(,"messageId":"m-1")") + "," + identify("cleo", "paid", R"(,"messageId":"m-2")"));
    EXPECT_FALSE(w.sync("space0")) << "the first daemon's state directory owns the schema";
    ASSERT_TRUE(w.get(w.core().space("space0")->take_over()).has_value()) << w.log.text();

    EXPECT_EQ(column(w, "user_identifiers", "value"), (std::vector<std::string>{"ada", "bob", "cleo", "dora", "emil"}));
    EXPECT_EQ(column(w, "user_traits", "value"), (std::vector<std::string>{"free", "free", "free", "free", "paid"}));
    EXPECT_EQ(distinct(column(w, "user_traits", "canonical_segment_id")), 5U);
    const auto calls = column(w, "identifies", "id");
    EXPECT_EQ(calls.size(), 7U) << "m-1 came anew, at another time";
    EXPECT_EQ(distinct(calls), 6U);
    const auto all = column(w, "id_graph_updates", "seq");
    EXPECT_EQ(all.size(), 6U);
    EXPECT_EQ(distinct(all), 6U);
    EXPECT_TRUE(std::includes(all.begin(), all.end(), earlier.begin(), earlier.end()));
    EXPECT_EQ(distinct(column(w, "profile_traits", "canonical_segment_id")), 5U);
    w.stop();
}
