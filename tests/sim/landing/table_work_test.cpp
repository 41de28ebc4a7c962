// Selective sync, stuck loads, fillings, changes of type and table care, over time and through crashes.
#include "tests/sim/landing/rows.hpp"
#include "tests/support/landing_model/landing_model.hpp"

#include "sync/core/keys.hpp"
#include "sync/core/outbox_block.hpp"
#include "sync/identity/table_catalog.hpp"
#include "sync/profiles/load_journal.hpp"
#include "sync/profiles/table_care.hpp"
#include "sync/profiles/table_job.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

core::table orders(core::column_type price = core::column_type::bigint)
{
    core::table t{.name = "order_completed",
                  .columns = {{"id", core::column_type::string, "Message id."},
                              {"received_at", core::column_type::timestamp, "When."},
                              {"segment_id", core::column_type::string, "Who."},
                              {"_rescued_data", core::column_type::string, "What did not fit."},
                              {"price", price, identity::dynamic_column_comment("order_completed", "price")}},
                  .number = 100};
    t.cluster_by = {"received_at"};
    return t;
}

std::string order(int n, const std::string& rest)
{
    return R"({"id":"m)" + std::to_string(n) + R"(","received_at":"2026-03-01T00:00:00.000000Z")" + (rest.empty() ? "" : ",") + rest + "}";
}

