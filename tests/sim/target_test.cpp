// Catalog and schema of a space are fixed after its first sync: at a reload and at a start.
#include "tests/sim/daemon_world.hpp"

#include <gtest/gtest.h>

using namespace lakeferry;
using namespace lakeferry::test;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<daemon::snapshot> with_schema(const daemon_world& w, const std::string& schema)
{
    auto next = std::make_shared<daemon::snapshot>(*w.config);
    auto changed = std::make_shared<core::space_config>(*next->spaces[0]);
    changed->profiles_sync.schema = schema;
    next->spaces[0] = changed;
    return next;
}

}  // namespace

TEST(Target, MayChangeBeforeTheFirstSyncAndNotAfterIt)
{
    daemon_world w;
    std::string schema = "before";
    w.load = [&w, &schema] { return daemon::load_result{.config = with_schema(w, schema)}; };
    w.start();
    EXPECT_TRUE(w.get(w.core().reload()).accepted);
    sent_calls sent;
    w.send_tracks("space0", {"a", "b"}, sent);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    EXPECT_EQ(w.landed_ids("before", "tracks").size(), 2U);

    schema = "after";
    const auto refused = w.get(w.core().reload());
    EXPECT_FALSE(refused.accepted);
    EXPECT_NE(refused.text.find("which was into main.before"), std::string::npos) << refused.text;
    EXPECT_NE(refused.text.find("Put the old names back"), std::string::npos) << refused.text;
    EXPECT_EQ(w.core().view().spaces.at(0).target, "main.before") << "the old configuration keeps running";

    schema = "BEFORE";  // the same name to Unity Catalog
    EXPECT_TRUE(w.get(w.core().reload()).accepted);
}

TEST(Target, AStartWithAnotherSchemaIsRefusedAndWithTheOldOneGoesOn)
{
    daemon_world w;
    w.start();
    sent_calls sent;
    w.send_tracks("space0", {"a"}, sent);
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
    w.stop();

    const auto right = w.config;
    w.config = with_schema(w, "elsewhere");
    w.start();
    ASSERT_TRUE(w.result().has_value());
    ASSERT_TRUE(w.result()->has_error());
    EXPECT_EQ(w.result()->error().id, "space.schema_fixed");
    EXPECT_NE(w.result()->error().detail.find("Space \"space0\""), std::string::npos);

    w.config = right;
    w.start();
    EXPECT_TRUE(w.core().ready());
    ASSERT_TRUE(w.sync("space0")) << w.log.text();
}
