// Includes point one way: the house of the architecture document.
#include "tests/unit/lint/tree.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace lakeferry::lint {
namespace {

// The room of a file: "sync/core", "net/http", "daemon".
std::string room_of(const std::string& path)
{
    const auto first = path.find('/');
    const std::string top = path.substr(0, first);
    if (top != "sync" && top != "net") return top;
    const auto second = path.find('/', first + 1);
    return second == std::string::npos ? top : path.substr(0, second);
}

// What a room may include besides itself.
const std::map<std::string, std::set<std::string>>& allowed()
{
    static const std::set<std::string> all_net{"net/rt", "net/obs", "net/dns", "net/tls", "net/http"};
    static const auto with = [](std::set<std::string> to, const std::set<std::string>& more) {
        to.insert(more.begin(), more.end());
        return to;
    };
    static const std::map<std::string, std::set<std::string>> rooms{
        {"net", {"net/rt"}},
        {"net/rt", {}},
        {"net/obs", {"net/rt"}},
        {"net/dns", {"net/rt", "net/obs"}},
        {"net/tls", {"net/rt", "net/obs"}},
        {"net/http", {"net/rt", "net/obs", "net/dns", "net/tls"}},
        {"auth", all_net},
        {"systemd", {}},
        {"sync/core", all_net},
        {"sync/store", with({"sync/core"}, all_net)},
        {"sync/databricks", with({"sync/core", "sync/store", "auth"}, all_net)},
        {"sync/intake", with({"sync/core", "sync/store", "sync/databricks", "auth"}, all_net)},
        {"sync/identity", with({"sync/core", "sync/store", "sync/databricks", "auth"}, all_net)},
        {"sync/parquet", {"net/rt"}},
        {"sync/profiles",
         with({"sync/core", "sync/store", "sync/databricks", "sync/identity", "sync/parquet", "auth"}, all_net)},
        {"sync/destinations", with({"sync/core", "auth"}, all_net)},
        {"sync/reverse", with({"sync/core", "sync/store", "sync/databricks", "sync/destinations", "auth"}, all_net)},
    };
    return rooms;
}

TEST(Includes, PointOneWay)
{
    std::size_t seen = 0;
    for (const auto& file : product()) {
        const std::string room = room_of(file.path);
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string what = project_include(file.lines[i]);
            if (what.empty()) continue;
            ++seen;
            const std::string to = room_of(what);
            EXPECT_TRUE(std::filesystem::exists(root / what)) << file.path << ":" << i + 1 << " does not name a file from the root: " << what;
            EXPECT_NE(what.substr(0, 6), "tests/") << file.path << ":" << i + 1;
            if (room == "daemon" || room == to) continue;
            ASSERT_TRUE(allowed().contains(room)) << "the room " << room << " is not in the plan";
            EXPECT_TRUE(allowed().at(room).contains(to)) << file.path << ":" << i + 1 << ": " << room << " may not include " << to;
        }
    }
    EXPECT_GT(seen, 100U) << "the tree was read";
}

TEST(Includes, HeavyLibrariesStayBehindTheirDoors)
{
    struct door {
        std::string library;
        std::set<std::string> rooms;
        std::set<std::string> files;
    };
    const std::vector<door> doors{
        {"boost/beast", {"net/http", "net"}, {}},
        {"openssl/", {"net/tls", "net/http", "net"}, {"sync/core/hash.cpp", "auth/secret.cpp", "auth/oauth_messages.cpp"}},
        {"boost/asio/ssl", {"net/tls", "net/http", "net"}, {}},
        {"rocksdb/", {"sync/store"}, {}},
        {"librdkafka/", {}, {"sync/intake/kafka_rdkafka.cpp", "sync/intake/kafka_errors.cpp"}},
        {"toml++/", {}, {"daemon/config/tree.cpp"}},
        {"CLI/", {}, {"daemon/cli/options.cpp"}},
        {"spdlog/", {"net/obs"}, {}},
        {"date/", {}, {"daemon/schedule/cron.cpp"}},
    };
    for (const auto& file : product()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string what = system_include(file.lines[i]);
            for (const auto& one : doors) {
                if (!what.starts_with(one.library)) continue;
                EXPECT_TRUE(one.rooms.contains(room_of(file.path)) || one.files.contains(file.path))
                    << file.path << ":" << i + 1 << " includes <" << what << ">";
            }
        }
    }
}

}  // namespace
}  // namespace lakeferry::lint
