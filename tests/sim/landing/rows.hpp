// Rows and weather of the landing tests.
#pragma once

#include "tests/support/landing_model/landing_world.hpp"
#include "tests/support/world/seeds.hpp"

#include <cstdint>
#include <string>

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
