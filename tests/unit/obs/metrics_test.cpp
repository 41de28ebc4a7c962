// The registry and its text.
#include "net/obs/metrics.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace obs = lakeferry::obs;

TEST(Metrics, TextIsWhatPrometheusReads)
{
    obs::metrics m;
    m.counter("lakeferry_b_total", "Things\nthat \\ happened", {{"space", "a\"b\\c\nd"}, {"kind", "x"}}) += 3;
    m.counter("lakeferry_b_total", "ignored") += 1;
    double level = 1.5;
    m.gauge("lakeferry_a_bytes", "Level", {}, [&] { return level; });
    EXPECT_EQ(m.text(),
              "# HELP lakeferry_a_bytes Level\n# TYPE lakeferry_a_bytes gauge\nlakeferry_a_bytes 1.5\n"
              "# HELP lakeferry_b_total Things\\nthat \\\\ happened\n# TYPE lakeferry_b_total counter\n"
              "lakeferry_b_total 1\nlakeferry_b_total{kind=\"x\",space=\"a\\\"b\\\\c\\nd\"} 3\n");
    level = std::numeric_limits<double>::infinity();
    EXPECT_NE(m.text().find("lakeferry_a_bytes +Inf\n"), std::string::npos);
    level = 123456789;
    EXPECT_NE(m.text().find("lakeferry_a_bytes 123456789\n"), std::string::npos);
}

TEST(Metrics, ACounterIsTheSameWhateverTheOrderOfItsLabelsAndStaysWhereItIs)
{
    obs::metrics m;
    auto& one = m.counter("n_total", "h", {{"a", "1"}, {"b", "2"}});
    for (int i = 0; i < 1000; ++i) m.counter("n_total", "h", {{"a", std::to_string(i + 10)}});
    auto& again = m.counter("n_total", "h", {{"b", "2"}, {"a", "1"}});
    EXPECT_EQ(&one, &again);
    one = 7;
    EXPECT_EQ(m.value("n_total", {{"b", "2"}, {"a", "1"}}), 7);
    EXPECT_EQ(m.value("n_total", {{"a", "none"}}), 0);
    EXPECT_EQ(m.value("none"), 0);
}

TEST(Metrics, DropForgetsASpace)
{
    obs::metrics m;
    m.counter("n_total", "h", {{"space", "gone"}}) = 1;
    m.counter("n_total", "h", {{"space", "here"}}) = 2;
    m.gauge("g", "h", {{"space", "gone"}}, [] { return 1.0; });
    m.drop("space", "gone");
    EXPECT_EQ(m.text(), "# HELP n_total h\n# TYPE n_total counter\nn_total{space=\"here\"} 2\n");
}
