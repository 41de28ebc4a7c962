// A new state directory on a schema that another one kept: it is said at the start, at the take-over and after it, with
// the cure, until somebody says that it is settled.
#include "sync/profiles/connection_test.hpp"
#include "tests/sim/daemon_world.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

// The first daemon lands something and is lost; another one, with an empty state directory, is configured for the same
// schema.
class Succession : public testing::Test {
protected:
    Succession()
    {
        w_.start();
        sent_calls sent;
        w_.send_tracks("space0", {"a-1"}, sent);
        EXPECT_TRUE(w_.sync("space0")) << w_.log.text();
        w_.restart_with("/new-state");
        // Workers are threads of this machine: how long they take is not of the virtual clock.
        for (int second = 0; second < 60 && view().reason.empty(); ++second) w_.pass(1s);
    }
    daemon::space_view view() { return w_.core().view().spaces.at(0); }
    void take_over() { ASSERT_TRUE(w_.get(w_.core().space("space0")->take_over()).has_value()); }
    // The line of a connection test; empty: there is none.
    std::string checked(const std::string& id)
    {
        const auto report = w_.get(w_.core().space("space0")->check(false));
        if (!report.has_value()) return report.error().detail;
        for (const auto& one : report->lines)
            if (one.id == id) return std::string(profiles::to_string(one.state)) + ": " + one.text;
        return {};
    }
    static void expect_in(const std::string& text, std::initializer_list<const char*> parts)
    {
        for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
    }

    daemon_world w_;
};

}  // namespace

TEST_F(Succession, IsSaidAtTheStartBeforeThereIsAnyCall)
{
    EXPECT_EQ(view().state, daemon::space_state::degraded);
    expect_in(view().reason, {"main.space0 is kept current by another daemon", "lakeferry takeover space0",
                              "get new profiles", "copy of the other state directory", "lakeferry import space0 FILE"});
    EXPECT_EQ(w_.log.count("lease.held"), 1U);
    EXPECT_EQ(view().identity.notice, "") << "nothing was taken over yet";
    expect_in(checked("lease"), {"missing: kept current by space space0", "not by this one", "lakeferry takeover space0"});
}

TEST_F(Succession, IsSaidAfterTheTakeOverUntilItIsSettled)
{
    take_over();
    EXPECT_EQ(view().state, daemon::space_state::running) << view().reason;
    EXPECT_EQ(w_.log.count("identity.apart"), 1U);
    expect_in(view().identity.notice, {"was taken over on 20", "from space space0 on host", "get new profiles",
                                       "lakeferry takeover space0 --settled"});
    expect_in(checked("lease"), {"ok: kept current by space space0"});
    expect_in(checked("profiles"), {"advice: The schema was taken over"});
    // A run that takes nothing over says nothing more.
    take_over();
    EXPECT_EQ(w_.log.count("identity.apart"), 1U);
    w_.stop();
    w_.start();
    w_.pass(1s);
    EXPECT_NE(view().identity.notice, "") << "restarts included";
    ASSERT_TRUE(w_.get(w_.core().space("space0")->settle_profiles()).has_value());
    EXPECT_EQ(view().identity.notice, "");
    EXPECT_EQ(checked("profiles"), "");
    w_.stop();
    w_.start();
    w_.pass(1s);
    EXPECT_EQ(view().identity.notice, "");
}

TEST_F(Succession, ACopyOfTheStateDirectoryIsTheSameDaemon)
{
    w_.restart_with("/state");
    w_.pass(10s);
    EXPECT_EQ(view().state, daemon::space_state::running) << view().reason;
    EXPECT_EQ(view().identity.notice, "");
    expect_in(checked("lease"), {"ok: kept current by space space0"});
}
