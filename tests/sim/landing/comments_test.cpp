// The data dictionary of tables that were there before the daemon: what is missing is put in, what somebody wrote stays.
#include "tests/sim/landing/rows.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::test;
using fake_databricks::statement_fault;
using fake_databricks::statement_fault_kind;

namespace {

constexpr const char* full_name = "main.acme.tracks";

core::table described_tracks()
{
    auto t = tracks_table();
    t.comment = "One row a track call; it's the longest";
    for (auto& c : t.columns) c.comment = "What " + c.name + " is.";
    return t;
}

// Made without comments, by an earlier version or by hand; then somebody described one column and added another.
void make_it_beforehand(landing_world& w)
{
    w.put_append(1, tracks_table(), {track("m0")});
    w.sync();
    w.stop();  // a new process looks at the schema again
    auto& columns = w.workspace.tables.find(full_name)->columns;
    for (auto& c : columns)
        if (c.name == "n") c.comment = "Our own words";
    columns.push_back({.name = "theirs", .type_text = "string"});
}

std::string comment_of(const landing_world& w, const std::string& column)
{
    for (const auto& c : w.workspace.tables.find(full_name)->columns)
        if (c.name == column) return c.comment;
    return "no such column";
}

std::size_t comments_sent(const landing_world& w)
{
    return w.statements_with("COMMENT ON TABLE") + w.statements_with("ALTER COLUMN");
}

}  // namespace

TEST(Comments, ThatAreMissingArePutInOnceAndThoseOfPeopleStay)
{
    landing_world w;
    make_it_beforehand(w);
    w.put_append(2, described_tracks(), {track("m1")});
    const auto first = w.sync();
    EXPECT_EQ(first.status, profiles::run_status::success) << first.error << w.log.text();
    EXPECT_EQ(w.workspace.tables.find(full_name)->comment, described_tracks().comment);
    EXPECT_EQ(comment_of(w, "id"), "What id is.");
    EXPECT_EQ(comment_of(w, "received_at"), "What received_at is.");
    EXPECT_EQ(comment_of(w, "n"), "Our own words");
    EXPECT_EQ(comment_of(w, "theirs"), "");
    EXPECT_EQ(comments_sent(w), 3U);
    w.put_append(3, described_tracks(), {track("m2")});
    w.sync();
    w.stop();
    w.workspace.tables.find(full_name)->comment = "Changed by hand";
    w.put_append(4, described_tracks(), {track("m3")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success) << w.log.text();
    EXPECT_EQ(comments_sent(w), 3U) << "nothing is missing any more";
    EXPECT_EQ(w.workspace.tables.find(full_name)->comment, "Changed by hand");
    EXPECT_EQ(w.rows_in("tracks"), 4U);
}

TEST(Comments, ThatCannotBeWrittenFailNoRun)
{
    landing_world w;
    make_it_beforehand(w);
    w.workspace.inject(statement_fault{
        .kind = statement_fault_kind::fails,
        .text = "COMMENT ON TABLE",
        .error = fake_databricks::sql_error("42501", "INSUFFICIENT_PERMISSIONS",
                                            "Insufficient privileges:\nUser does not have MODIFY on Table 'main.acme.tracks'.")});
    w.put_append(2, described_tracks(), {track("m1")});
    const auto report = w.sync();
    EXPECT_EQ(report.status, profiles::run_status::success) << report.error;
    EXPECT_EQ(w.log.count("comment.not_set"), 1U);
    EXPECT_NE(w.log.text().find("GRANT MODIFY"), std::string::npos) << w.log.text();
    w.put_append(3, described_tracks(), {track("m2")});
    EXPECT_EQ(w.sync().status, profiles::run_status::success);
    EXPECT_EQ(w.log.count("comment.not_set"), 1U) << "not at every run";
    w.stop();
    w.put_append(4, described_tracks(), {track("m3")});
    w.sync();
    EXPECT_EQ(w.workspace.tables.find(full_name)->comment, described_tracks().comment);
}

TEST(Comments, OfTablesThatWeMakeNeedNoStatement)
{
    landing_world w;
    w.put_append(1, described_tracks(), {track("m1")});
    w.sync();
    w.stop();
    w.put_append(2, described_tracks(), {track("m2")});
    w.sync();
    EXPECT_EQ(comments_sent(w), 0U);
    EXPECT_EQ(w.workspace.tables.find(full_name)->comment, described_tracks().comment);
}
