#include "sync/profiles/load_journal.hpp"

#include "sync/profiles/load_sender.hpp"
#include "sync/profiles/run_report.hpp"
#include "sync/profiles/stage_sweep.hpp"
#include "tests/unit/profiles/outbox_fixture.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::profiles;

namespace {

load example()
{
    load l = test::sent_load(10);
    l.bytes = 100;
    l.sent_us = 5;
    return l;
}

databricks::statement_result affected(std::int64_t n)
{
    databricks::statement_result r;
    r.counts.affected = n;
    return r;
}

}  // namespace

TEST(LoadJournal, KeepsEveryField)
{
    const load l = example();
    const load back = decode_load(encode_load(l)).value();
    EXPECT_EQ(encode_load(back), encode_load(l));
    EXPECT_EQ(back.statement_id, "01f0");
    EXPECT_EQ(back.parts.at(0).rows, 10U);
    EXPECT_EQ(decode_load("{}").error().id, "loads.damaged");
    EXPECT_EQ(decode_load("").error().id, "loads.damaged");
}

TEST(LoadJournal, LandingTakesTheRowsOutOfTheOutboxInOneStep)
{
    test::outbox_fixture f;
    const core::table t{.name = "tracks", .columns = {{"id"}}, .number = 8};
    for (std::uint64_t batch = 1; batch <= 3; ++batch) f.put(t, batch, "{\"id\":\"a\"}\n", 1);
    load_journal journal(*f.store, f.space);
    load l = example();
    ASSERT_TRUE(journal.save(l, store::durable::yes).has_value());
    EXPECT_EQ(journal.last_number().value(), 3U);
    ASSERT_TRUE(journal.land(l, t.number).has_value());
    EXPECT_FALSE(f.store->get(store::family::outbox, core::outbox_key(f.space, t.number, 2)).value());
    EXPECT_TRUE(f.store->get(store::family::outbox, core::outbox_key(f.space, t.number, 3)).value());
    const auto owed = journal.all().value();
    ASSERT_EQ(owed.size(), 1U) << "its file is still to be deleted";
    EXPECT_EQ(owed[0].state, load_state::landed);
    EXPECT_TRUE(owed[0].fenced);
    ASSERT_TRUE(journal.forget(owed[0]).has_value());
    EXPECT_TRUE(journal.all().value().empty());
    EXPECT_EQ(journal.last_number().value(), 3U) << "numbers are never given out twice";
}

TEST(LoadJournal, ALoadWithoutFilesOfAnAppendTableOwesNothing)
{
    test::outbox_fixture f;
    load_journal journal(*f.store, f.space);
    load l = example();
    l.files.clear();
    ASSERT_TRUE(journal.save(l, store::durable::yes).has_value());
    ASSERT_TRUE(journal.land(l, 8).has_value());
    EXPECT_TRUE(journal.all().value().empty());
}

TEST(Counts, ALoadMustReportExactlyItsRows)
{
    load l = example();
    EXPECT_TRUE(check_counts(l, affected(10), false).has_value());
    EXPECT_EQ(check_counts(l, affected(9), false).error().id, "landing.count_mismatch");
    EXPECT_EQ(check_counts(l, affected(0), false).error().id, "landing.count_mismatch");
    EXPECT_TRUE(check_counts(l, affected(0), true).has_value()) << "an earlier sending had loaded it";
    EXPECT_EQ(check_counts(l, affected(5), true).error().id, "landing.count_mismatch");
    EXPECT_TRUE(check_counts(l, databricks::statement_result{}, false).has_value()) << "no counts, no verdict";
    databricks::statement_result lost = affected(0);
    lost.result_lost = true;
    EXPECT_TRUE(check_counts(l, lost, false).has_value());
    l.kind = core::table_kind::keyed;
    EXPECT_TRUE(check_counts(l, affected(4), false).has_value()) << "older rows are left alone";
    EXPECT_EQ(check_counts(l, affected(11), false).error().id, "landing.count_mismatch");
}

TEST(Sweep, OnlyFilesOfOurMakingThatNoLoadKnowsAreOrphans)
{
    const std::vector<std::string> paths{"/v/load-1-a-0001.parquet", "/v/load-2-b-0001.parquet", "/v/notes.txt",
                                         "/v/load-3.csv"};
    EXPECT_EQ(orphans(paths, {"/v/load-2-b-0001.parquet"}), std::vector<std::string>{"/v/load-1-a-0001.parquet"});
}

TEST(RunReport, SurvivesTheStoreAndOldOnesLeave)
{
    test::outbox_fixture f;
    for (std::uint64_t n = 1; n <= 5; ++n) {
        run_report r;
        r.number = n;
        r.trigger = "manual";
        r.status = run_status::partial;
        r.tables["tracks"] = {.rows = 5, .bytes = 50, .files = 1, .loads = 1, .rescued = 0, .error_id = "x", .error = "y"};
        ASSERT_TRUE(save_report(*f.store, f.space, r, 3).has_value());
    }
    const auto newest = recent_reports(*f.store, f.space, 10).value();
    ASSERT_EQ(newest.size(), 3U);
    EXPECT_EQ(newest[0].number, 5U);
    EXPECT_EQ(newest[2].number, 3U);
    EXPECT_EQ(to_json(newest[0]), to_json(report_from_json(to_json(newest[0])).value()));
    EXPECT_EQ(newest[0].rows(), 5U);
    EXPECT_EQ(newest[0].tables.at("tracks").error_id, "x");
    EXPECT_EQ(report_from_json("[]").error().id, "runs.damaged");
}
