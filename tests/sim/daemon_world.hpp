// The whole daemon in the test world: virtual clock, network and disk in memory that fail as the seed says, a scripted
// workspace. The daemon can crash at any point and come back; disk, network and workspace stay.
#pragma once

#include "daemon/supervisor/daemon_core.hpp"
#include "daemon/supervisor/space_runner.hpp"
#include "net/http/pool.hpp"
#include "tests/support/fake_databricks/fake_workspace.hpp"
#include "tests/support/fake_disk/fake_disk.hpp"
#include "tests/support/fake_net/fake_net.hpp"
#include "tests/support/world/world.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace lakeferry::test {

// What a client learned of one call.
struct sent_calls {
    std::set<std::string> accepted{};  // message ids answered with 200
    std::set<std::string> unknown{};   // no answer, or one that said nothing about them
};

class daemon_world : public world {
public:
    explicit daemon_world(std::uint64_t seed = 1, unsigned spaces = 1);
    ~daemon_world();

    fake_disk disk{};
    fake_net net{*this};
    rt::task_group peers;
    fake_databricks::fake_workspace workspace;
    std::shared_ptr<daemon::snapshot> config;
    std::vector<std::string> statements{};  // executed
    std::vector<std::string> notes{};       // to the service manager
    std::function<daemon::load_result()> load{};
    bool align_runs = true;
    std::function<void()> return_memory{};
    intake::kafka_connector kafka{};

    daemon::daemon_core& core();
    bool up() const noexcept { return core_ != nullptr; }
    // Starts the daemon and waits until it is ready or has failed.
    void start();
    // Waits for a stop in good order; the virtual time that it took.
    rt::duration stop();
    // Stops, and starts with this state directory; what is not there yet is empty.
    void restart_with(const std::string& state_directory);
    // From one moment to the next; what was not synced is gone.
    void crash();
    const std::optional<rt::outcome<void>>& result() const noexcept { return result_; }

    // A batch of track calls of one space with these message ids, from one visitor each.
    void send_tracks(const std::string& space, const std::vector<std::string>& ids, sent_calls& learned);
    http::response post(const std::string& path, const std::string& space, std::string body);
    // A run now; false: the daemon could not say.
    bool sync(const std::string& space);

    // Message ids in a landed table, with repetitions.
    std::vector<std::string> landed_ids(const std::string& schema, const std::string& table) const;

    static std::string space_id(unsigned n) { return "space" + std::to_string(n); }
    static std::string write_key(const std::string& space) { return "wk-" + space; }

private:
    std::string secret_file_;
    auth::credential_store credentials_{""};
    std::unique_ptr<http::listener> workspace_door_;
    rt::task_group clients_;
    std::unique_ptr<http::pool> client_;
    std::unique_ptr<daemon::daemon_core> core_{};
    rt::task_group life_;
    std::optional<rt::outcome<void>> result_{};
};

}  // namespace lakeferry::test
