// Rows and weather of the landing tests.
#pragma once

#include "tests/support/landing_model/landing_world.hpp"
#include "tests/support/world/seeds.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lakeferry::test {

// A row of tracks_table().
inline std::string track(const std::string& id, int n = 1, const std::string& fraction = "000000")
{
    return R"({"id":")" + id + R"(","received_at":"2026-03-01T00:00:00.)" + fraction + R"(Z","n":)" +
           std::to_string(n) + "}";
}

// A row of traits_table().
inline std::string trait(const std::string& who, const std::string& value, std::uint64_t seq, const char* op = "upsert")
{
    return std::string(R"({"_op":")") + op + R"(","canonical_segment_id":")" + who + R"(","name":"plan","value":")" +
           value + R"(","seq":)" + std::to_string(seq) + "}";
}

inline core::table pages_table()
{
    auto t = tracks_table();
    t.name = "pages";
    t.number = 20;
    return t;
}

// A run that says what it did. A run of calls and events alone that comes soon after it has nothing to say: no report travels
// with its last load.
inline void land_a_page(landing_world& w)
{
    w.put_append(1, pages_table(), {track("p1")});
    w.sync();
    w.texts.clear();
}

// What the schema says of runs, in their order.
inline std::vector<profiles::run_report> reported_runs(const landing_world& w)
{
    std::map<std::uint64_t, profiles::run_report> out;
    for (const auto& row : w.workspace.tables.find("main.acme._lakeferry_loads")->rows) {
        const auto text = row.find("report");
        if (text == row.end() || !text->second) continue;
        auto one = profiles::report_from_json(*text->second);
        EXPECT_TRUE(one.has_value()) << *text->second;
        if (one.has_value()) out[one->number] = std::move(*one);
    }
    std::vector<profiles::run_report> all;
    for (auto& [number, one] : out) all.push_back(std::move(one));
    return all;
}

// Answers that get lost, statements that conflict, vanish and close.
inline fake_databricks::weather rough_weather()
{
    fake_databricks::weather bad;
    bad.lost_after = 30;
    bad.lost_before = 30;
    bad.unavailable = 20;
    bad.revoked = 5;
    bad.statement_conflict = 30;
    bad.statement_vanishes = 30;
    bad.statement_closed = 30;
    return bad;
}

}  // namespace lakeferry::test