std::string rescued_price(const std::string& value) { return R"("_rescued_data":"{\"price\":)" + value + R"(}")"; }

// The model's tables write 12.5 as 1.25E1.
std::string plain(const std::string& text)
{
    static const std::regex exponent("-?[0-9][0-9.]*E-?[0-9]+");
    std::smatch found;
    if (!std::regex_search(text, found, exponent)) return text;
    std::ostringstream number;
    number << std::stod(found.str());
    return found.prefix().str() + number.str() + found.suffix().str();
}

std::map<std::string, std::string> prices(const landing_world& w)
{
    std::map<std::string, std::string> all;
    for (const auto& r : w.workspace.tables.find("main.acme.order_completed")->rows) {
        const auto price = r.find("price");
        const auto rescued = r.find("_rescued_data");
        all[*r.at("id")] = plain((price != r.end() && price->second ? *price->second : "NULL") +
                                 (rescued != r.end() && rescued->second ? " " + *rescued->second : ""));
    }
    return all;
}

profiles::table_job ask(landing_world& w, profiles::table_job job)
{
    return profiles::add_job(*w.process().store, landing_world::space, std::move(job)).value();
}

profiles::table_job retype_to(core::column_type to, bool rescue = false)
{
    profiles::table_job job;
    job.kind = profiles::job_kind::retype;
    job.tables = {"order_completed"};
    job.column = "price";
    job.to = to;
    job.rescue = rescue;
    return job;
}

profiles::table_job job_now(landing_world& w, std::uint64_t number)
{
    for (auto& j : profiles::all_jobs(*w.process().store, landing_world::space).value())
        if (j.number == number) return j;
    ADD_FAILURE() << "no job " << number;
    return {};
}

// Once the workspace has forgotten nothing and all is done: one row each, with these prices.
void land_orders(landing_world& w)
{
    w.put_append(1, orders(), {order(1, R"("price":12)"), order(2, rescued_price("12.5")), order(3, rescued_price("\\\"dear\\\"")), order(4, "")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
}

}  // namespace

TEST(SelectiveSync, ATableThatIsLeftOutCostsNothing)
{
    landing_world w;
    w.config.profiles_sync.select.tables = {"!order_*"};
    w.put_append(1, orders(), {order(1, "")});
    const auto report = w.sync();
    EXPECT_EQ(report.number, 0U) << "nothing was due";
    EXPECT_TRUE(w.workspace.ledger.empty()) << "no request, no statement";
    EXPECT_NE(w.log.text().find("select.dropped"), std::string::npos);
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
}

TEST(SelectiveSync, WhatIsUnderWayIsFinishedAndWhatHasLandedStays)
{
    landing_world w;
    w.put_append(1, orders(), {order(1, R"("price":1)")});
    ASSERT_EQ(w.sync().status, profiles::run_status::success);
    w.put_append(2, orders(), {order(2, R"("price":2)")});
    w.run_and_crash(2s);  // perhaps staged, perhaps sent
    w.config.profiles_sync.select.tables = {"!order_*"};
    w.put_append(3, orders(), {order(3, R"("price":3)")});
    for (int i = 0; i < 3; ++i) w.sync();
    const auto landed = prices(w);
    EXPECT_TRUE(landed.contains("m1"));
    EXPECT_FALSE(landed.contains("m3")) << "came when the table was off";
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
    EXPECT_TRUE(profiles::load_journal(*w.process().store, landing_world::space).all().value().empty());
}

TEST(SelectiveSync, AColumnThatIsLeftOutIsNotMade)
{
    landing_world w;
    w.config.profiles_sync.select.columns = {"!order_*.price"};
    w.put_append(1, orders(), {order(1, R"("price":1)")});
    ASSERT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(w.statements_with("`price`"), 0U);
    EXPECT_EQ(w.rows_in("order_completed"), 1U);
}

TEST(StuckLoads, WaitForADecisionAndGoOnWithIt)
{
    for (const bool resend : {false, true}) {
        landing_world w;
        land_a_page(w);
        w.put_append(1, orders(), {order(1, R"("price":1)"), order(2, R"("price":2)")});
        w.process();
        // The statement loads everything and says something else.
        auto model = landing_executor(w.workspace);
        w.workspace.execute_with([&w, model](const fake_databricks::statement_call& call) {
            auto done = model(call);
            if (call.what.text.find("COPY INTO") != std::string::npos)
                for (auto& cell : done.rows.front()) cell = "1";
            w.texts.push_back(call.what.text);
            return done;
        });
        const auto first = w.sync();
        EXPECT_EQ(first.tables.at("order_completed").error_id, "landing.count_mismatch");
        EXPECT_NE(first.tables.at("order_completed").error.find("lakeferry loads acme --accept"), std::string::npos);
        const auto sent = w.statements_with("COPY INTO");
        w.crash();
        const auto second = w.sync();
        EXPECT_EQ(second.tables.at("order_completed").error_id, "landing.count_mismatch") << "it is remembered";
        EXPECT_EQ(w.statements_with("COPY INTO"), sent) << "and nothing is sent until somebody decides";
        profiles::load_journal journal(*w.process().store, landing_world::space);
        const auto load = journal.all().value().front();
        ASSERT_TRUE(load.stuck);
        EXPECT_EQ(load.stuck->staged, 2U);
        EXPECT_EQ(load.stuck->reported, 1);
        EXPECT_EQ(w.get(w.process().sync->resolve_load(load.number + 7, false)).error().id, "load.unknown");
        ASSERT_TRUE(w.get(w.process().sync->resolve_load(load.number, resend)).has_value());
        EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
        EXPECT_EQ(w.rows_in("order_completed"), 2U) << "no row is doubled, none is missing";
        EXPECT_TRUE(w.workspace.files.empty());
        EXPECT_EQ(w.statements_with("MERGE INTO `main`.`acme`.`order_completed`"), resend ? 1U : 0U);
        EXPECT_FALSE(w.get(w.process().sync->due()).value());
    }
}

TEST(StuckLoads, AreNeededForADecision)
{
    landing_world w;
    land_a_page(w);
    w.put_append(1, orders(), {order(1, "")});
    fake_databricks::statement_fault slow;
    slow.kind = fake_databricks::statement_fault_kind::stalls;
    slow.text = "COPY INTO";
    slow.pause = 1h;
    w.workspace.inject(slow);
    w.run_and_crash(2min);
    const auto loads = profiles::load_journal(*w.process().store, landing_world::space).all().value();
    ASSERT_EQ(loads.size(), 1U);
    EXPECT_EQ(w.get(w.process().sync->resolve_load(loads.front().number, true)).error().id, "load.not_stuck");
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.rows_in("order_completed"), 1U);
}

TEST(Retype, TakesRescuedValuesBackInTheTableAndInWhatWaits)
{
    landing_world w;
    land_orders(w);
    const auto job = ask(w, retype_to(core::column_type::double_));
    w.put_append(2, orders(), {order(5, rescued_price("7.25")), order(6, R"("price":6)")});
    w.sync();
    const auto done = job_now(w, job.number);
    EXPECT_EQ(done.step, profiles::job_step::done) << done.error << w.log.text();
    w.sync();
    EXPECT_EQ(prices(w), (std::map<std::string, std::string>{{"m1", "12"}, {"m2", "12.5"}, {"m3", R"(NULL {"price":"dear"})"}, {"m4", "NULL"},
                                                             {"m5", "7.25"}, {"m6", "6"}}));
    const auto* table = w.workspace.tables.find("main.acme.order_completed");
    for (const auto& c : table->columns) EXPECT_FALSE(c.comment.empty()) << c.name;
    EXPECT_EQ(w.statements_with("CREATE OR REPLACE TABLE"), 1U);
    EXPECT_EQ(w.statements_with("CLUSTER BY (`received_at`)"), 2U) << "made with it, and kept";
    EXPECT_FALSE(w.get(w.process().sync->due()).value());
}

TEST(Retype, RefusesWhatWouldLoseSomethingUnlessItMayBeRescued)
{
    landing_world w;
    w.put_append(1, orders(core::column_type::double_), {order(1, R"("price":12)"), order(2, R"("price":12.5)")});
    ASSERT_EQ(w.sync().status, profiles::run_status::success);
    const auto careful = ask(w, retype_to(core::column_type::bigint));
    w.sync();
    EXPECT_EQ(job_now(w, careful.number).step, profiles::job_step::failed);
    EXPECT_EQ(job_now(w, careful.number).error_id, "retype.lossy");
    EXPECT_EQ(w.statements_with("CREATE OR REPLACE TABLE"), 0U);
    const auto told = ask(w, retype_to(core::column_type::bigint, true));
    w.sync();
    EXPECT_EQ(job_now(w, told.number).step, profiles::job_step::done) << job_now(w, told.number).error;
    EXPECT_EQ(prices(w), (std::map<std::string, std::string>{{"m1", "12"}, {"m2", R"(NULL {"price":12.5})"}}));
}

TEST(Retype, ACrashAtAnyMomentEndsInTheSameTable)
{
    for (int ms = 0; ms < 42'000; ms += 2'100) {
        landing_world w(static_cast<std::uint64_t>(ms) + 1);
        land_orders(w);
        const auto job = ask(w, retype_to(core::column_type::double_));
        w.put_append(2, orders(), {order(5, rescued_price("7.25")), order(6, R"("price":6)")});
        w.run_and_crash(std::chrono::milliseconds(ms));
        for (int i = 0; i < 4; ++i) w.sync();
        ASSERT_EQ(job_now(w, job.number).step, profiles::job_step::done) << ms << " ms: " << job_now(w, job.number).error;
        ASSERT_EQ(prices(w),
                  (std::map<std::string, std::string>{{"m1", "12"}, {"m2", "12.5"}, {"m3", R"(NULL {"price":"dear"})"}, {"m4", "NULL"},
                                                      {"m5", "7.25"}, {"m6", "6"}}))
            << "crash after " << ms << " ms";
        ASSERT_EQ(w.rows_in("order_completed"), 6U) << "crash after " << ms << " ms";
    }
}

TEST(Retype, NothingIsLoadedIntoTheTableUntilItIsComplete)
{
    landing_world w;
    land_orders(w);
    const auto job = ask(w, retype_to(core::column_type::double_));
    fake_databricks::statement_fault broken;
    broken.text = "CREATE OR REPLACE TABLE";
    broken.error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS", "User does not have MANAGE on Table 'main.acme.order_completed'");
    broken.times = 2;
    w.workspace.inject(broken);
    w.sync();
    EXPECT_EQ(job_now(w, job.number).step, profiles::job_step::converting);
    EXPECT_EQ(job_now(w, job.number).error_id, "permission.missing");
    auto wide = orders(core::column_type::double_);
    w.put_append(2, wide, {order(7, R"("price":0.5)")});
    w.sync();
    EXPECT_EQ(w.rows_in("order_completed"), 4U);
    EXPECT_EQ(w.process().sync->status().error_id, "permission.missing") << "the space says so";
    w.sync();
    EXPECT_EQ(job_now(w, job.number).step, profiles::job_step::done) << job_now(w, job.number).error;
    w.sync();
    EXPECT_EQ(prices(w)["m7"], "0.5");
}

TEST(FillLane, LandsOnlyWhatTheTableLacksHoweverOftenItIsSent)
{
    landing_world w;
    w.put_append(1, orders(), {order(1, ""), order(2, "")});
    w.sync();
    const auto fill = [&](std::uint64_t batch, const std::vector<std::string>& lines) {
        auto lane = orders();
        lane.number |= core::fill_lane;
        std::string all;
        for (const auto& l : lines) all += l + "\n";
        store::batch changes;
        changes.put(store::family::outbox, core::outbox_key(landing_world::space, lane.number, batch),
                    core::encode_outbox_block({.rows = static_cast<std::uint32_t>(lines.size()), .lines = all}));
        ASSERT_TRUE(w.process().store->write(std::move(changes), store::durable::yes).has_value());
        w.commit_batch(batch);
    };
    fill(2, {order(2, ""), order(3, "")});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(report.tables.at("order_completed").rows, 1U) << "one of two was missing";
    EXPECT_EQ(w.rows_in("order_completed"), 3U);
    for (int ms = 500; ms < 8000; ms += 1500) {
        fill(static_cast<std::uint64_t>(ms), {order(3, ""), order(ms, "")});
        w.run_and_crash(std::chrono::milliseconds(ms));
        w.sync();
    }
    const auto rows = w.landed("order_completed");
    EXPECT_EQ(std::set<std::string>(rows.begin(), rows.end()).size(), rows.size());
    EXPECT_EQ(rows.size(), 3U + 5U);
}

TEST(TableCare, OptimizesWhatManySmallLoadsHaveWorn)
{
    landing_world w;
    w.limits.load_bytes_max = 1;  // a load a batch
    for (std::uint64_t batch = 1; batch <= profiles::worn_loads; ++batch) w.put_append(batch, orders(), {order(static_cast<int>(batch), "")});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << w.log.text();
    EXPECT_TRUE(report.tables.at("order_completed").optimized);
    EXPECT_EQ(w.statements_with("OPTIMIZE `main`.`acme`.`order_completed`"), 1U);
    w.put_append(1000, orders(), {order(1000, "")});
    w.sync();
    EXPECT_EQ(w.statements_with("OPTIMIZE"), 1U) << "counted from the beginning again";
}

TEST(TableCare, LeavesTablesToPredictiveOptimizationAndFailuresToLater)
{
    for (const bool predictive : {true, false}) {
        landing_world w;
        w.limits.load_bytes_max = 1;
        w.put_append(1, orders(), {order(0, "")});
        w.sync();
        if (predictive) w.workspace.tables.find("main.acme.order_completed")->properties["predictive"] = "ENABLE";
        fake_databricks::statement_fault conflict;
        conflict.text = "OPTIMIZE";
        conflict.error = fake_databricks::sql_error("2D521", "DELTA_CONCURRENT_APPEND", "somebody wrote");
        conflict.times = 2;
        if (!predictive) w.workspace.inject(conflict);
        for (std::uint64_t batch = 2; batch <= profiles::worn_loads; ++batch) w.put_append(batch, orders(), {order(static_cast<int>(batch), "")});
        const auto report = w.sync();
        EXPECT_EQ(report.status, profiles::run_status::success) << "care never fails a run: " << w.log.text();
        EXPECT_FALSE(report.tables.at("order_completed").optimized);
        EXPECT_EQ(w.log.text().find("optimize.failed") != std::string::npos, !predictive);
    }
}

TEST(TableCare, CanBeSwitchedOffAndAskedForByHand)
{
    landing_world w;
    w.config.profiles_sync.optimize = false;
    w.limits.load_bytes_max = 1;
    for (std::uint64_t batch = 1; batch <= profiles::worn_loads; ++batch) w.put_append(batch, orders(), {order(static_cast<int>(batch), "")});
    w.sync();
    EXPECT_EQ(w.statements_with("OPTIMIZE"), 0U);
    profiles::table_job job;
    job.kind = profiles::job_kind::optimize;
    job.tables = {"order_completed", "nobody_knows_it"};
    const auto asked = ask(w, job);
    w.sync();
    EXPECT_EQ(w.statements_with("OPTIMIZE"), 1U);
    const auto done = job_now(w, asked.number);
    EXPECT_EQ(done.notes, (std::vector<std::string>{"order_completed: optimized",
                                                    "nobody_knows_it: is not in the schema; nothing of it has landed"}));
    EXPECT_EQ(done.step, profiles::job_step::failed) << "whoever asked for it is not told that all went well";
    EXPECT_EQ(done.error_id, "optimize.failed");
    job.tables = {"order_completed"};
    const auto again = ask(w, job);
    w.sync();
    EXPECT_EQ(job_now(w, again.number).step, profiles::job_step::done);
    // What Databricks refuses is said, too.
    w.workspace.inject(fake_databricks::statement_fault{
        .kind = fake_databricks::statement_fault_kind::fails,
        .text = "OPTIMIZE",
        .error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS",
                                            "Insufficient privileges:\nUser does not have MODIFY on Table 'main.acme.order_completed'.")});
    const auto refused = ask(w, job);
    w.sync();
    EXPECT_EQ(job_now(w, refused.number).step, profiles::job_step::failed);
    EXPECT_NE(job_now(w, refused.number).error.find("GRANT MODIFY"), std::string::npos) << job_now(w, refused.number).error;
}
